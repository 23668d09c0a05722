"""The stand-in for the docker provider, where nothing may leave this machine."""

import shutil
from pathlib import Path

import pytest
from pulumi.runtime.proto import provider_pb2

from trainup.core import wire
from trainup.simulator.cloud.azure import Azure
from trainup.simulator.cloud.sample import Sample
from trainup.simulator.plugins import docker
from trainup.simulator.rehearsal import Rehearsal

URN = "urn:pulumi:dev::trainup::docker:index/image:Image::image"


@pytest.fixture(autouse=True)
def context(tmp_path: Path, running: Rehearsal, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A build context, and a docker command that must not be run."""
    made = tmp_path / "context"
    made.mkdir()
    (made / "Dockerfile").write_text("FROM scratch\nCOPY a.txt /\n")
    (made / "a.txt").write_text("one")
    running.docker.folder = tmp_path

    def run(*words: object, **named: object) -> str:
        raise AssertionError(f"docker was run: {words}")

    monkeypatch.setattr(docker, "_docker", run)
    return made


def build(running: Rehearsal, name: str) -> str:
    """What the provider answers as the image's digest."""
    inputs = {"imageName": name, "build": {"context": "context", "dockerfile": "context/Dockerfile"}}
    request = provider_pb2.CreateRequest(urn=URN, properties=wire.encode(inputs))
    return str(wire.decode(running.docker.Create(request, None).properties)["repoDigest"])


def test_an_image_of_a_registry_here_is_kept_with_its_context(
    running: Rehearsal, azure: Azure, sample: Sample, context: Path
) -> None:
    server = azure.get(sample.registry)["properties"]["loginServer"]
    repository, _, digest = build(running, f"{server}/fastai2:dev").partition("@")
    shutil.rmtree(context)
    for reference in (digest, "dev"):
        image = azure.images.find(repository.partition("/")[2], reference)
        assert image is not None
        assert (image.context / "a.txt").read_text() == "one"


def test_another_context_is_another_image(running: Rehearsal, azure: Azure, sample: Sample, context: Path) -> None:
    server = azure.get(sample.registry)["properties"]["loginServer"]
    first = build(running, f"{server}/fastai2:dev")
    assert build(running, f"{server}/fastai2:dev") == first
    (context / "a.txt").write_text("two")
    assert build(running, f"{server}/fastai2:dev") != first


@pytest.mark.parametrize("server", ["registry.example", "team.azurecr.io", "10.0.0.5:5000"])
def test_nothing_is_pushed_to_a_registry_elsewhere(
    running: Rehearsal, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[str, bool]] = []
    monkeypatch.setattr(running.docker, "tell", lambda urn, text, *, warning=False: told.append((text, warning)))
    assert build(running, f"{server}/fastai2:dev").startswith(f"{server}/fastai2@sha256:")
    assert [made.real for made in running.docker.built] == [False]
    ((text, is_warning),) = told
    assert text.startswith(f"{server}/fastai2:dev was not built (a rehearsal pushes nothing to ")
    assert is_warning
