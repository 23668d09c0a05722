"""Azure on this machine, for programs that the real engine runs and for tests of the stand-in itself."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.attached import Place
from tests.support.azure import Cloud, cloud
from tests.support.project import toolchain_environment
from trainup.simulator.cloud.azure import Azure


@pytest.fixture(scope="session")
def environment() -> dict[str, str]:
    return toolchain_environment()


@pytest.fixture
def running(tmp_path: Path, environment: dict[str, str]) -> Iterator[Cloud]:
    """A cloud that the engine can reach."""
    with cloud(tmp_path, environment) as made:
        yield made


@pytest.fixture
def azure(tmp_path: Path) -> Azure:
    """An empty Azure without an engine."""
    return Azure(bodies=tmp_path / "bodies")


@pytest.fixture
def place(running: Cloud) -> Iterator[Place]:
    """A workspace that exists, and stacks that attach to it."""
    with ExitStack() as exits:
        yield Place(running, exits)
