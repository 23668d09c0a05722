"""A job file's image that another one may replace without a word."""

import pytest

from trainup.provider.run_source import moving_tag

DIGEST = "sha256:" + "0" * 64


def inputs(image: str, target: str = "azure") -> dict[str, object]:
    return {"job": "job.yml", "target": target, "definition": {"image": image}}


@pytest.mark.parametrize("image", ["team.azurecr.io/fastai:1", "team.azurecr.io/fastai", "python:3.11"])
def test_one_named_by_a_tag_is_told(image: str) -> None:
    told = moving_tag(inputs(image))
    assert told is not None
    assert told.startswith(f"job.yml names the image {image} by a tag")


@pytest.mark.parametrize("image", [f"team.azurecr.io/fastai:1@{DIGEST}", f"python@{DIGEST}", "azureml:fastai:3", "??"])
def test_one_named_by_its_content_or_version_is_not(image: str) -> None:
    assert moving_tag(inputs(image)) is None


def test_on_this_machine_the_stacks_own_image_counts() -> None:
    assert moving_tag(inputs("python:3.11", "local")) is None
