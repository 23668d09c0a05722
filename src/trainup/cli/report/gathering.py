"""Reads what a report tells, from the targets' own records; what cannot be read is told in the report."""

import datetime
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from trainup.cli import comparison
from trainup.cli.runs import places, recorded
from trainup.cli.runs.lookup import RecordedRun
from trainup.cli.stack import Stack
from trainup.core.curves import Point
from trainup.core.errors import TrainupError
from trainup.core.slow_phases import Usual
from trainup.core.status import Status
from trainup.core.version import VERSION
from trainup.jobs import comparing, drilling
from trainup.jobs.comparing import Compared
from trainup.jobs.target import Record, Target, TargetError
from trainup.report.content import Change, Curves, Report

MOST_CURVES, MOST_POINTS = 20, 120
"""Runs with curves, and points of each."""
MOST_SLOW = 10
MOST_CHANGES = 10
"""Runs that are set beside those before them: each takes requests on Azure."""


def gather(stack: Stack, project: Path, secrets: Sequence[str]) -> Report:
    """The runs of a stack as they are now."""
    problems: list[str] = []
    attempts = recorded.attempts(stack, project, problems.append)
    drills, unreadable = drilling.kept(project / places.default_workspace(stack))
    problems += unreadable
    rows = sorted(comparing.of((one.record, one.current) for one in attempts), key=_age, reverse=True)
    rows.sort(key=lambda row: not row.current)
    targets = {one.record.name: one.target for one in attempts}
    return Report(
        stack.name,
        datetime.datetime.now(datetime.UTC).isoformat(" ", "seconds"),
        VERSION,
        rows,
        [*{one.record.name: one.record for one in attempts}.values()],  # a trial of two sweeps costs once
        curves=_curves(targets, rows, problems.append),
        changes=_changes(targets, rows, secrets),
        slow=_slow([one.record for one in attempts]),
        drills=drills,
        problems=problems,
    )


def _slow(attempts: Sequence[Record]) -> list[str]:
    """The slow phases of the last attempts, the newest first."""
    usual = Usual()
    told: list[str] = []
    for record in attempts:
        told += [f"{record.name}: {one.text}" for one in usual.slow(record.run, record.name, record.phases)]
        if record.status is Status.COMPLETED:
            usual.add(record.run, record.name, record.phases)
    newest = told[::-1]
    return [*newest[:MOST_SLOW], *([f"and {len(newest) - MOST_SLOW} before"] if len(newest) > MOST_SLOW else [])]


def _age(row: Compared) -> tuple[int, str]:
    return row.record.number, row.record.created


def _curves(targets: Mapping[str, Target], rows: Sequence[Compared], tell: Callable[[str], None]) -> Curves:
    """The curves of the first rows, by metric, those of most runs first."""
    records = [row.record for row in rows[:MOST_CURVES]]
    by_attempt: dict[str, dict[str, list[Point]]] = {}
    for target in {id(target): target for target in targets.values()}.values():
        mine = [record for record in records if targets[record.name] is target]
        try:
            by_attempt |= target.curves(mine, MOST_POINTS)
        except TargetError as error:
            tell(f"the curves cannot be read: {error}")
    by_metric: dict[str, dict[str, list[Point]]] = {}
    for record in records:
        for metric, points in by_attempt.get(record.name, {}).items():
            if len(points) > 1:
                by_metric.setdefault(metric, {})[record.name] = points
    return dict(sorted(by_metric.items(), key=lambda one: (-len(one[1]), one[0])))


def _changes(targets: Mapping[str, Target], rows: Sequence[Compared], secrets: Sequence[str]) -> list[Change]:
    """Each declared run beside the last one before it."""
    changes = []
    for row in [row for row in rows if row.current][:MOST_CHANGES]:
        earlier = [one for one in rows if one.record.run == row.record.run and one.record.id != row.record.id]
        if before := max(earlier, key=_age, default=None):
            pair = [RecordedRun(targets[one.record.name], one.record, {}) for one in (before, row)]
            changes.append(_change(pair[0], pair[1], secrets))
    return changes


def _change(before: RecordedRun, now: RecordedRun, secrets: Sequence[str]) -> Change:
    try:
        differences = comparison.compared(before, now, secrets)
    except (TrainupError, OSError) as error:
        return Change(before.record, now.record, notes=[f"what changed cannot be read: {error}"])
    return Change(
        before.record,
        now.record,
        code=[str(change["text"]) for change in differences["code"]],
        inputs=[str(item["text"]) for item in differences["inputs"]],
        packages=[str(text) for text in differences["packages"]],
        notes=[str(text) for text in differences["notes"]],
    )
