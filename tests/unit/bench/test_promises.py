"""What is promised of a figure, and what becomes of a promise that was not kept."""

import json
from pathlib import Path

import pytest

from bench import __main__ as bench
from bench.measure import Row, row, table

FLOOR = Row("up", "nothing", 2.0, "s")
OURS = Row("up", "trainup", 3.0, "s")


def test_a_promise_without_a_ratio_is_about_the_value() -> None:
    assert Row("up", "trainup", 3.0, "s", at_most=3).kept
    assert Row("up", "trainup", 3.1, "s", at_most=3).kept is False
    assert Row("up", "faster", 5.0, "x", at_least=5).kept
    assert Row("up", "faster", 4.9, "x", at_least=5).kept is False
    assert Row("up", "trainup", 3.0, "s", at_most=3).promise == "<= 3 s"


def test_a_promise_with_a_ratio_is_about_the_ratio() -> None:
    slower = row("up", "trainup", [3.0], "s", at_most=1.4).compared(FLOOR)
    assert (slower.ratio, slower.beside, slower.kept, slower.promise) == (1.5, "nothing", False, "<= 1.4")
    assert row("up", "trainup", [2.0], "s", at_most=1.4).compared(FLOOR).kept


def test_nothing_promised_is_neither_kept_nor_broken() -> None:
    assert OURS.kept is None
    assert "kept" not in table([FLOOR, OURS])
    assert "BROKEN" not in table([FLOOR, OURS])


def test_the_table_tells_which_promises_were_kept() -> None:
    text = table([FLOOR, row("up", "trainup", [3.0], "s", at_most=1.4).compared(FLOOR)])
    assert text.splitlines()[-1].endswith("1.5 to nothing  <= 1.4   BROKEN")


@pytest.mark.parametrize(("limit", "code"), [(3.0, 0), (2.9, 1)])
def test_a_broken_promise_fails_the_command_and_is_written_down(
    limit: float, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [FLOOR, Row("up", "trainup", 3.0, "s", at_most=limit)]
    monkeypatch.setattr(bench, "BENCHMARKS", {"up": lambda folder: rows})
    monkeypatch.setattr(bench, "RESULTS", tmp_path)
    monkeypatch.setattr("sys.argv", ["bench"])
    assert bench.main() == code
    (written,) = tmp_path.glob("*.json")
    assert [item["kept"] for item in json.loads(written.read_text())["rows"]] == [None, code == 0]
    told = capsys.readouterr()
    assert "trainup" in told.out
    assert ("broken: up, trainup" in told.err) == bool(code)
