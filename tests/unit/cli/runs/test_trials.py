"""What commands tell of the trials of a sweep: at 80 and 160 columns, with colour, and after a lost state."""

import json
import os
import re
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support import golden, stand_in
from tests.unit.cli.runs.conftest import Records, sweep_resource, swept
from trainup.cli import trials
from trainup.cli.__main__ import main
from trainup.cli.runs import shown
from trainup.core.trials import Trial
from trainup.jobs.local.workspace import RunFolder

COMMANDS: dict[str, list[str]] = {
    "sweep-runs": ["runs"],
    "sweep-status": ["status"],
    "sweep-status-trial": ["status", "rates_1"],
    "sweep-status-best": ["status", "rates"],
    "sweep-history": ["history", "rates"],
    "sweep-compare": ["compare", "rates", "--sort", "accuracy"],
    "sweep-costs": ["costs"],
    "sweep-report": ["report"],
}
LATER = time.time() + 3600
LOST = "trainup: this backend has no state of the stack 'local': its records are shown\n"


@pytest.fixture
def sweep(records: Records, project: Path) -> list[RunFolder]:
    begun = swept(records)
    os.utime(begun[4].status, (LATER, LATER))  # it has just begun, however slow the test is
    digits = records.add("digits", phases={"running": 2.0}, metrics={"accuracy": 0.99}, log="a\n")
    resources = [stand_in.run_resource(digits.name), sweep_resource("rates", *begun, best=1)]
    stand_in.pulumi(project, stand_in.state(*resources))
    return begun


@pytest.fixture
def lost(sweep: list[RunFolder], project: Path) -> list[RunFolder]:
    stand_in.pulumi(project, "error: no stack named 'local' found", 255)
    return sweep


def told(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> tuple[str, str]:
    assert main([*words]) == code
    out, err = capsys.readouterr()
    return out, err


def test_nothing_is_to_be_done_about_a_trial_that_ended_early(
    sweep: list[RunFolder], capsys: pytest.CaptureFixture[str]
) -> None:
    assert "ended early" in told(capsys, "status", "rates_3")[0]
    assert "to do" not in told(capsys, "status", "rates_3")[0]
    assert "to do" in told(capsys, "status", "rates_2")[0]


@pytest.mark.parametrize("colour", [False, True], ids=["plain", "colour"])
@pytest.mark.parametrize("columns", [80, 160])
@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_prints_trials_as_it_should(
    sweep: list[RunFolder],
    project: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    columns: int,
    colour: bool,
) -> None:
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setattr(shown, "width", lambda: columns)
    monkeypatch.setattr(shown, "has_colour", lambda: colour)
    text = "".join(told(capsys, *COMMANDS[command])).replace(str(project), "PROJECT")
    golden.matches(f"{command}-{columns}{'-colour' if colour else ''}.txt", text)
    if not colour and "status-" not in command:  # one run in full holds what is copied, and is not cut
        assert max(map(len, text.splitlines())) <= columns


def test_a_trial_of_the_state_is_what_the_stack_declares_now(
    sweep: list[RunFolder], capsys: pytest.CaptureFixture[str]
) -> None:
    assert "not what the stack declares now" not in told(capsys, "status", "rates_1")[0]
    assert json.loads(told(capsys, "status", sweep[1].name, "--json")[0])["current"] is True


def test_without_a_state_trials_are_known_by_sweep_and_number(
    lost: list[RunFolder], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    out, err = told(capsys, "runs", "--json")
    names = {one["run"]: one["name"] for one in json.loads(out)}
    assert {f"rates_{number}": folder.name for number, folder in enumerate(lost)}.items() <= names.items()
    assert err == LOST
    assert told(capsys, "logs", "rates_1") == ("second\n", LOST)
    assert json.loads(told(capsys, "status", "rates_2", "--json")[0])["status"] == "Failed"
    assert told(capsys, "logs", lost[0].name)[0] == "first\n"
    lost[1].outputs.mkdir(exist_ok=True)
    (lost[1].outputs / "model.txt").write_text("weights")
    told(capsys, "download", "rates_1", "--to", str(tmp_path / "here"))
    assert (tmp_path / "here" / "model.txt").read_text() == "weights"
    assert f"{lost[0].name} has ended already" in told(capsys, "cancel", "rates_0")[0]


def test_without_a_state_nobody_knows_the_best_trial(lost: list[RunFolder], capsys: pytest.CaptureFixture[str]) -> None:
    _, err = told(capsys, "logs", "rates", code=1)
    assert "the sweep rates is in no state, which alone knows its best trial: name one of its trials" in err
    assert "rates_0 to rates_4 (`trainup compare rates` lists them)" in err


def test_trials_are_listed_by_number_and_runs_by_name(records: Records, project: Path) -> None:
    names = ["rates_10", "rates", "rates_9", "a", "rates-b", "rates_0"]
    assert sorted(names, key=trials.order_of) == ["a", "rates", "rates_0", "rates_9", "rates_10", "rates-b"]


def test_a_sweep_without_a_best_trial_says_so(
    records: Records, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stand_in.pulumi(project, stand_in.state(sweep_resource("rates", *swept(records))))
    _, err = told(capsys, "status", "rates", code=1)
    assert "the sweep rates has no best trial: name one of its trials, rates_0 to rates_4" in err


@pytest.mark.parametrize("named", ["rates_1", "name"])
def test_a_single_trial_is_not_trained_again_and_why_is_told(
    sweep: list[RunFolder], project: Path, capsys: pytest.CaptureFixture[str], named: str
) -> None:
    (project / "Pulumi.local.yaml").write_text("config:\n  trainup:runs:\n    rates: {script: main.py}\n")
    text = sweep[1].name if named == "name" else named
    _, err = told(capsys, "rerun", text, "--no-up", code=1)
    assert f"{text} is a trial of the sweep rates, and trials are trained once for their inputs" in err
    told(capsys, "rerun", "rates", "--no-up")
    assert '"rerun": ' in (project / "Pulumi.local.yaml").read_text()


def test_a_trial_of_two_sweeps_costs_once_and_is_compared_in_both(
    records: Records, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    begun = swept(records)
    shared = records.share(begun[0], "some", Trial("some", 0, {"lr": 0.1}))
    resources = [sweep_resource("rates", *begun, best=1), sweep_resource("some", shared, best=0)]
    stand_in.pulumi(project, stand_in.state(*resources))
    costs: list[dict[str, Any]] = json.loads(told(capsys, "costs", "--json")[0])
    assert {one["run"]: one["attempts"] for one in costs} == {"rates": 4, "rates and some": 1}
    told(capsys, "report")
    page = (project / ".trainup" / "reports" / "local.html").read_text()
    assert "5 attempts" in re.sub(r"<[^>]*>", "", page)
    compared = json.loads(told(capsys, "compare", "rates", "some", "--json")[0])["runs"]
    assert sorted(one["run"] for one in compared) == [*(f"rates_{number}" for number in range(5)), "some_0"]
