"""An Azure with a registry, and a project of which every test has a part for itself."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.images.place import Place, World
from tests.support.azure import visit
from tests.support.plugin import Plugin, plugin
from trainup.simulator.cloud.sample import furnish
from trainup.simulator.rehearsal import rehearsal


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    project = tmp_path_factory.mktemp("project")
    with rehearsal(tmp_path_factory.mktemp("azure")) as running, pytest.MonkeyPatch.context() as patch:
        visit(running, patch)
        with plugin(project) as made:
            yield World(running.azure, furnish(running.azure).registry, project, made)


@pytest.fixture
def place(world: World, tmp_path: Path) -> Iterator[Place]:
    made = Place(world, tmp_path.name.replace("_", "-"))
    made.folder.mkdir()
    (made.folder / "Dockerfile").write_text("FROM scratch\nCOPY a.txt /\nRUN pip install fastai\n")
    # Of its own for every test: what another one has built must not be found here.
    (made.folder / "a.txt").write_text(made.name)
    yield made
    for gate in made.gates:
        gate.set()
    world.azure.faults.clear()
    world.azure.builds.wait()


@pytest.fixture
def image(world: World) -> Plugin:
    """What the tests share."""
    return world.plugin


@pytest.fixture
def own(place: Place) -> Iterator[Plugin]:
    with place.plugin() as made:
        yield made
