"""A project with a stand-in for the CLI, and runs of its stack `local` that nobody executes."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support import stand_in
from trainup.cli.stack import SWEEP_TYPE
from trainup.core import trials
from trainup.core.git_state import GitState
from trainup.core.spec import RunSpec
from trainup.core.trials import Trial
from trainup.jobs.local import ledger
from trainup.jobs.local.files import Lock, write_json
from trainup.jobs.local.run_record import read_definition, write_definition
from trainup.jobs.local.target import LocalTarget
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


def sweep_urn(name: str, stack: str = "local") -> str:
    return f"urn:pulumi:{stack}::trainup::trainup:index:TrainingSweep$trainup:index:Sweep::{name}-job"


def sweep_resource(name: str, *begun: RunFolder, best: int | None = None) -> dict[str, Any]:
    """A sweep in the state by its trials, in the order of their numbers, and the number of the best one."""
    known = [{"number": number, "name": folder.name} for number, folder in enumerate(begun)]
    outputs = {"trials": known, "best": None if best is None else known[best]}
    inputs = {"run": name, "workspace": ".trainup/local"}
    return {"type": SWEEP_TYPE, "urn": sweep_urn(name), "id": name, "inputs": inputs, "outputs": outputs}


def swept(records: "Records", name: str = "rates") -> list[RunFolder]:
    """The trials of a sweep: one that completed, the best, one that failed, one that ended early, one at work."""
    failure = {"failure_class": "user_code", "message": "the command ended with exit code 1", "exit_code": 1}
    early = {
        "failure_class": "canceled",
        "message": "the run was canceled: ended early: accuracy 0.31 by step 5 is below the median 0.62 of 4 trials",
    }
    ends: list[dict[str, Any]] = [
        {"metrics": {"accuracy": 0.91, "loss": 0.3}, "phases": {"running": 12.5}, "log": "first\n"},
        {"metrics": {"accuracy": 0.97, "loss": 0.1}, "phases": {"running": 13.0}, "log": "second\n"},
        {"status": "Failed", "failure": failure, "phases": {"running": 1.0}, "log": "third\n"},
        {
            "status": "Canceled",
            "failure": early,
            "metrics": {"accuracy": 0.31},
            "phases": {"running": 4.0},
            "log": "x\n",
        },
        {"status": "Running", "phases": {"queued": 0.5}, "log": "fifth\n"},
    ]
    made = []
    for number, (rate, end) in enumerate(zip((0.1, 0.01, 10, 1, 0.001), ends, strict=True)):
        trial = Trial(name, number, {"lr": rate})
        made.append(records.add(name, 100 + number, arguments=["--lr", str(rate)], trial=trial, **end))
    return made


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
        trial: Trial | None = None,
        **facts: Any,
    ) -> RunFolder:
        """A record of a run, or of a trial of the sweep of that name; other `inputs` give another digest."""
        spec = RunSpec(command=("echo", str(inputs), *arguments))
        urn = urn_of(run, stack) if trial is None else sweep_urn(run, stack)
        job = Job(
            run if trial is None else trials.RUN, spec, spec.digest(), Owner(urn, "t", str(self._workspace.project))
        )
        folder = ledger.claim(self._workspace, replace(job, trial=trial), attempt)
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

    def share(self, folder: RunFolder, sweep: str, trial: Trial) -> RunFolder:
        """Make a trial that of another sweep as well."""
        target = LocalTarget(self._workspace)
        record = target.get(folder.name)
        assert record
        owner = Owner(sweep_urn(sweep), f"t-{sweep}", str(self._workspace.project))
        target.adopt(record, Job(trials.RUN, RunSpec(command=("true",)), record.digest, owner, trial=trial))
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
