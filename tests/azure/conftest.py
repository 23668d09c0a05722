"""Azure on this machine, for programs that the real engine runs and for tests of the stand-in itself."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support import official
from tests.support.attached import Place
from tests.support.azure import Cloud, cloud
from tests.support.project import toolchain_environment
from trainup.simulator.cloud.azure import Azure
from trainup.simulator.rehearsal import Rehearsal

OFFICIAL_CLIENT = Path(__file__).with_name("official_client.py")


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


@pytest.fixture(scope="session")
def official_client() -> Callable[..., Any]:
    """Runs the official client in a workspace of a rehearsal; what it does is in `official_client.py`."""
    try:
        python = official.python()
    except official.NoNetwork as error:
        pytest.skip(f"the official client cannot be had: {error}")

    def run(running: Rehearsal | Cloud, workspace: str, *words: str) -> Any:
        words_of_id = workspace.split("/")
        done = subprocess.run(
            [python, OFFICIAL_CLIENT, words_of_id[2], words_of_id[4], words_of_id[8], *words],
            env=running.variables if isinstance(running, Cloud) else running.environment(os.environ),
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
        assert running.trap.caught == []
        return json.loads(done.stdout.splitlines()[-1])

    return run
