"""A project with a stand-in for the CLI, and runs of its stack `local` that nobody executes."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support import stand_in
from trainup.core.git_state import GitState
from trainup.core.spec import RunSpec
from trainup.jobs.local import ledger
from trainup.jobs.local.files import Lock, write_json
from trainup.jobs.local.run_record import read_definition, write_definition
from trainup.jobs.local.workspace import RunFolder, Workspace
from trainup.jobs.target import Job, Owner


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    stand_in.enter(tmp_path, monkeypatch)
    return tmp_path


@pytest.fixture
def workspace(project: Path) -> Workspace:
    made = Workspace(project / ".trainup" / "local", project)
    made.create()
    return made


def urn_of(run: str, stack: str = "local") -> str:
    return stand_in.URN.replace("digits-job", f"{run}-job").replace(":local::", f":{stack}::", 1)


class Records:
    """Makes records; those that are alive have a supervisor's lock."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace, self._locks, self._count = workspace, list[Lock](), 0

    def add(
        self,
        run: str,
        inputs: int = 0,
        *,
        attempt: int = 1,
        status: str = "Completed",
        stack: str = "local",
        log: str = "",
        git: GitState | None = None,
        arguments: Sequence[str] = (),
        **facts: Any,
    ) -> RunFolder:
        """A record of a run; other `inputs` give another digest."""
        spec = RunSpec(command=("echo", str(inputs), *arguments))
        owner = Owner(urn_of(run, stack), "t", str(self._workspace.project))
        folder = ledger.claim(self._workspace, Job(run, spec, spec.digest(), owner), attempt)
        self._count += 1
        definition = read_definition(folder)
        assert definition
        created = f"2026-11-28T09:{self._count:02}:00.000+00:00"
        write_definition(folder, replace(definition, created=created, git=git or GitState()))
        is_alive = status in ("Queued", "Preparing", "Running", "Finalizing")
        write_json(folder.status, {"status": status, "phases": {}, **({"started": True} if log else {}), **facts})
        folder.log.write_text(log)
        if is_alive:
            self._locks.append(Lock(folder.lock))
            assert self._locks[-1].try_acquire()
        return folder

    def close(self) -> None:
        for lock in self._locks:
            lock.release()


@pytest.fixture
def records(workspace: Workspace) -> Iterator[Records]:
    made = Records(workspace)
    yield made
    made.close()


@pytest.fixture
def state(project: Path) -> Callable[..., None]:
    """Puts runs into the stack's state, each by its folder."""

    def put(*folders: RunFolder) -> None:
        stand_in.pulumi(project, stand_in.state(*(stand_in.run_resource(folder.name) for folder in folders)))

    put()
    return put
