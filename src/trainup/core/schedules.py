"""The schedule of a run, in the words of Azure ML's `CronTrigger`: when it trains again with the same inputs."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, tzinfo
from itertools import islice
from typing import Any

from trainup.core import suggest
from trainup.core.input_values import Invalid
from trainup.core.values import has_secret

KEYS = ("expression", "time_zone", "start_time", "end_time")
FORM = "it is a cron expression such as `0 3 * * 1`, or a map of `expression` and perhaps `time_zone`, `start_time`, "
FORM += "`end_time`"
FIELDS = ("minute", "hour", "day of the month", "month", "day of the week")
TIME = "a time is written as 2026-12-24T18:00:00, without an offset, for it is in `time_zone`"
Schedule = Mapping[str, str]
"""`expression` and `time_zone`, and `start_time` and `end_time` where they are given."""


def parse(value: Any) -> dict[str, str]:
    """A schedule from a stack file, whole. Raises Invalid."""
    if isinstance(value, str):
        value = {"expression": value}
    if not isinstance(value, dict) or has_secret(value):
        raise Invalid(f"{'this' if has_secret(value) else repr(value)} is no schedule: {FORM}")
    for key, item in value.items():
        if key not in KEYS:
            raise Invalid(suggest.unknown(str(key), KEYS, f"a schedule has no {key!r}"), f"[{key!r}]")
        if item is not None and not isinstance(item, str):
            raise Invalid(f"{item!r} is not text; put it in quotes", f"[{key!r}]")
    schedule = {key: value[key] for key in KEYS if value.get(key) is not None}
    if "expression" not in schedule:
        raise Invalid(f"`expression` is missing: {FORM}")
    schedule["expression"] = _expression(schedule["expression"])
    schedule.setdefault("time_zone", "UTC")
    zone(schedule)
    times = {key: _time(schedule, key) for key in ("start_time", "end_time") if key in schedule}
    if len(times) == 2 and times["start_time"] >= times["end_time"]:
        raise Invalid(
            f"it ends at {schedule['end_time']}, which is not after its `start_time` {schedule['start_time']}, so "
            "nothing would ever train by it",
            "['end_time']",
        )
    if next(_ticks(schedule, datetime.now(UTC), backward=False), None) is None:
        past = "end_time" in times and times["end_time"] <= datetime.now(UTC)
        if not past:  # a schedule that is over is none that was wrong
            raise Invalid(f"{schedule['expression']!r} names a time that never comes", "['expression']")
    return schedule


def fields(schedule: Schedule) -> dict[str, str]:
    """Name of a field → what the expression has there."""
    return dict(zip(FIELDS, schedule["expression"].split(), strict=True))


def zone(schedule: Schedule) -> tzinfo:
    """The time zone of a schedule. Raises Invalid where there is none of that name."""
    name = schedule["time_zone"]
    if name == "UTC":
        return UTC
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # most stacks have no schedule

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise Invalid(
            f"there is no time zone {name!r}: it is UTC, or a name of the IANA database such as Europe/Berlin",
            "['time_zone']",
        ) from error


def last_tick(schedule: Schedule, now: datetime) -> datetime | None:
    """The last time, in UTC, at which the run was to train; None where there was none."""
    return next(_ticks(schedule, now, backward=True), None)


def next_ticks(schedule: Schedule, now: datetime, count: int) -> list[datetime]:
    """The next times, in UTC, at which the run is to train."""
    return list(islice(_ticks(schedule, now, backward=False), count))


def due_since(schedule: Schedule, created: str, now: datetime) -> datetime | None:
    """Since when a run is to train again whose newest attempt was accepted at `created` (ISO 8601); None if it is not.

    An attempt whose time nobody knows counts as one of this moment.
    """
    tick = last_tick(schedule, now) if schedule and created else None
    if tick is None:
        return None
    accepted = datetime.fromisoformat(created)
    accepted = accepted if accepted.tzinfo else accepted.replace(tzinfo=UTC)
    return tick if accepted < tick else None


def shown(tick: datetime) -> str:
    """A time in a sentence."""
    return f"{tick:%Y-%m-%d %H:%M} UTC"


def _ticks(schedule: Schedule, now: datetime, *, backward: bool) -> Iterator[datetime]:
    from cronsim import CronSim  # a tenth of a second, and few runs have a schedule

    here = zone(schedule)
    start, end = (_time(schedule, key) if key in schedule else None for key in ("start_time", "end_time"))
    if backward and end is not None:
        now = min(now, end)
    elif not backward and start is not None:
        now = max(now, start)
    for tick in CronSim(schedule["expression"], now.astimezone(here), reverse=backward):
        found = tick.astimezone(UTC)
        if (backward and start is not None and found < start) or (not backward and end is not None and found > end):
            return
        yield found


def _expression(text: str) -> str:
    from cronsim import CronSim, CronSimError

    parts = text.split()
    if len(parts) != len(FIELDS):
        raise Invalid(
            f"{text!r} has {len(parts)} fields, and a cron expression has 5: {', '.join(FIELDS)}", "['expression']"
        )
    try:
        CronSim(" ".join(parts), datetime.now(UTC))
    except CronSimError as error:
        raise Invalid(
            f"{text!r} is no cron expression ({error}): it has {', '.join(FIELDS)}, as in `0 3 * * 1` for Mondays at "
            "3 o'clock",
            "['expression']",
        ) from error
    if parts[2] != "*" and parts[4] != "*":
        raise Invalid(
            f"{text!r} names a {FIELDS[2]} and a {FIELDS[4]}, and schedulers disagree whether one of them or both have "
            "to match: keep one of the two",
            "['expression']",
        )
    return " ".join(parts)


def _time(schedule: Schedule, key: str) -> datetime:
    try:
        value = datetime.fromisoformat(schedule[key])
    except ValueError as error:
        raise Invalid(f"{schedule[key]!r} is no time: {TIME}", f"[{key!r}]") from error
    if value.tzinfo is not None:
        raise Invalid(f"{schedule[key]!r} has an offset: {TIME}", f"[{key!r}]")
    return value.replace(tzinfo=zone(schedule)).astimezone(UTC)
