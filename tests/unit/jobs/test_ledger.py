"""The local record of runs."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from trainup.core.failure import FailureClass
from trainup.core.status import Status
from trainup.jobs.local import ledger
from trainup.jobs.local.files import UnreadableRecord, read_json, write_json
from trainup.jobs.local.workspace import Workspace
from trainup.jobs.target import Job, TargetError


def test_a_claim_holds_names_of_secrets_and_no_values(workspace: Workspace, job: Callable[..., Job]) -> None:
    wanted = job(secrets=("TOKEN",))
    folder = ledger.claim(workspace, Job(**{**vars(wanted), "secrets": {"TOKEN": "hunter2"}}), 1)
    text = folder.definition.read_text()
    assert "TOKEN" in text
    assert "hunter2" not in text


def test_a_claim_that_nobody_launched_is_abandoned_and_queued(workspace: Workspace, runs: Any) -> None:
    record = ledger.view(workspace, runs.add("a", alive=False))
    assert record
    assert (record.status, record.abandoned) == (Status.QUEUED, True)


@pytest.mark.parametrize("status", ["Running", "Finalizing"])
def test_a_run_whose_supervisor_is_gone_is_not_responding(workspace: Workspace, runs: Any, status: str) -> None:
    folder = runs.add("a", status={"status": status, "started": True})
    record = ledger.view(workspace, folder)
    assert record
    assert record.status == status
    runs.die(folder)
    record = ledger.view(workspace, folder)
    assert record
    assert record.failure
    assert (record.status, record.failure.failure_class) == (Status.NOT_RESPONDING, FailureClass.SERVICE)
    assert not record.abandoned


def test_what_a_supervisor_wrote_last_counts_after_its_end(workspace: Workspace, runs: Any) -> None:
    folder = runs.add("a", alive=False, status={"status": "Completed", "started": True, "metrics": {"loss": "NaN"}})
    record = ledger.view(workspace, folder)
    assert record
    assert record.status is Status.COMPLETED
    assert record.metrics["loss"] != record.metrics["loss"]


def test_an_active_run_of_another_machine_is_refused_and_an_ended_one_is_not(workspace: Workspace, runs: Any) -> None:
    folder = runs.add("a", alive=False, status={"status": "Running", "started": True})
    definition = read_json(folder.definition) or {}
    write_json(folder.definition, {**definition, "machine": "elsewhere", "boot": "another"})
    with pytest.raises(TargetError, match=r"\.trainup/test/runs/a-\w+ is the record of a run .* on another machine"):
        ledger.view(workspace, folder)
    write_json(folder.status, {"status": "Completed"})
    record = ledger.view(workspace, folder)
    assert record
    assert record.status is Status.COMPLETED


def test_a_run_of_another_container_of_this_machine_is_judged_by_its_lock(workspace: Workspace, runs: Any) -> None:
    folder = runs.add("a", status={"status": "Running", "started": True})
    write_json(folder.definition, {**(read_json(folder.definition) or {}), "machine": "another container"})
    alive = ledger.view(workspace, folder)
    runs.die(folder)
    dead = ledger.view(workspace, folder)
    assert alive
    assert dead
    assert (alive.status, dead.status) == (Status.RUNNING, Status.NOT_RESPONDING)


@pytest.mark.parametrize("name", ["definition", "status"])
@pytest.mark.parametrize(
    "content",
    ["", "[]", '{"version": 2}', '{"version": 1, "status": "Sleeping", "failure": 5}', '{"version": 1, "name": "x"}'],
)
def test_a_record_that_makes_no_sense_is_told_and_kept(
    workspace: Workspace, runs: Any, name: str, content: str
) -> None:
    folder = runs.add("a")
    path = getattr(folder, name)
    path.write_text(content)
    if (name, content) == ("status", '{"version": 1, "name": "x"}'):
        return  # a status without a word means that nothing has happened yet
    with pytest.raises(UnreadableRecord, match=str(folder.path)):
        ledger.view(workspace, folder)
    assert path.read_text() == content


def test_a_folder_without_a_definition_is_no_run(workspace: Workspace, runs: Any) -> None:
    (workspace.runs / "half").mkdir(parents=True)
    folder = runs.add("a")
    assert [ledger.view(workspace, found) is not None for found in ledger.folders(workspace)] == [True, False]
    assert ledger.view(workspace, folder)


def test_paths_are_shown_as_the_user_sees_them(workspace: Workspace, runs: Any) -> None:
    folder = runs.add("a")
    record = ledger.view(workspace, folder)
    assert record
    assert record.log_uri == f".trainup/test/runs/{folder.name}/logs/std_log.txt"
    assert json.loads(folder.definition.read_text())["version"] == 1
