"""The image of the training: what its Dockerfile begins with fits what is installed in it."""

import re
from pathlib import Path

TRAINING = Path(__file__).parents[2] / "training"


def test_the_base_and_the_locked_packages_are_of_the_same_cuda() -> None:
    """With a base for an older driver, a run would fall back to the CPU on a node whose driver is too old for torch."""
    base = re.search(r"^FROM \S+-cuda(\d+)\.\d+-", (TRAINING / "Dockerfile").read_text(), re.MULTILINE)
    locked = set(re.findall(r"^nvidia-\w+-cu(\d+)==", (TRAINING / "requirements.txt").read_text(), re.MULTILINE))
    assert base
    assert locked == {base[1]}


def test_the_base_is_one_that_never_changes() -> None:
    assert re.search(
        r"^FROM mcr\.microsoft\.com/azureml/\S+:20\d{6}\.v\d+$", (TRAINING / "Dockerfile").read_text(), re.M
    )
