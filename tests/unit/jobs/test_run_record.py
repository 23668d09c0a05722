"""The files that record an attempt: typed, with a version, and readable by those who come later."""

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.records import definition_of
from trainup.core.failure import Failure, FailureClass
from trainup.core.git_state import GitState
from trainup.core.status import Status
from trainup.jobs.local import files, ledger, reading, run_record
from trainup.jobs.local.files import ByFile, UnreadableRecord, read_json
from trainup.jobs.local.run_record import Policy, RunDefinition, RunState
from trainup.jobs.local.target import LocalTarget
from trainup.jobs.local.workspace import RunFolder, Workspace
from trainup.jobs.target import Job, Owner

NAME = "digits-f90cb04f0b3a"
RECORDED_DEFINITION: dict[str, Any] = {
    "version": 1,
    "machine": "8d14a2f2494acc38",
    "boot": "569268cd-42b0-4a89-95e4-6e57b3def48e",
    "name": NAME,
    "run": "digits",
    "id": NAME,
    "attempt": 1,
    "digest": "f90cb04f0b3a4961cf2ca21b199093e5e1979b7d96e5f9b39248f5dbea2a62b0",
    "token": "80a63ee9abdb4669bbe9340bca5bc436",
    "created": "2026-11-28T16:22:17.963+00:00",
    "number": 1,
    "spec": {"command": ["python", "train.py"], "secrets": ["TOKEN"], "nodes": 2},
    "cluster": "gpu",
    "sources": {"digits": {"uri": "/data/digits"}, "lr": {"value": "0.1"}},
    "owners": [{"urn": "urn:digits", "token": "t1", "place": "/p"}],
    "policy": {
        "timeout": 60.0,
        "display_name": "Digits",
        "description": None,
        "experiment_name": "exp",
        "tags": {"team": "x"},
    },
}
RECORDED_STATE: dict[str, Any] = {
    "version": 1,
    "status": "Failed",
    "phases": {"queued": 0.004, "preparing": 0.2, "running": 12.5, "finalizing": 0.1},
    "started": True,
    "mlflow_run_id": "c0ffee",
    "mlflow_experiment_id": "1",
    "web_url": "http://127.0.0.1:5000/#/experiments/1/runs/c0ffee",
    "metrics": {"loss": "NaN", "accuracy": 0.9},
    "best": {"accuracy": 0.95},
    "tracking_error": "the server did not answer",
    "failure": {"failure_class": "user_code", "message": "no", "exit_code": 3},
}
"""What trainup 0.1.0 wrote before these records had types."""
OLDEST = ("boot", "name", "number")
"""Keys that the first records did not have."""


@pytest.fixture
def folder(workspace: Workspace) -> RunFolder:
    folder = RunFolder(workspace.runs / NAME)
    folder.path.mkdir()
    folder.definition.write_text(json.dumps(RECORDED_DEFINITION))
    folder.status.write_text(json.dumps(RECORDED_STATE))
    return folder


def test_records_of_before_are_read_as_before(workspace: Workspace, folder: RunFolder) -> None:
    record = ledger.view(workspace, folder)
    assert record
    assert (record.status, record.attempt, record.number) == (Status.FAILED, 1, 1)
    assert record.owners == (Owner("urn:digits", "t1", "/p"),)
    assert record.failure == Failure(FailureClass.USER_CODE, "no", 3)
    assert record.best == {"accuracy": 0.95}
    assert record.metrics["loss"] != record.metrics["loss"]
    assert record.phases["running"] == 12.5
    assert "train.py" in record.reproduce


def test_records_of_before_are_written_as_they_were(folder: RunFolder) -> None:
    definition, state = run_record.read_definition(folder), run_record.read_state(folder)
    assert definition
    assert state
    run_record.write_definition(folder, definition)
    run_record.write_state(folder, state)
    assert json.loads(folder.definition.read_text()) == RECORDED_DEFINITION
    assert json.loads(folder.status.read_text()) == RECORDED_STATE


def test_the_first_records_lack_keys(workspace: Workspace, folder: RunFolder) -> None:
    oldest = {name: value for name, value in RECORDED_DEFINITION.items() if name not in OLDEST}
    folder.definition.write_text(json.dumps({**oldest, "owners": [{"urn": "urn:digits", "token": "t1"}]}))
    folder.status.write_text('{"version": 1, "status": "Completed"}')
    record = ledger.view(workspace, folder)
    assert record
    assert (record.name, record.status, record.number) == (NAME, Status.COMPLETED, 0)


def test_tracking_errors_have_a_field_of_their_own(workspace: Workspace, folder: RunFolder) -> None:
    record = ledger.view(workspace, folder)
    assert record
    assert record.waiting == ""
    assert record.tracking_error == "its metrics could not be read: the server did not answer"
    assert record.note == record.tracking_error


