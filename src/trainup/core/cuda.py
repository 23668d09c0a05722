"""Which CUDA, driver, GPU and PyTorch fit each other.

Sources:

- drivers: CUDA Toolkit release notes, "CUDA Driver" (https://docs.nvidia.com/cuda/cuda-toolkit-release-notes/): with
  minor version compatibility, CUDA 11 runs on drivers from 450.80.02, CUDA 12 from 525.60.13 and CUDA 13 from 580;
- GPUs: the same notes and the CUDA programming guide, "Compute Capabilities": CUDA 12 has dropped Kepler, and CUDA 13
  Maxwell, Pascal and Volta; Ampere came with CUDA 11.0 (8.0) and 11.1 (8.6), Ada and Hopper with 11.8, Blackwell with
  12.8;
- PyTorch: the CUDA of the wheels on PyPI, from RELEASE.md of pytorch/pytorch, "Release Compatibility Matrix";
- GPUs of Azure's sizes: https://learn.microsoft.com/azure/virtual-machines/sizes/overview, "GPU accelerated".
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

Version = tuple[int, int]
"""Major and minor version."""

DRIVERS: dict[int, str] = {11: "450.80.02", 12: "525.60.13", 13: "580"}
"""Major version of CUDA → the oldest driver for Linux that it runs on."""

OLDEST_GPU: dict[int, Version] = {11: (3, 5), 12: (5, 0), 13: (7, 5)}
"""Major version of CUDA → the lowest compute capability that it has code for."""

FIRST_CUDA: dict[Version, Version] = {
    (7, 0): (9, 0),
    (7, 5): (10, 0),
    (8, 0): (11, 0),
    (8, 6): (11, 1),
    (8, 9): (11, 8),
    (9, 0): (11, 8),
    (10, 0): (12, 8),
}
"""Compute capability → the first CUDA that has code for it."""

TORCH: dict[Version, Version] = {
    (2, 0): (11, 7),
    (2, 1): (12, 1),
    (2, 2): (12, 1),
    (2, 3): (12, 1),
    (2, 4): (12, 1),
    (2, 5): (12, 4),
    (2, 6): (12, 4),
    (2, 7): (12, 6),
    (2, 8): (12, 8),
    (2, 9): (12, 8),
    (2, 10): (12, 8),
}
"""PyTorch → the CUDA of its wheels on PyPI. Those of later versions are told by the packages that a lock names."""


@dataclass(frozen=True)
class Gpu:
    """A GPU of Azure's nodes."""

    name: str
    capability: Version


_GPUS = (
    (r"gb[23]00", Gpu("Blackwell", (10, 0))),
    (r"h200", Gpu("H200", (9, 0))),
    (r"h100", Gpu("H100", (9, 0))),
    (r"a100|nd96a?m?sr_v4|nd96asr_v4", Gpu("A100", (8, 0))),
    (r"_a10_v5", Gpu("A10", (8, 6))),
    (r"_t4_v3", Gpu("T4", (7, 5))),
    (r"nc\d+r?s_v3|nd40rs_v2", Gpu("V100", (7, 0))),
    (r"nd\d+r?s$", Gpu("P40", (6, 1))),
    (r"nc\d+r?s_v2", Gpu("P100", (6, 0))),
    (r"nv\d+s?_v[23]|nv\d+$", Gpu("M60", (5, 2))),
    (r"nc\d+r?(_promo)?$", Gpu("K80", (3, 7))),
)
"""Part of the name of a size → its GPU; the first that is found counts."""


def gpu_of(size: str) -> Gpu | None:
    """The NVIDIA GPU of one of Azure's sizes, such as `Standard_NC4as_T4_v3`; None without one that is known."""
    plain = size.lower().removeprefix("standard_")
    return next((gpu for pattern, gpu in _GPUS if re.search(pattern, plain)), None)


def cuda_of_image(reference: str) -> Version | None:
    """The CUDA in an image, by its name: `…/openmpi5.0-cuda12.4-ubuntu22.04`, `nvidia/cuda:12.4.1-…`."""
    match = re.search(r"cuda[:-]?(\d+)\.(\d+)", reference)
    return (int(match[1]), int(match[2])) if match else None


def cuda_of_packages(lines: Iterable[str]) -> Version | None:
    """The CUDA of the PyTorch in requirements; None where they name no version of it, or one without CUDA."""
    torch: Version | None = None
    runtime: Version | None = None
    for line in lines:
        text = line.strip().lower()
        if local := re.match(r"torch\s*===?\s*[\d.]+\+(\w+)", text):
            return _of_index(local[1])
        if match := re.match(r"torch\s*===?\s*(\d+)\.(\d+)", text):
            torch = (int(match[1]), int(match[2]))
        if match := re.match(r"nvidia-cuda-runtime(?:-cu\d+)?\s*==\s*(\d+)\.(\d+)", text):
            runtime = (int(match[1]), int(match[2]))
        if (index := re.search(r"download\.pytorch\.org/whl/(\w+)", text)) and "torch" in text:
            return _of_index(index[1])
    return (runtime or TORCH.get(torch)) if torch else None


def _of_index(name: str) -> Version | None:
    match = re.fullmatch(r"cu(\d+)(\d)", name)
    return (int(match[1]), int(match[2])) if match else None


def misfit(cuda: Version, gpu: Gpu) -> str | None:
    """Why a CUDA has no code for a GPU, or None."""
    version, capability = shown(cuda), shown(gpu.capability)
    oldest = OLDEST_GPU.get(cuda[0], max(OLDEST_GPU.values()))
    if gpu.capability < oldest:
        return f"CUDA {version} has code for GPUs from {shown(oldest)} on, and the {gpu.name} has {capability}"
    first = FIRST_CUDA.get(gpu.capability, (0, 0))
    if cuda < first:
        return f"CUDA {version} has no code for the {gpu.name} ({capability}), which takes CUDA {shown(first)} or newer"
    return None


def driver_for(cuda: Version) -> str | None:
    """The oldest driver for Linux that a CUDA runs on; None for a CUDA that is not in the table."""
    return DRIVERS.get(cuda[0])


def requirement(cuda: Version) -> str:
    """What `NVIDIA_REQUIRE_CUDA` says of the drivers that a CUDA runs on: those of its first minor version."""
    return f"cuda>={cuda[0]}.0"


def shown(version: Version) -> str:
    """`12.4`."""
    return f"{version[0]}.{version[1]}"
