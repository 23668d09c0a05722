"""CUDA, drivers, GPUs and PyTorch: the table, and what is read of files."""

import pytest

from trainup.core import cuda
from trainup.core.sizes import SIZES


@pytest.mark.parametrize(
    ("size", "name"),
    [
        ("Standard_NC4as_T4_v3", "T4"),
        ("standard_nc24ads_a100_v4", "A100"),
        ("Standard_ND96asr_v4", "A100"),
        ("Standard_ND96isr_H100_v5", "H100"),
        ("Standard_ND96isr_H200_v5", "H200"),
        ("Standard_NV36ads_A10_v5", "A10"),
        ("Standard_NC6s_v3", "V100"),
        ("Standard_ND40rs_v2", "V100"),
        ("Standard_NC6s_v2", "P100"),
        ("Standard_ND6s", "P40"),
        ("Standard_NC6", "K80"),
        ("Standard_NV12s_v3", "M60"),
        ("Standard_ND128isr_NDR_GB200_v6", "Blackwell"),
    ],
)
def test_a_size_has_its_gpu(size: str, name: str) -> None:
    gpu = cuda.gpu_of(size)
    assert gpu is not None
    assert gpu.name == name


def test_every_size_with_gpus_that_trainup_knows_is_in_the_table() -> None:
    for size in SIZES.values():
        gpu = cuda.gpu_of(size.sku)
        assert (gpu is not None) == bool(size.gpus), size.sku
        assert gpu is None or size.gpu.startswith(gpu.name), size.sku


@pytest.mark.parametrize(
    ("lines", "version"),
    [
        (["torch==2.8.0"], (12, 8)),
        (["torch==2.15.0 \\", "nvidia-cuda-runtime==13.2.86 ; sys_platform == 'linux' \\"], (13, 2)),
        (["nvidia-cuda-runtime-cu12==12.4.127", "torch==2.5.1"], (12, 4)),
        (["torch==2.7.1+cu118"], (11, 8)),
        (["torch==2.7.1+cpu"], None),
        (["pip install torch --index-url https://download.pytorch.org/whl/cu126"], (12, 6)),
        (["--extra-index-url https://download.pytorch.org/whl/cpu", "torch==2.8.0"], None),
        (["torch==2.99.0"], None),
        (["torch>=2"], None),
        (["torchvision==0.29.2", "numpy"], None),
        ([], None),
    ],
)
def test_the_cuda_of_pytorch_is_read_of_requirements(lines: list[str], version: cuda.Version | None) -> None:
    assert cuda.cuda_of_packages(lines) == version


@pytest.mark.parametrize(
    ("reference", "version"),
    [
        ("mcr.microsoft.com/azureml/openmpi5.0-cuda12.4-ubuntu22.04:20260715.v1", (12, 4)),
        ("nvidia/cuda:13.0.1-cudnn-devel-ubuntu24.04", (13, 0)),
        ("pytorch/pytorch:2.8.0-cuda12.8-cudnn9-runtime", (12, 8)),
        ("mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04", None),
    ],
)
def test_the_cuda_of_an_image_is_in_its_name(reference: str, version: cuda.Version | None) -> None:
    assert cuda.cuda_of_image(reference) == version


@pytest.mark.parametrize(
    ("version", "size", "says"),
    [
        ((13, 0), "Standard_NC6s_v3", "CUDA 13.0 has code for GPUs from 7.5 on, and the V100 has 7.0"),
        (
            (11, 7),
            "Standard_ND96isr_H100_v5",
            "CUDA 11.7 has no code for the H100 (9.0), which takes CUDA 11.8 or newer",
        ),
        ((12, 4), "Standard_NC6s_v3", None),
        ((13, 2), "Standard_NC4as_T4_v3", None),
        ((12, 6), "Standard_ND128isr_GB300_v6", "CUDA 12.6 has no code for the Blackwell"),
    ],
)
def test_what_has_no_code_for_a_gpu_is_told(version: cuda.Version, size: str, says: str | None) -> None:
    gpu = cuda.gpu_of(size)
    assert gpu is not None
    problem = cuda.misfit(version, gpu)
    assert problem == says if says is None else (problem or "").startswith(says)


def test_every_cuda_in_the_table_has_a_driver() -> None:
    assert all(cuda.driver_for(version) for version in {*cuda.TORCH.values(), (13, 2)})
