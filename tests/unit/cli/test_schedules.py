"""`trainup schedules`: the times of a stack's runs, and when CI has to come."""

import json
from pathlib import Path

import pytest

from trainup.cli import schedules
from trainup.cli.__main__ import main
from trainup.cli.exit_codes import ExitCode

STACK = """\
config:
  trainup:runs:
    weekly: {source: code, script: main.py, schedule: "0 3 * * 1"}
    nightly:
      source: code
      script: main.py
      schedule: {expression: "15 22 * * *", time_zone: Asia/Kolkata}
    twin: {source: code, script: main.py, schedule: "0 3 * * 1"}
    over: {source: code, script: main.py, schedule: {expression: "0 3 * * *", end_time: "2020-01-01T00:00:00"}}
    plain: {source: code, script: main.py}
"""


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "Pulumi.yaml").write_text("name: demo\nruntime: python\n")
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "main.py").write_text("print()\n")
    file = tmp_path / "Pulumi.local.yaml"
    file.write_text(STACK)
    monkeypatch.setattr(schedules, "ROOT", tmp_path)
    return file


def test_each_schedule_is_listed_with_its_next_time(stack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schedules", "--stack", "local"]) == 0
    header, *rows = capsys.readouterr().out.splitlines()
    assert header.split() == ["RUN", "SCHEDULE", "TIME", "ZONE", "NEXT"]
    assert [row.split()[0] for row in rows] == ["weekly", "nightly", "twin", "over"]
    assert rows[-1].split()[-1] == "never"
    assert main(["schedules", "--stack", "local", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [one["next"] is None for one in told] == [False, False, False, True]
    assert told[1]["time_zone"] == "Asia/Kolkata"


def test_the_workflow_gets_a_line_for_each_time_that_differs(stack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schedules", "--stack", "local", "--github"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "schedule:",
        '  - cron: "0 3 * * 1"  # UTC: weekly, twin',
        '  - cron: "*/15 * * * *"  # UTC: nightly',
        '  - cron: "0 3 * * *"  # UTC: over',
    ]


def test_a_stack_without_a_schedule_has_no_lines_for_a_workflow(
    stack: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stack.write_text("config:\n  trainup:runs:\n    plain: {source: code, script: main.py}\n")
    assert main(["schedules", "--stack", "local", "--github"]) == ExitCode.REFUSED
    assert "no run of stack 'local' has a schedule" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("expression", "time_zone", "later", "expected"),
    [
        ("0 3 * * 1", "UTC", 0, "0 3 * * 1"),
        ("0 3 * * 1", "UTC", 30, "30 3 * * 1"),
        ("40 3 * * 1", "UTC", 30, "10 * * * *"),
        ("0,30 3 * * *", "UTC", 30, "*/15 * * * *"),
        ("5 3 * * 1", "Europe/Berlin", 0, "5 * * * *"),
        ("5 3 * * 1", "Europe/Berlin", 30, "35 * * * *"),
        ("5 3 * * 1", "Asia/Kathmandu", 0, "*/15 * * * *"),
    ],
)
def test_ci_comes_at_each_time_or_every_hour(expression: str, time_zone: str, later: int, expected: str) -> None:
    assert schedules.cron_of({"expression": expression, "time_zone": time_zone}, later) == expected