def test_a_key_of_a_later_trainup_survives_a_change(folder: RunFolder) -> None:
    folder.definition.write_text(json.dumps({**RECORDED_DEFINITION, "later": [1]}))
    folder.status.write_text(json.dumps({**RECORDED_STATE, "later": {"a": 1}}))
    definition, state = run_record.read_definition(folder), run_record.read_state(folder)
    assert definition
    assert state
    run_record.write_definition(folder, replace(definition, archived=True))
    run_record.write_state(folder, replace(state, status=Status.CANCELED))
    assert json.loads(folder.definition.read_text()) == {**RECORDED_DEFINITION, "later": [1], "archived": True}
    assert json.loads(folder.status.read_text()) == {**RECORDED_STATE, "later": {"a": 1}, "status": "Canceled"}


@pytest.mark.parametrize("file", ["definition", "status"])
def test_a_record_of_a_newer_version_names_the_way_out_and_blocks_nobody_else(
    workspace: Workspace, folder: RunFolder, runs: Any, job: Callable[..., Job], file: str
) -> None:
    content = json.dumps({**RECORDED_DEFINITION, **RECORDED_STATE, "version": 2, "new": "format"})
    getattr(folder, file).write_text(content)
    with pytest.raises(UnreadableRecord, match=f"{NAME}.*has format 2.*use the trainup that wrote it, or choose"):
        ledger.view(workspace, folder)
    assert getattr(folder, file).read_text() == content
    other = runs.add("other", status={"status": "Running", "started": True})
    target = LocalTarget(workspace)
    assert [record.name for record in target.active_runs(job("other"))] == [other.name]
    assert [record.name for record in reading.readable(workspace)[0]] == [other.name]


def test_a_record_knows_its_version() -> None:
    definition = RunDefinition(machine="", name="", run="", id="", attempt=1, digest="", token="", created="", spec={})
    assert (definition.version, RunState().version) == (1, 1)


@pytest.mark.parametrize("policy", [{"timeout": "x"}, {"tags": []}, {"display_name": 1}])
def test_a_policy_that_nobody_could_obey_is_a_damaged_record(folder: RunFolder, policy: dict[str, Any]) -> None:
    folder.definition.write_text(json.dumps({**RECORDED_DEFINITION, "policy": policy}))
    with pytest.raises(UnreadableRecord, match=r"damaged.*move that folder away"):
        run_record.read_definition(folder)


def test_a_policy_may_lack_what_has_a_default(folder: RunFolder) -> None:
    folder.definition.write_text(json.dumps({**RECORDED_DEFINITION, "policy": {"timeout": 5}}))
    definition = run_record.read_definition(folder)
    assert definition
    assert definition.policy == Policy(timeout=5)


def test_a_command_that_began_without_a_status_is_a_damaged_record(folder: RunFolder) -> None:
    folder.status.write_text('{"version": 1, "started": true}')
    with pytest.raises(UnreadableRecord, match="damaged"):
        run_record.read_state(folder)


def test_a_file_is_read_again_when_it_was_replaced_or_is_not_final(workspace: Workspace) -> None:
    reads = []

    def read(path: Any) -> str:
        reads.append(path)
        return str(path.read_text())

    path = workspace.root / "x"
    contents = ByFile(read, lambda content: content == "final")
    for content, count in (("open", 2), ("final", 3)):
        (workspace.root / "new").write_text(content)
        (workspace.root / "new").replace(path)
        assert [contents.of(str(path)), contents.of(str(path))] == [content, content]
        assert len(reads) == count


def test_a_cache_of_files_holds_the_last_ones_and_equal_contents_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "MOST_FILES", 3)
    reads: list[str] = []

    def read(path: Path) -> tuple[str, ...]:
        reads.append(path.name)
        return (path.read_text(),)

    contents = ByFile(read)
    paths = [tmp_path / str(number) for number in range(5)]
    for path in paths:
        path.write_text("the same")
    first, *others = [contents.of(str(path)) for path in paths]
    assert all(other is first for other in others)
    reads.clear()
    for path in paths:
        assert contents.of(str(path)) == ("the same",)
    assert reads[:2] == ["0", "1"]
    assert len(contents) == 3


def test_git_and_former_owners_are_kept_and_missing_in_older_records(workspace: Workspace) -> None:
    folder = RunFolder(workspace.runs / "digits-0123456789ab")
    folder.path.mkdir()
    plain = definition_of(folder.name)
    run_record.write_definition(folder, plain)
    content = read_json(folder.definition) or {}
    assert {"git", "released"} & content.keys() == set(), "older versions of trainup read what is new as unknown"
    assert run_record.read_definition(folder) == plain
    whole = replace(plain, git=GitState("abc", "main", "", True), released=(Owner("urn", "t", "/project"),))
    run_record.write_definition(folder, whole)
    assert run_record.read_definition(folder) == whole


def test_only_the_start_and_the_end_of_a_run_wait_for_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, synced = RunFolder(tmp_path), []
    for status in (Status.PREPARING, Status.RUNNING, Status.FINALIZING, Status.COMPLETED):
        monkeypatch.setattr(os, "fsync", lambda descriptor, status=status: synced.append(status))
        run_record.write_state(folder, RunState(status=status, started=status is not Status.PREPARING))
    assert synced == [Status.RUNNING, Status.COMPLETED]
