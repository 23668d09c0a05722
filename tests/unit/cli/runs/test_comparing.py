"""`trainup compare`: runs side by side, also those of former inputs, of a lost state and beside damaged records."""

import csv
import io
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import stand_in
from tests.unit.cli.runs.conftest import Records
from trainup.cli.__main__ import main
from trainup.cli.runs import shown

FOLDER = Path(__file__).with_name("golden")
FAILURE = {"failure_class": "user_code", "message": "the command ended with exit code 1", "exit_code": 1}
LONG = "a-file-with-a-name-that-is-too-long-for-a-table.yaml"
SECRET = "ghp_16C7e42F292c6912E7710c838347Ae178B4a"


@pytest.fixture(autouse=True)
def stack(records: Records, state: Callable[..., None]) -> None:
    def add(number: int, rate: str, accuracy: float | str | None, *more: str, status: str = "Completed") -> None:
        metrics = {} if accuracy is None else {"accuracy": accuracy, "valid_loss": 0.1 * number}
        words = ["--epochs", "3", "--lr", rate, *more]
        failure = {"failure": FAILURE} if status == "Failed" else {}
        phases = {"queued": 9.0, "running": float(number)}
        records.add("search", number, status=status, arguments=words, metrics=metrics, phases=phases, **failure)

    add(1, "0.1", 0.91)
    add(2, "0.01", 0.97, "--smoke")
    add(3, "0.001", "NaN", "--config", LONG)
    add(4, "1", None, status="Failed")
    current = records.add("digits", arguments=["--epochs=5"], metrics={"accuracy": 0.99}, phases={"running": 2.0})
    state(current)


def told(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> tuple[str, str]:
    assert main(["compare", *words]) == code
    return capsys.readouterr()


def names(capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    """The learning rates of the runs in the order in which they are told."""
    out, _ = told(capsys, *words, "--json")
    return [one["arguments"].get("lr", one["run"]) for one in json.loads(out)["runs"]]


@pytest.mark.parametrize("colour", [False, True], ids=["plain", "colour"])
@pytest.mark.parametrize("columns", [80, 160])
def test_the_table(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, columns: int, colour: bool
) -> None:
    monkeypatch.setattr(shown, "width", lambda: columns)
    monkeypatch.setattr(shown, "has_colour", lambda: colour)
    out, err = told(capsys, "search", "--sort", "accuracy")
    file = FOLDER / f"compare-{columns}{'-colour' if colour else ''}.txt"
    if os.environ.get("GOLDEN") == "write":
        file.write_text(out + err)
    assert out + err == file.read_text()
    if not colour:
        assert max(map(len, out.splitlines())) <= columns


def test_without_a_run_the_present_ones_are_compared_and_with_all_every_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert names(capsys) == ["digits"]
    assert names(capsys, "--all") == ["0.1", "0.01", "0.001", "1", "digits"]


def test_runs_of_a_state_that_was_lost_are_compared(
    capsys: pytest.CaptureFixture[str], state: Callable[..., None]
) -> None:
    state()
    assert names(capsys, "--all", "--sort", "accuracy") == ["digits", "0.01", "0.1", "0.001", "1"]


def test_runs_of_a_stack_that_the_backend_does_not_know_any_more_are_compared(
    capsys: pytest.CaptureFixture[str], project: Path
) -> None:
    stand_in.pulumi(project, "error: no stack named 'local' found", 255)
    out, err = told(capsys, "--all", "--sort", "accuracy", "--json")
    assert [one["arguments"].get("lr", one["run"]) for one in json.loads(out)["runs"]][:2] == ["digits", "0.01"]
    assert err == "trainup: this backend has no state of the stack 'local': its records are shown\n"


def test_the_best_metric_comes_first_and_what_is_unknown_last(capsys: pytest.CaptureFixture[str]) -> None:
    assert names(capsys, "search", "--sort", "accuracy") == ["0.01", "0.1", "0.001", "1"]
    assert names(capsys, "search", "--sort", "valid_loss") == ["0.1", "0.01", "0.001", "1"]
    assert names(capsys, "search", "--sort", "accuracy", "--ascending") == ["0.1", "0.01", "0.001", "1"]
    assert names(capsys, "search", "--sort", "lr") == ["0.001", "0.01", "0.1", "1"]
    assert names(capsys, "search", "--metric", "accuracy") == ["0.01", "0.1", "0.001", "1"]


@pytest.mark.parametrize(
    ("condition", "left"),
    [
        ("accuracy>=0.95", ["0.01"]),
        ("accuracy < 2", ["0.1", "0.01"]),
        ("lr<=0.01", ["0.01", "0.001"]),
        ("status=Failed", ["1"]),
        ("status!=Failed", ["0.1", "0.01", "0.001"]),
        ("seconds>2.5", ["0.001", "1"]),
        ("smoke=true", ["0.01"]),
    ],
)
def test_conditions_leave_those_that_meet_them(
    capsys: pytest.CaptureFixture[str], condition: str, left: list[str]
) -> None:
    assert names(capsys, "search", "--filter", condition) == left


def test_what_nothing_can_be_compared_by_is_refused_with_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    _, err = told(capsys, "--all", "--sort", "acuracy", code=2)
    assert "no run has 'acuracy'" in err
    assert "did you mean accuracy?" in err
    assert "is no condition" in told(capsys, "--filter", "accuracy", code=2)[1]
    assert "did you mean search?" in told(capsys, "serch", code=1)[1]


def test_the_values_for_spreadsheets_are_whole(capsys: pytest.CaptureFixture[str]) -> None:
    out, _ = told(capsys, "search", "--csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [row["argument.lr"] for row in rows] == ["0.1", "0.01", "0.001", "1"]
    assert [row["metric.accuracy"] for row in rows] == ["0.91", "0.97", "NaN", ""]
    assert rows[2]["argument.config"] == LONG


def test_a_damaged_record_is_named_and_the_others_are_compared(
    capsys: pytest.CaptureFixture[str], records: Records
) -> None:
    broken = records.add("search", 9, arguments=["--lr", "7"])
    broken.definition.write_text("{")
    out, err = told(capsys, "search", "--json")
    assert len(json.loads(out)["runs"]) == 4
    assert broken.name in err


def test_of_a_run_that_was_tried_again_the_last_attempt_counts(
    capsys: pytest.CaptureFixture[str], records: Records
) -> None:
    records.add("search", 4, attempt=2, arguments=["--epochs", "3", "--lr", "1"], metrics={"accuracy": 0.5})
    assert names(capsys, "search", "--filter", "accuracy=0.5") == ["1"]
    assert len(names(capsys, "search")) == 4


def test_what_looks_like_a_secret_is_never_shown(capsys: pytest.CaptureFixture[str], records: Records) -> None:
    records.add("leaky", arguments=["--token", SECRET])
    for form in ([], ["--json"], ["--csv"]):
        assert SECRET not in told(capsys, "leaky", "search", "--argument", "token", *form)[0]
