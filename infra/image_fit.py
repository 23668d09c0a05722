"""Whether the base image, the PyTorch in it and the GPUs of the cluster fit each other, as far as files tell."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from trainup.core import bounded, cuda, dockerfiles
from trainup.core.images import ImageBuilder
from trainup.core.texts import decode
from trainup.infra.azure_image_settings import AzureImageSettings

REQUIRE = "NVIDIA_REQUIRE_CUDA"
"""The variable by which NVIDIA's container runtime refuses to start a container where the driver is too old."""
SERVERS = ("azureml-inference-server-http", "azureml-defaults")
"""Packages that bring the server of online endpoints."""
INFERENCE = "inference"
"""A word in the names of Azure ML's images that can serve by themselves."""
_LISTS = re.compile(r"\.(txt|in|lock)$")


@dataclass
class Fit:
    """What does not fit: `problems` cannot work, `warnings` may fall back to the CPU."""

    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def fit_of(image: AzureImageSettings, size: str | None, root: Path) -> Fit:
    """What does not fit in the stack's image; `size` is the SKU of the nodes, if it is known."""
    key = "trainup:image"
    if image.builder is ImageBuilder.PREBUILT:
        return _fit(key, image.reference or "", cuda.cuda_of_packages(image.pip or []), size, has_requirement=True)
    try:
        text = image.dockerfile_text or decode(bounded.read_bytes(root / image.dockerfile_path))
    except (OSError, ValueError):
        return Fit()  # there is a finding about it
    return fit_of_dockerfile(key, text, root / image.folder, image.arguments or {}, size)


def fit_of_dockerfile(key: str, text: str, context: Path, arguments: dict[str, str], size: str | None) -> Fit:
    """What does not fit in the image that a Dockerfile builds."""
    images = dockerfiles.base_images(text, arguments)
    base = next((one.reference for one in reversed(images) if cuda.cuda_of_image(one.reference)), "")
    has_requirement = REQUIRE in dockerfiles.environment(text)
    return _fit(key, base, cuda.cuda_of_packages(_packages(text, context)), size, has_requirement=has_requirement)


def without_server(image: AzureImageSettings, root: Path) -> str | None:
    """A warning if nothing puts the server of endpoints into the image, as far as files tell; or None."""
    if image.builder is ImageBuilder.PREBUILT:
        text, words = image.reference or "", list(image.pip or [])
    else:
        try:
            text = image.dockerfile_text or decode(bounded.read_bytes(root / image.dockerfile_path))
        except (OSError, ValueError):
            return None  # there is a finding about it
        words = list(_packages(text, root / image.folder))
    bases = " ".join(one.reference for one in dockerfiles.base_images(text, {})) or text
    if INFERENCE in bases or any(name in word for word in words for name in SERVERS):
        return None
    return (
        f"trainup:image: nothing in it installs {SERVERS[0]}, by which Azure ML serves: endpoints of this stack will "
        "not get healthy unless its base brings it; add it to the requirements"
    )


def _fit(key: str, base: str, torch: cuda.Version | None, size: str | None, *, has_requirement: bool) -> Fit:
    fit, of_base = Fit(), cuda.cuda_of_image(base)
    gpu = cuda.gpu_of(size) if size else None
    # PyTorch's wheels bring their own CUDA, so that of the base does not matter where there is one.
    counts, whose = (torch, "its PyTorch") if torch else (of_base, f"its base {base}")
    if gpu and counts and (problem := cuda.misfit(counts, gpu)):
        fit.problems.append(
            f"{key}: {whose} is made for CUDA {cuda.shown(counts)}, and the nodes are {size}. {problem}: take other "
            "versions, or another size (trainup:cluster.size)"
        )
    if torch and of_base and torch[0] > of_base[0] and not has_requirement:
        fit.warnings.append(
            f"{key}: its PyTorch is made for CUDA {cuda.shown(torch)}, which takes a driver from "
            f"{cuda.driver_for(torch) or 'a newer one'} on, and its base {base} starts with older ones, where a run "
            f"would find no GPU: add `ENV {REQUIRE}={cuda.requirement(torch)}` to the Dockerfile, so that no container "
            "starts there, or take a base of the same CUDA"
        )
    return fit


def _packages(text: str, context: Path) -> Iterator[str]:
    """The lines of the requirements that a Dockerfile copies, and the words of its commands."""
    for step in dockerfiles.instructions(text):
        if step.name == "RUN":
            yield from step.text.splitlines()
            yield from (word.strip("\"'") for word in step.text.split())
        elif step.name in ("COPY", "ADD"):
            for word in step.words[:-1]:
                path = context / word
                if _LISTS.search(word) and path.is_file():
                    try:
                        yield from decode(bounded.read_bytes(path)).splitlines()
                    except (OSError, ValueError):
                        continue  # what cannot be read is told where the image is checked
