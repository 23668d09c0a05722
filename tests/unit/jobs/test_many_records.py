"""The cost of a start does not grow with the records that are there: those that have ended are not read again."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trainup.jobs.local import run_record
from trainup.jobs.local.files import read_json, write_json
from trainup.jobs.local.target import LocalTarget
from trainup.jobs.local.workspace import Workspace
from trainup.jobs.target import Job


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The records that the ledger reads."""
    made: list[Path] = []

    def noted(path: Path) -> Any:
        made.append(path)
        return read_json(path)

    monkeypatch.setattr(run_record, "read_json", noted)
    return made


def test_records_that_have_ended_are_read_once(
    workspace: Workspace, runs: Any, job: Callable[..., Job], reads: list[Path]
) -> None:
    for number in range(30):
        runs.add(f"r{number}", alive=False, status={"status": "Completed"})
    target = LocalTarget(workspace)
    assert target.active_runs(job()) == []
    reads.clear()
    assert target.active_runs(job()) == []
    assert reads == []


def test_a_run_that_is_active_is_found_among_them(workspace: Workspace, runs: Any, job: Callable[..., Job]) -> None:
    ended = runs.add("a", alive=False, status={"status": "Completed"})
    active = runs.add("b", status={"status": "Running", "started": True})
    target = LocalTarget(workspace)
    for _ in range(2):
        assert [record.name for record in target.active_runs(job("b"))] == [active.name]
    write_json(active.status, {"status": "Completed"})
    assert target.active_runs(job("b")) == []
    write_json(ended.status, {"status": "Queued", "phases": {}})  # deleted, and claimed again under its name
    assert [record.name for record in target.active_runs(job("a"))] == [ended.name]


def test_what_is_wrong_with_another_runs_record_is_no_reason_not_to_start(
    workspace: Workspace, runs: Any, job: Callable[..., Job]
) -> None:
    runs.add("other").definition.write_text("{")
    runs.add("digits-other").definition.write_text("{")
    assert LocalTarget(workspace).active_runs(job("digits")) == []


def test_those_of_others_are_read_again_only_when_they_have_changed(
    workspace: Workspace, runs: Any, job: Callable[..., Job], reads: list[Path]
) -> None:
    active = runs.add("other", status={"status": "Running", "started": True})
    target, asked = LocalTarget(workspace), job("digits")

    def give_to(urn: str, token: str) -> None:
        definition = read_json(active.definition) or {}
        owner = {"urn": urn, "token": token, "place": asked.owner.project}
        write_json(active.definition, {**definition, "owners": [owner]})

    give_to("urn:other", "other")
    assert target.active_runs(asked) == []
    reads.clear()
    assert target.active_runs(asked) == []
    assert active.definition not in reads
    give_to(asked.owner.urn, asked.owner.token)
    assert [record.name for record in target.active_runs(asked)] == [active.name]
