"""`trainup schedules`: when the runs of a stack train again, and the lines with which CI comes by then."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime

import click

from trainup.cli.options import on_stack
from trainup.cli.table import aligned
from trainup.core import schedules as times
from trainup.core.errors import UserError
from trainup.core.targets import is_elsewhere
from trainup.toolchain.paths import ROOT

LATER = 30
"""Minutes after which CI comes where a service starts the runs: by then it has."""
ANY_MINUTE = "*/15"


@on_stack
@click.command()
@click.option("--github", is_flag=True, help="as lines for `on` of a workflow of GitHub Actions")
@click.option("--json", "as_json", is_flag=True, help="as a list of objects")
def schedules(stack: str, github: bool, as_json: bool) -> None:
    """List the schedules of the stack's runs, as its settings have them; nothing is asked or started."""
    # Imported here, since it imports Pulumi's SDK, which is slow.
    from trainup.infra import offline

    settings, now = offline.settings_of(ROOT, stack), datetime.now(UTC)
    found = {
        name: times.parse(run.schedule.model_dump(exclude_none=True))
        for name, run in settings.runs.items()
        if run.schedule
    }
    if github:
        if not found:
            raise UserError(f"no run of stack {stack!r} has a schedule: give one of trainup:runs a `schedule`")
        print("\n".join(["schedule:", *lines_of(found, LATER if is_elsewhere(settings.target) else 0)]))
        return
    ticks = {name: times.next_ticks(schedule, now, 1) for name, schedule in found.items()}
    if as_json:
        rows = [
            {"run": name, **found[name], "next": tick[0].isoformat() if tick else None} for name, tick in ticks.items()
        ]
        print(json.dumps(rows, indent=2))
        return
    shown = {name: times.shown(tick[0]) if tick else "never" for name, tick in ticks.items()}
    table = [(name, one["expression"], one["time_zone"], shown[name]) for name, one in found.items()]
    print(aligned([("RUN", "SCHEDULE", "TIME ZONE", "NEXT"), *table]))


def lines_of(found: Mapping[str, times.Schedule], later: int) -> list[str]:
    """A line for each time at which CI has to run `up`, so many minutes after the schedules; equal ones once."""
    by_cron: dict[str, list[str]] = {}
    for name, schedule in found.items():
        by_cron.setdefault(cron_of(schedule, later), []).append(name)
    return [f'  - cron: "{cron}"  # UTC: {", ".join(names)}' for cron, names in by_cron.items()]


def cron_of(schedule: times.Schedule, later: int) -> str:
    """The expression in UTC by which CI comes, so many minutes after a schedule.

    Every hour where no single expression says it: in another time zone, whose offset changes, or across an hour. An
    `up` that nothing is due for trains nothing.
    """
    minute, rest = schedule["expression"].split(maxsplit=1)
    is_utc = schedule["time_zone"] == "UTC"
    if is_utc and not later:
        return schedule["expression"]
    if not minute.isdigit():
        return f"{ANY_MINUTE} * * * *"
    if is_utc and int(minute) + later < 60:
        return f"{int(minute) + later} {rest}"
    return f"{(int(minute) + later) % 60 if is_utc or _keeps_minutes(schedule) else ANY_MINUTE} * * * *"


def _keeps_minutes(schedule: times.Schedule) -> bool:
    """Whether its time zone is whole hours away from UTC, all year."""
    here, year = times.zone(schedule), datetime.now(UTC).year
    offsets = [datetime(year, month, 1, tzinfo=here).utcoffset() for month in range(1, 13)]
    return all(offset is not None and not offset.total_seconds() % 3600 for offset in offsets)
