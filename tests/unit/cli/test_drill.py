"""What `trainup drill` prints, and what it refuses before anything trains."""

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support import stand_in
from tests.support.drills import SURVIVED
from tests.unit.cli.runs.conftest import project, records, state, sweep_resource, swept, workspace
from trainup.cli.__main__ import main
from trainup.cli.runs import shown
from trainup.core.drills import DrillResult
from trainup.core.spec import RunSpec
from trainup.core.status import Status
from trainup.jobs import drilling
from trainup.jobs.drilling import Drill
from trainup.jobs.local.target import LocalTarget
from trainup.jobs.target import Job, Owner, Record

__all__ = ["project", "records", "state", "workspace"]

GOLDEN = Path(__file__).parent / "runs" / "golden"
SPEC = RunSpec(command=("train",))
COPY = Job("pets-drill", SPEC, SPEC.digest(), Owner("urn", "t", "/project"))
RESULTS = {"drill": (SURVIVED, 0), "drill-forgetful": (replace(SURVIVED, resumed_step=0), 1)}
RESULTS["drill-doubtful"] = replace(SURVIVED, resumed_step=None), 1


@pytest.fixture
def drilled(records: Any, state: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Lets a drill of the run `pets` end with a result."""

    def end(result: DrillResult) -> None:
        state(records.add("pets", phases={"running": 30.0}, log="x\n"))
        monkeypatch.setattr(Drill, "run", lambda self, run, stop: result)
        monkeypatch.setattr("trainup.cli.drill._job", lambda *args: COPY)

    return end


@pytest.mark.parametrize("colour", [False, True], ids=["plain", "colour"])
@pytest.mark.parametrize("columns", [80, 160])
@pytest.mark.parametrize("name", RESULTS)
def test_it_prints_what_was_shown(
    drilled: Callable[..., None],
    project: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    columns: int,
    colour: bool,
) -> None:
    result, code = RESULTS[name]
    drilled(result)
    monkeypatch.setattr(shown, "width", lambda: columns)
    monkeypatch.setattr(shown, "has_colour", lambda: colour)
    assert main(["drill", "pets", "--yes"]) == code
    text = capsys.readouterr().out
    file = GOLDEN / f"{name}-{columns}{'-colour' if colour else ''}.txt"
    if os.environ.get("GOLDEN") == "write":
        file.write_text(text)
    assert text == file.read_text()
    if not colour:
        assert max(map(len, text.splitlines())) <= columns
    assert drilling.kept(project / ".trainup" / "local") == ([result], [])


def test_the_result_is_an_object_too(drilled: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> None:
    drilled(SURVIVED)
    assert main(["drill", "pets", "--yes", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["resumed"] is True


def test_without_an_answer_nothing_is_trained(drilled: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> None:
    drilled(SURVIVED)
    assert main(["drill", "pets"]) == 2
    assert "give --yes" in capsys.readouterr().err


def test_only_what_has_completed_is_drilled(
    records: Any, state: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    state(records.add("pets", status="Canceled", failure={"failure_class": "canceled", "message": "it was canceled"}))
    assert main(["drill", "pets", "--yes"]) != 0
    assert "a drill trains a copy of a run that has completed" in capsys.readouterr().err


def test_a_trial_that_no_sweep_declares_any_more_is_not_drilled(
    records: Any, state: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    _, best, *_ = swept(records)
    state(records.add("digits"))
    assert main(["drill", best.name, "--yes"]) == 2
    assert f"{best.name} is a trial of no sweep in the state of stack 'local'" in capsys.readouterr().err


def test_a_trial_is_called_as_everywhere_though_the_name_of_a_run_has_no_underscore(
    records: Any, project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    begun = swept(records)
    stand_in.pulumi(project, stand_in.state(sweep_resource("rates", *begun, best=1)))
    asked: list[str] = []

    def job_of(inputs: dict[str, Any], project: Path, owner: Owner) -> Job:
        asked.append(inputs["run"])
        return COPY

    monkeypatch.setattr("trainup.cli.drill.job_of", job_of)
    monkeypatch.setattr("trainup.cli.drill.inputs_at", lambda inputs, point: inputs)
    monkeypatch.setattr(Drill, "run", lambda self, run, stop: replace(SURVIVED, run=run))
    for name in ("rates_1", "rates", begun[1].name):
        assert main(["drill", name, "--yes"]) == 0
        told = capsys.readouterr().out
        assert told.startswith("rates_1, drilled as "), name
        assert "rates_1 survives the loss of its node" in told
    assert asked == ["rates-1-drill"] * 3


def test_a_copy_for_a_drill_has_no_schedule_by_which_it_would_train_anew() -> None:
    scheduled = replace(COPY, spec=replace(SPEC, schedule={"expression": "* * * * *", "time_zone": "UTC"}))
    original = Record(COPY.id, "pets", COPY.id, 1, COPY.digest, Status.COMPLETED)
    copy = drilling.copy_of(scheduled, original, "t")
    assert (copy.spec.schedule, copy.owner.token) == ({}, "t")


def test_after_an_interruption_nobody_owns_the_copy(
    drilled: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    drilled(SURVIVED)

    def interrupt(*words: object) -> DrillResult:
        raise KeyboardInterrupt

    monkeypatch.setattr(Drill, "run", interrupt)
    released = []
    monkeypatch.setattr(LocalTarget, "release", lambda target, run_id, owner, on_delete: released.append(run_id))
    assert main(["drill", "pets", "--yes"]) == 130
    assert released == [COPY.id]
