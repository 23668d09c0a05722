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
MLFLOW_CLIENT = Path(__file__).with_name("mlflow_client.py")


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
def official_python() -> Path:
    """The Python that has the official clients."""
    try:
        return official.python()
    except official.NoNetwork as error:
        pytest.skip(f"the official clients cannot be had: {error}")


@pytest.fixture(scope="session")
def official_client(official_python: Path) -> Callable[..., Any]:
    """Runs the official client in a workspace of a rehearsal; what it does is in `official_client.py`."""

    def run(running: Rehearsal | Cloud, workspace: str, *words: str) -> Any:
        words_of_id = workspace.split("/")
        return _told(running, official_python, OFFICIAL_CLIENT, words_of_id[2], words_of_id[4], words_of_id[8], *words)

    return run


@pytest.fixture(scope="session")
def mlflow_client(official_python: Path) -> Callable[..., Any]:
    """Runs `azureml-mlflow` with a workspace of a rehearsal; what it does is in `mlflow_client.py`."""

    def run(running: Rehearsal | Cloud, workspace: str, *words: str) -> Any:
        uri = running.azure.get(workspace)["properties"]["mlFlowTrackingUri"]
        return _told(running, official_python, MLFLOW_CLIENT, uri, *words)

    return run


def _told(running: Rehearsal | Cloud, *words: str | Path) -> Any:
    """What a client tells as JSON in its last line, after it reached nothing but this machine."""
    done = subprocess.run(
        words,
        env=running.variables if isinstance(running, Cloud) else running.environment(os.environ),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert running.trap.caught == []
    return json.loads(done.stdout.splitlines()[-1])
