"""Whether base image, PyTorch and GPUs fit each other: what a stack is told before anything is built."""

from pathlib import Path

import pytest

from trainup.infra.image_fit import Fit, fit_of_dockerfile

BASE = "FROM mcr.microsoft.com/azureml/openmpi5.0-cuda12.4-ubuntu22.04:1\n"
T4, V100, H100 = "Standard_NC4as_T4_v3", "Standard_NC6s_v3", "Standard_ND96isr_H100_v5"


def fit(folder: Path, dockerfile: str, size: str | None, *requirements: str) -> Fit:
    (folder / "requirements.txt").write_text("\n".join(requirements))
    return fit_of_dockerfile("trainup:image", dockerfile, folder, {}, size)


INSTALL = "COPY requirements.txt /tmp/\nRUN pip install -r /tmp/requirements.txt\n"


def test_what_fits_is_told_by_nothing(tmp_path: Path) -> None:
    assert fit(tmp_path, BASE + INSTALL, T4, "torch==2.6.0") == Fit()
    assert fit(tmp_path, "FROM python:3.11\n" + INSTALL, T4, "torch==2.9.0") == Fit()
    assert fit(tmp_path, BASE + INSTALL, "Standard_DS3_v2", "torch==2.6.0") == Fit()
    assert fit(tmp_path, BASE, None) == Fit()


@pytest.mark.parametrize(
    ("dockerfile", "size", "requirement", "says"),
    [
        (BASE + INSTALL, V100, "torch==2.15.0\nnvidia-cuda-runtime==13.2.86", "its PyTorch is made for CUDA 13.2"),
        (BASE + "RUN pip install torch==2.0.1\n", H100, "", "CUDA 11.7 has no code for the H100"),
        (BASE + "RUN <<END\n  pip install torch==2.0.1\nEND\n", H100, "", "CUDA 11.7 has no code for the H100"),
        ("FROM nvidia/cuda:11.7.1-runtime\n", H100, "", "its base nvidia/cuda:11.7.1-runtime is made for CUDA 11.7"),
    ],
)
def test_gpus_that_the_packages_have_no_code_for_are_a_problem(
    tmp_path: Path, dockerfile: str, size: str, requirement: str, says: str
) -> None:
    (problem,) = fit(tmp_path, dockerfile, size, requirement).problems
    assert problem.startswith("trainup:image: ")
    assert says in problem


NEWER = "torch==2.15.0\nnvidia-cuda-runtime==13.2.86"


def test_a_base_that_starts_where_torch_finds_no_gpu_is_warned_of(tmp_path: Path) -> None:
    (warning,) = fit(tmp_path, BASE + INSTALL, T4, NEWER).warnings
    assert "CUDA 13.2, which takes a driver from 580 on" in warning
    assert "ENV NVIDIA_REQUIRE_CUDA=cuda>=13.0" in warning
    assert fit(tmp_path, BASE + "ENV NVIDIA_REQUIRE_CUDA=cuda>=13.0\n" + INSTALL, T4, NEWER) == Fit()
