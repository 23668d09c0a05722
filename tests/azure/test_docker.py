"""The builder docker for real: a daemon builds, a registry gets the image, and both have the same digest."""

import io
import json
import random
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import docker as support
from tests.support.azure import Cloud
from tests.support.docker import Docker
from tests.support.project import STACK
from trainup.core.images import parse_reference
from trainup.jobs import build_context
from trainup.jobs.azure.registry.api_v2 import Registry
from trainup.jobs.build_context import Recipe
from trainup.jobs.snapshot import StatCache

pytestmark = [pytest.mark.engine, pytest.mark.slow]

DOCKERFILE = "FROM scratch\nARG NAME=none\nLABEL name=$NAME\nCOPY . /\n"


@pytest.fixture(scope="module")
def docker() -> Iterator[Docker]:
    try:
        with support.docker() as running:
            yield running
    except support.Unavailable as why:
        pytest.skip(f"nothing was built by Docker: {why}")


def test_an_image_is_built_and_pushed_and_only_its_content_does_it_again(
    running: Cloud, docker: Docker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", docker.host)  # the stand-in's, which lives in this process
    project = running.stack(
        "dev",
        image={"builder": "docker", "context": "image"},
        registry={"server": docker.registry, "username": "team"},
        runs={},
    )
    project.pulumi("config", "set", "--secret", "trainup:registry_password", "planted-5ecret")
    context = project.folder / "image"
    context.mkdir()
    (context / "Dockerfile").write_text(DOCKERFILE)
    (context / ".dockerignore").write_text("*.log\n")
    (context / "a.txt").write_text("hello")

    def up() -> str:
        """The image's reference after an `up`, checked in the registry."""
        done = project.up()
        assert done.code == 0, done.text
        (environment,) = running.azure.resources("Microsoft.MachineLearningServices/workspaces/environments/versions")
        reference: str = environment["properties"]["image"]
        parsed = parse_reference(reference)
        assert parsed.server == docker.registry
        assert parsed.digest
        registry = Registry(docker.registry)
        found = registry.find(parsed.repository, parsed.digest)
        assert found
        assert registry.resolve(parsed, "linux/amd64") == parsed.digest
        tagged = registry.find(parsed.repository, STACK)
        assert tagged
        assert tagged.digest == parsed.digest
        return reference

    first = up()
    assert [built.real for built in running.docker.built] == [True]
    assert "planted-5ecret" not in project.pulumi("stack", "export")

    (context / "noise.log").write_text("ignored")
    again = project.up("--expect-no-changes")
    assert again.code == 0, again.text

    (context / "a.txt").write_text("other")
    second = up()
    project.edit(image={"builder": "docker", "context": "image", "arguments": {"NAME": "me"}})
    third = up()
    (context / "Dockerfile").write_text(f"{DOCKERFILE}LABEL more=1\n")
    fourth = up()
    assert len({first, second, third, fourth}) == 4
    assert len(running.docker.built) == 4
    destroy = project.destroy()
    assert destroy.code == 0, destroy.text
    assert running.azure.empty
    assert Registry(docker.registry).find("fastai2", STACK)  # what was pushed stays


def test_what_an_image_gets_is_what_docker_would_send(docker: Docker, tmp_path: Path) -> None:
    version: str = docker.run("version", "--format", "{{.Client.Version}}").strip()
    if int(version.split(".")[0]) < 23:
        pytest.skip(f"Docker {version} does not yet read a .dockerignore as BuildKit does; 23 and later do")
    chance = random.Random(1)
    for number in range(30):
        folder = tmp_path / str(number)
        _tree(folder, chance)
        recipe = Recipe(folder, folder / "Dockerfile")
        taken, findings = build_context.examine(recipe, StatCache(tmp_path / "cache"))
        assert taken, findings
        ours = {path for path in taken.files if path != "Dockerfile"}
        name = f"{docker.registry}/differential:{number}"
        docker.run("build", "--tag", name, str(folder))
        copied = _files(docker, name, tmp_path / f"{number}.tar")
        rules = (folder / ".dockerignore").read_text()
        assert ours == copied - {"Dockerfile"}, rules


def _tree(folder: Path, chance: random.Random) -> None:
    names = ["a", "b", "ab.txt", "c.log", "deep"]
    for _ in range(14):
        path = folder.joinpath(*(chance.choice(names[:2] + names[4:]) for _ in range(chance.randrange(3))))
        path.mkdir(parents=True, exist_ok=True)
        (path / f"{chance.choice(names)}{chance.randrange(3)}").write_text("x")
    parts = ["*", "**", "a", "b", "?b*", "*.log*", "deep", "[ab]", "ab.txt1", "c.log*"]
    lines = ["/".join(chance.choice(parts) for _ in range(chance.randrange(1, 4))) for _ in range(4)]
    # Docker's old builder, unlike BuildKit, does not bring back by wildcards what lies in an excluded folder.
    plain = ["a", "b", "deep", "ab.txt1", "a/b"]
    lines += [f"!{chance.choice(plain)}" for _ in range(2)] + [chance.choice(parts)]
    (folder / "always").write_text("x")  # an image without any file cannot be looked into
    (folder / ".dockerignore").write_text("\n".join([*lines, "!always"]) + "\n")
    (folder / "Dockerfile").write_text("FROM scratch\nLABEL a=b\nCOPY . /\n")


def _files(docker: Docker, name: str, archive: Path) -> set[str]:
    """The files of an image with a single COPY."""
    docker.run("save", "--output", str(archive), name)
    found: set[str] = set()
    with tarfile.open(archive) as image:
        for layer in json.loads(_read(image, "manifest.json"))[0]["Layers"]:
            with tarfile.open(fileobj=io.BytesIO(_read(image, layer))) as files:
                found |= {member.name for member in files if not member.isdir()}
    return found


def _read(archive: tarfile.TarFile, name: str) -> bytes:
    content = archive.extractfile(name)
    assert content
    return content.read()
