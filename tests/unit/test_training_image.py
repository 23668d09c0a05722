"""The images that trainup's own Dockerfiles build: what they begin with fits what is installed in it."""

import re
from pathlib import Path

import pytest

from trainup.cli.starting.files import DOCKERFILE
from trainup.core import cuda, dockerfiles
from trainup.core.texts import decode
from trainup.infra.image_fit import fit_of_dockerfile

REPOSITORY = Path(__file__).parents[2]
TRAINING = REPOSITORY / "training"
DOCKERFILES = {
    "training": decode((TRAINING / "Dockerfile").read_bytes()),
    "example": decode((REPOSITORY / "examples" / "custom-dockerfile" / "image" / "Dockerfile").read_bytes()),
    "init": DOCKERFILE.replace("\\\\", "\\"),
}


def test_no_container_starts_where_the_driver_is_too_old_for_the_locked_torch() -> None:
    """Or a run would fall back to the CPU there."""
    packages = cuda.cuda_of_packages((TRAINING / "requirements.txt").read_text().splitlines())
    assert packages
    required = dockerfiles.environment(DOCKERFILES["training"])["NVIDIA_REQUIRE_CUDA"]
    assert required == cuda.requirement(packages)


@pytest.mark.parametrize("size", ["Standard_NC4as_T4_v3", "Standard_NC24ads_A100_v4", "Standard_ND96isr_H100_v5"])
def test_the_training_fits_the_gpus_of_todays_sizes(size: str) -> None:
    fit = fit_of_dockerfile("trainup:image", DOCKERFILES["training"], TRAINING, {}, size)
    assert (fit.problems, fit.warnings) == ([], [])


@pytest.mark.parametrize("name", DOCKERFILES)
def test_the_base_is_one_that_never_changes_and_that_is_known_to_exist(name: str) -> None:
    """Three public projects name this tag, as found in July 2026; the README of the base images names the image."""
    (base, *_) = dockerfiles.base_images(DOCKERFILES[name])
    assert re.fullmatch(r"mcr\.microsoft\.com/azureml/openmpi5\.0-cuda12\.4-ubuntu22\.04:20260715\.v1", base.reference)
