"""The images that a Dockerfile builds on are looked up in the preview, where their registry can be asked."""

from collections.abc import Iterator

import pytest

from tests.contract.images.place import Place
from tests.support import registry as registries
from tests.support.plugin import Plugin, urn

pytestmark = pytest.mark.slow

IMAGE = urn("Image", "image")


@pytest.fixture
def registry() -> Iterator[registries.Registry]:
    with registries.serve(registries.Registry()) as made:
        made.push("team/base:20260715.v1", "linux/amd64")
        made.push("team/base:20260621.v1", "linux/amd64", "linux/arm64")
        made.push("team/arm:1", "linux/arm64")
        yield made


def failures(image: Plugin, place: Place, dockerfile: str, **inputs: object) -> dict[str, str]:
    (place.folder / "Dockerfile").write_text(dockerfile)
    return image.check(IMAGE, {**place.inputs(), **inputs})[1]


def test_bases_that_are_there_are_told_by_nothing(registry: registries.Registry, own: Plugin, place: Place) -> None:
    dockerfile = f"""\
ARG TAG=none
FROM {registry.address}/team/base:20260621.v1 AS first
FROM {registry.address}/team/base:$TAG
COPY --from=first /a /b
"""
    assert failures(own, place, dockerfile, arguments={"TAG": "20260715.v1"}) == {}
    assert own.engine.lines() == []


@pytest.mark.parametrize(
    ("dockerfile", "says"),
    [
        (
            "FROM {}/team/base:20260716.v1\n",
            "line 1: {} has no image 'team/base' with '20260716.v1'; it has 20260715.v1, 20260621.v1: correct the name",
        ),
        ("# a\nFROM {}/team/arm:1\n", "line 2: {}/team/arm '1' runs on linux/arm64 and not on linux/amd64"),
        ("FROM scratch\nCOPY --from={}/team/none:1 /a /b\n", "line 2: {} has no image 'team/none' with '1'"),
    ],
)
def test_a_base_that_is_not_there_stops_the_preview(
    registry: registries.Registry, own: Plugin, place: Place, dockerfile: str, says: str
) -> None:
    address = registry.address
    assert failures(own, place, dockerfile.format(address))["dockerfile"].startswith(says.format(address, address))


@pytest.mark.parametrize("way_in", ["unreachable", "private"])
def test_a_registry_that_says_nothing_is_told_once_and_stops_nothing(
    registry: registries.Registry, own: Plugin, place: Place, way_in: str
) -> None:
    registry.login = ("team", "pl4nted")
    server = "localhost:9" if way_in == "unreachable" else registry.address
    for number in range(2):
        assert failures(own, place, f"FROM {server}/team/base:{number}\nCOPY . /\n") == {}
    assert len([line for line in own.engine.lines() if "images are not looked up in this preview" in line]) == 1


def test_an_image_that_is_built_already_is_not_looked_up_again(
    registry: registries.Registry, own: Plugin, place: Place
) -> None:
    (place.folder / "Dockerfile").write_text(f"FROM {registry.address}/team/base:20260715.v1\n")
    checked, _ = own.check(IMAGE, place.inputs())
    asked = len(registry.seen)
    assert own.check(IMAGE, place.inputs(), checked)[1] == {}
    assert len(registry.seen) == asked > 0


def test_an_existing_image_that_is_not_there_stops_the_preview_too(
    registry: registries.Registry, own: Plugin, place: Place
) -> None:
    given = {"builder": "prebuilt", "image": f"{registry.address}/team/base:7"}
    assert "has no image 'team/base' with '7'" in own.check(IMAGE, given)[1]["image"]
    assert own.check(IMAGE, given, given)[1] == {}, "what is deployed is left alone"


def test_the_bases_of_an_image_that_docker_builds_are_looked_up_too(
    registry: registries.Registry, own: Plugin, place: Place
) -> None:
    (place.folder / "Dockerfile").write_text(f"FROM {registry.address}/team/base:3\n")
    given = {"builder": "docker", "dockerfile": f"{place.folder.name}/Dockerfile"}
    assert "has no image 'team/base' with '3'" in own.check(IMAGE, given)[1]["dockerfile"]
    (place.folder / "Dockerfile").write_text(f"FROM {registry.address}/team/base:20260621.v1\n")
    assert own.check(IMAGE, given)[1] == {}
