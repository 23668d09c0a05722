"""A workspace, and runs in it that nobody executes."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from trainup.core.spec import RunSpec
from trainup.jobs.local import ledger
from trainup.jobs.local.files import Lock, write_json
from trainup.jobs.local.workspace import RunFolder, Workspace
from trainup.jobs.target import Job, Owner

URN = "urn:pulumi:test::trainup::trainup:index:Run::digits"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """An empty workspace in a project's folder."""
    found = Workspace(tmp_path / ".trainup" / "test", tmp_path)
    found.create()
    return found


@pytest.fixture
def job() -> Callable[..., Job]:
    """Makes jobs; every argument but `run`, `urn` and `token` is a field of the spec."""

    def make(run: str = "digits", urn: str = URN, token: str = "t1", **spec: Any) -> Job:
        wanted = RunSpec(**{"command": ("true",), **spec})
        return Job(run=run, spec=wanted, digest=wanted.digest(), owner=Owner(urn, token))

    return make


class Runs:
    """Claimed runs, each with a supervisor's lock that can be dropped."""

    def __init__(self, workspace: Workspace, make: Callable[..., Job]) -> None:
        self._workspace, self._make = workspace, make
        self._locks: dict[str, Lock] = {}

    def add(self, run: str, *, alive: bool = True, status: dict[str, Any] | None = None, **spec: Any) -> RunFolder:
        """Claim a run."""
        folder = ledger.claim(self._workspace, self._make(run, **spec), 1)
        if alive:
            self._locks[folder.name] = Lock(folder.lock)
            assert self._locks[folder.name].try_acquire()
        if status:
            write_json(folder.status, status)
        return folder

    def die(self, folder: RunFolder) -> None:
        """What the kernel does when the supervisor is killed."""
        self._locks.pop(folder.name).release()

    def revive(self, folder: RunFolder) -> None:
        """A new supervisor watches over it."""
        self._locks[folder.name] = Lock(folder.lock)
        assert self._locks[folder.name].try_acquire()

    def close(self) -> None:
        with ExitStack() as stack:
            for lock in self._locks.values():
                stack.callback(lock.release)


@pytest.fixture
def runs(workspace: Workspace, job: Callable[..., Job]) -> Iterator[Runs]:
    """Runs of the workspace."""
    made = Runs(workspace, job)
    yield made
    made.close()
