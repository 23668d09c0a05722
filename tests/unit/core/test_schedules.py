"""Schedules of runs: what is a schedule, and when a run is due."""

from datetime import UTC, datetime
from typing import Any

import pytest

from trainup.core import schedules
from trainup.core.input_values import Invalid
from trainup.core.inputs import parse_run
from trainup.core.spec import RunSpec

MONDAYS = "0 3 * * 1"
NOW = datetime(2026, 11, 29, 8, tzinfo=UTC)  # a Sunday


def parsed(value: Any) -> dict[str, str]:
    return schedules.parse(value)


def test_a_text_is_a_schedule_in_utc() -> None:
    assert parsed(MONDAYS) == {"expression": MONDAYS, "time_zone": "UTC"}
    assert parsed("  0  3 * *   1 ") == parsed({"expression": MONDAYS})


def test_times_come_in_the_schedules_own_time_zone_also_across_a_change_of_the_clocks() -> None:
    berlin = parsed({"expression": MONDAYS, "time_zone": "Europe/Berlin"})
    before = datetime(2026, 10, 18, tzinfo=UTC)
    times = [f"{tick:%d %H:%M}" for tick in schedules.next_ticks(berlin, before, 3)]
    assert times == ["19 01:00", "26 02:00", "02 02:00"]
    assert schedules.last_tick(berlin, NOW) == datetime(2026, 11, 23, 2, tzinfo=UTC)


def test_nothing_is_due_before_the_start_or_after_the_end() -> None:
    later = parsed({"expression": MONDAYS, "start_time": "2026-12-01T00:00:00"})
    assert schedules.last_tick(later, NOW) is None
    assert schedules.next_ticks(later, NOW, 1) == [datetime(2026, 12, 7, 3, tzinfo=UTC)]
    over = parsed({"expression": MONDAYS, "end_time": "2026-11-10T00:00:00"})
    assert schedules.next_ticks(over, NOW, 1) == []
    assert schedules.last_tick(over, NOW) == datetime(2026, 11, 9, 3, tzinfo=UTC)


@pytest.mark.parametrize(
    ("created", "is_due"),
    [
        ("2026-11-22T10:00:00Z", True),
        ("2026-11-23T02:59:59.9+00:00", True),
        ("2026-11-23T03:00:00+00:00", False),
        ("2026-11-28T00:00:00", False),
        ("", False),
    ],
)
def test_a_run_is_due_when_its_newest_attempt_is_older_than_the_last_time(created: str, is_due: bool) -> None:
    since = schedules.due_since(parsed(MONDAYS), created, NOW)
    assert since == (datetime(2026, 11, 23, 3, tzinfo=UTC) if is_due else None)


@pytest.mark.parametrize(
    ("value", "at", "told"),
    [
        ("every monday", "['expression']", "has 2 fields, and a cron expression has 5: minute, hour"),
        ("0 25 * * 1", "['expression']", "is no cron expression (Bad hour): it has minute, hour"),
        ("0 3 1 * 1", "['expression']", "names a day of the month and a day of the week"),
        ("0 3 30 2 *", "['expression']", "is no cron expression (Bad day-of-month)"),
        ({"time_zone": "UTC"}, "", "`expression` is missing"),
        ({"expression": MONDAYS, "timezone": "UTC"}, "['timezone']", "did you mean time_zone?"),
        ({"expression": MONDAYS, "time_zone": "Mars/Olympus"}, "['time_zone']", "there is no time zone 'Mars/Olympus'"),
        ({"expression": MONDAYS, "time_zone": "../etc"}, "['time_zone']", "there is no time zone"),
        ({"expression": MONDAYS, "start_time": "soon"}, "['start_time']", "is no time: a time is written as"),
        ({"expression": MONDAYS, "end_time": "2027-01-01T00:00:00Z"}, "['end_time']", "has an offset"),
        (
            {"expression": MONDAYS, "start_time": "2027-01-01T00:00:00", "end_time": "2026-12-31T00:00:00"},
            "['end_time']",
            "which is not after its `start_time`",
        ),
        ([MONDAYS], "", "is no schedule: it is a cron expression"),
    ],
)
def test_what_is_no_schedule_is_told_with_the_rule(value: Any, at: str, told: str) -> None:
    with pytest.raises(Invalid) as caught:
        parsed(value)
    assert told in str(caught.value)
    assert caught.value.at == at


@pytest.mark.parametrize(("expression", "field"), [("0 3 1 * *", "day of the month"), ("0 3 * 6 *", "month")])
def test_what_azure_ml_ignores_is_refused_there_and_taken_here(expression: str, field: str) -> None:
    inputs = {"run": "digits", "workspace": "w", "command": ["true"], "schedule": expression}
    assert parse_run({**inputs, "target": "local"})[1] == []
    findings = {item.property: item.reason for item in parse_run({**inputs, "target": "azure"})[1]}
    assert f"as {field}, which Azure ML takes for `*`" in findings["schedule['expression']"]


def test_a_schedule_is_no_part_of_what_a_run_is() -> None:
    assert RunSpec(command=("true",), schedule=parsed(MONDAYS)).digest() == RunSpec(command=("true",)).digest()
