"""Environments of images, built once."""

import sys
from pathlib import Path

import pytest

from trainup.simulator.cloud.azure import Azure
from trainup.simulator.cloud.images import Image
from trainup.simulator.cloud.sample import furnish
from trainup.simulator.machines.environments import BuildFailed, Environments

DIGEST = "sha256:" + "1" * 64
UV = """#!/bin/sh
echo "$@" >> "$ASKED_UV"
case "$*" in *broken*) echo "no such package: broken"; exit 1;; esac
[ "$1" = venv ] && mkdir -p "$5/bin"
exit 0
"""


class Builder:
    """Environments over a uv that writes down what it is asked for."""

    def __init__(self, folder: Path) -> None:
        (folder / "bin").mkdir(parents=True)
        (folder / "bin" / "uv").write_text(UV)
        (folder / "bin" / "uv").chmod(0o755)
        self.folder, self.asked = folder, folder / "asked"
        self.azure = Azure()
        self.sample = furnish(self.azure)
        variables = {"PATH": f"{folder / 'bin'}:/usr/bin:/bin", "ASKED_UV": str(self.asked)}
        self.environments = Environments(self.azure, folder / "built", variables)

    def build(self, text: str, **files: str) -> Path:
        """The programs of an image of a Dockerfile and files beside it."""
        context = self.folder / "context"
        context.mkdir(exist_ok=True)
        for name, content in files.items():
            (context / f"{name}.txt").write_text(content)
        self.azure.images.remove(DIGEST)
        self.azure.images.push(Image(self.sample.registry, "fastai2", DIGEST, text, context))
        server = self.azure.get(self.sample.registry)["properties"]["loginServer"]
        version = {"id": "v", "properties": {"image": f"{server}/fastai2@{DIGEST}"}}
        return self.environments.python_of(version, self.folder / "log.txt")

    @property
    def installs(self) -> list[str]:
        """What was installed, call by call."""
        lines = self.asked.read_text().splitlines() if self.asked.exists() else []
        return [line for line in lines if line.startswith("pip install")]


@pytest.fixture
def builder(tmp_path: Path) -> Builder:
    return Builder(tmp_path / "builder")


def test_the_same_content_is_built_once_and_other_content_again(builder: Builder) -> None:
    text = "FROM python:3.11\nCOPY requirements.txt /tmp/\nRUN pip install -r /tmp/requirements.txt\n"
    first = builder.build(text, requirements="a==1")
    assert builder.build(text, requirements="a==1") == first
    assert builder.build(f"{text}LABEL a=b\n", requirements="a==1") == first
    assert len(builder.installs) == 1
    assert builder.build(text, requirements="a==2") != first
    assert builder.build(text.replace("3.11", "3.12"), requirements="a==1") != first
    assert len(builder.installs) == 3


def test_a_build_that_fails_says_why_and_is_tried_again(builder: Builder) -> None:
    for _ in range(2):
        with pytest.raises(BuildFailed, match="no such package: broken"):
            builder.build("FROM python:3.11\nRUN pip install broken\n")
    assert len(builder.installs) == 2


def test_an_image_without_packages_or_from_elsewhere_runs_on_this_interpreter(builder: Builder) -> None:
    own = Path(sys.executable).parent
    assert builder.build("FROM python:3.11\nRUN apt-get install x\n") == own
    elsewhere = {"id": "v", "properties": {"image": f"docker.io/fastai2@{DIGEST}"}}
    assert builder.environments.python_of(elsewhere, builder.folder / "log.txt") == own
    assert builder.installs == []
