"""The index of ended attempts tells what the records tell, and nothing that they no longer do."""

import json
import math
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from trainup.core.failure import Failure, FailureClass
from trainup.core.git_state import GitState
from trainup.core.spec import RunSpec
from trainup.core.status import Status
from trainup.core.trials import Trial
from trainup.jobs.local import index, ledger, run_record
from trainup.jobs.local.run_record import RunState
from trainup.jobs.local.target import LocalTarget
from trainup.jobs.local.workspace import RunFolder, Workspace
from trainup.jobs.target import Job, Owner, Record, StackUrns

URN = "urn:pulumi:dev::shop::trainup:index:TrainingRun$trainup:index:Run::pets-job"
STACK = StackUrns("dev", "shop")


@pytest.fixture
def target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LocalTarget:
    """Two that completed, one that failed and one that waits, which are enough for an index."""
    monkeypatch.setattr(index, "FEWEST", 3)
    made = LocalTarget(Workspace(tmp_path / "ws", tmp_path))
    made.workspace.create()
    for number in range(4):
        add(made.workspace, number)
    return made


def add(workspace: Workspace, number: int) -> RunFolder:
    spec = RunSpec(command=("python", "fit.py", "--lr", str(number)))
    trial = Trial("rates", number, {"lr": 0.1}) if number == 1 else None
    job = Job("pets", spec, spec.digest(), Owner(URN, "t"), git=GitState("abc", dirty=True), trial=trial)
    folder = ledger.claim(workspace, job, 1)
    ended = {"phases": {"running": 2.0}, "metrics": {"loss": math.inf, "accuracy": 0.5}, "started": True}
    if number < 2:
        run_record.write_state(folder, RunState(status=Status.COMPLETED, web_url="http://x", **ended))
    elif number == 2:
        failure = Failure(FailureClass.USER_CODE, "it ended", 1)
        run_record.write_state(folder, RunState(status=Status.FAILED, failure=failure, **ended))
    return folder


def told(target: LocalTarget) -> dict[str, Record]:
    return {record.name: record for record in target.history(STACK)[0]}


def test_the_second_reading_tells_the_same_and_opens_no_record_of_an_ended_attempt(
    target: LocalTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = told(target)
    read: list[str] = []
    view = ledger.view
    monkeypatch.setattr(ledger, "view", lambda workspace, folder: read.append(folder.name) or view(workspace, folder))
    assert told(target) == first
    assert read == [name for name, record in first.items() if record.status is Status.QUEUED]
    assert [len(record.trials) for record in first.values()].count(1) == 1
    assert len(first) == 4


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: run_record.write_state(folder, RunState(status=Status.COMPLETED, metrics={"accuracy": 0.75})),
        lambda folder: run_record.write_definition(
            folder, replace(run_record.read_definition(folder), owners=(Owner(URN, "another"),))
        ),
    ],
)
def test_a_record_that_has_changed_is_read_again(target: LocalTarget, change: Callable[[RunFolder], None]) -> None:
    name = next(iter(told(target)))
    change(RunFolder(target.workspace.runs / name))
    fresh = ledger.view(target.workspace, RunFolder(target.workspace.runs / name))
    assert told(target)[name] == fresh


def test_a_record_that_was_damaged_is_a_problem_though_the_index_knows_it(target: LocalTarget) -> None:
    name = next(iter(told(target)))
    RunFolder(target.workspace.runs / name).status.write_text("{")
    records, problems = target.history(STACK)
    assert name not in {record.name for record in records}
    assert name in str(problems[0])


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"of": 1}', "\0", '{"of": [], "entries": 3}'])
def test_a_damaged_index_is_no_trouble(target: LocalTarget, content: str) -> None:
    first = told(target)
    target.workspace.index.write_text(content)
    assert told(target) == first


def test_damaged_entries_are_read_again(target: LocalTarget) -> None:
    first = told(target)
    content = json.loads(target.workspace.index.read_text())
    for damage in ([], None, [1], "x"):
        for name, entry in content["entries"].items():
            entries = {**content["entries"], name: [entry[0], *damage] if isinstance(damage, list) else damage}
            target.workspace.index.write_text(json.dumps({**content, "entries": entries}))
            assert told(target) == first


def test_what_an_entry_does_not_hold_is_read_from_the_record(
    target: LocalTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = ledger.view

    def priced(workspace: Workspace, folder: RunFolder) -> Record | None:
        record = view(workspace, folder)
        return record and replace(record, cost=2.0)

    monkeypatch.setattr(ledger, "view", priced)
    assert {record.cost for record in told(target).values()} == {2.0}
    assert {record.cost for record in told(target).values()} == {2.0}


def test_few_attempts_leave_no_index(target: LocalTarget, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "FEWEST", 200)
    told(target)
    assert not target.workspace.index.exists()


def test_what_is_read_ahead_is_told_once_and_the_next_reading_looks_at_the_records_again(target: LocalTarget) -> None:
    first = told(target)
    index.read_ahead(target.workspace)
    assert told(target) == first
    name = next(name for name, record in first.items() if record.status is Status.COMPLETED)
    run_record.write_state(
        RunFolder(target.workspace.runs / name), RunState(status=Status.COMPLETED, metrics={"a": 1.0})
    )
    assert told(target)[name].metrics == {"a": 1.0}


def test_a_record_that_is_deleted_after_it_was_read_ahead_is_not_told(target: LocalTarget) -> None:
    name = next(iter(told(target)))
    index.read_ahead(target.workspace)
    shutil.rmtree(target.workspace.runs / name)
    assert name not in told(target)


def test_reading_ahead_a_damaged_index_or_none_changes_nothing(target: LocalTarget) -> None:
    index.read_ahead(target.workspace)
    first = told(target)
    target.workspace.index.write_text("{")
    index.read_ahead(target.workspace)
    assert told(target) == first
