"""The real engine: a Pulumi CLI, whichever `make setup` found or made."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import processes
from tests.support.project import Project, toolchain_environment


@pytest.fixture(scope="session")
def environment() -> dict[str, str]:
    return toolchain_environment()


@pytest.fixture
def project(tmp_path: Path, environment: dict[str, str]) -> Iterator[Project]:
    """A project whose runs never outlive their test."""
    made = Project(tmp_path / "project", environment)
    yield made
    processes.kill(processes.of(made.folder))
