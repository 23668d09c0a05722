"""The results of a stack, from its state and the target's own records; where they differ, the records count."""

import os
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from trainup.cli import trials
from trainup.cli.runs import masking, places
from trainup.cli.runs.places import inputs_of, urns, workspaces
from trainup.cli.stack import Stack
from trainup.core.numbers import to_plain
from trainup.core.targets import is_elsewhere
from trainup.core.wording import as_typed
from trainup.jobs.local import reading, tracked
from trainup.jobs.local.files import UnreadableRecord
from trainup.jobs.local.target import LocalTarget
from trainup.jobs.outputs import NAMES, outputs_of
from trainup.jobs.sweeps.results import OUTPUTS
from trainup.jobs.target import Record
from trainup.jobs.targets import target_of


def _warn(text: str) -> None:
    print(as_typed(f"trainup: {text}", os.environ), file=sys.stderr)


def latest(stack: Stack, project: Path, only: str | None = None) -> dict[str, Record]:
    """Run → its current attempt: the one in the state, else the last attempt that belongs to the stack.

    The trials of sweeps are among them, called by sweep and number: `rates_3`. `only` is the one that is asked for; the
    name of a sweep stands for its best trial. A record that cannot be read is reported on standard error, and the
    others are still returned.
    """
    records_by_run: dict[str, Record] = {}
    for record in chain(_here(stack, project, only), _elsewhere(stack, project, only)):
        other = records_by_run.get(record.run)
        if other is None or _is_newer(record, other):
            records_by_run[record.run] = record
    for name in stack.runs if only is None else stack.runs.keys() & {only}:
        if current := _of_state(stack, project, name, records_by_run.get(name)):
            records_by_run[name] = current
    if only in stack.sweeps and (best := trials.best_of(stack, project, only)):
        records_by_run[only] = best[1]
    elif only is None or trials.LABEL.fullmatch(only):
        records_by_run |= {one.run: one for one in trials.records(stack, project) if only in (None, one.run)}
    return records_by_run


def _here(stack: Stack, project: Path, only: str | None) -> Iterator[Record]:
    """The runs of a stack on this machine; what cannot be read is reported on standard error."""
    ids = {name: resource["id"] for name, resource in stack.runs.items() if resource.get("id")}
    for workspace in workspaces(stack, project):
        records, problems = reading.current(workspace, urns(stack, project), ids, only)
        for problem in problems:
            _warn(str(problem))
        yield from (record for record in records if not record.trials)


def _elsewhere(stack: Stack, project: Path, only: str | None) -> Iterator[Record]:
    """The runs of a stack whose state is lost, from a target that is not this machine; a state names them itself."""
    if stack.runs or stack.sweeps:
        return
    for target in places.all_targets(stack, project):
        if isinstance(target, LocalTarget):
            continue
        records, _ = target.history(urns(stack, project), f"{only}-" if only else "")
        mine = [one for one in records if not one.trials and any(stack.owns(owner.urn) for owner in one.owners)]
        last = {record.run: record for record in sorted(mine, key=lambda record: (record.created, record.attempt))}
        yield from map(masking.without_message, target.measured([*last.values()]))


def _of_state(stack: Stack, project: Path, run: str, local: Record | None) -> Record | None:
    """The current attempt of a run in the state: one at work, which an `up` may just have begun, else its last."""
    inputs, resource = inputs_of(stack, run), stack.runs[run]
    target = target_of(inputs, project)
    try:
        active = [one for one in target.at_work(run, urns(stack, project)) if not one.status.is_terminal]
    except UnreadableRecord as error:
        _warn(str(error))
        active = []
    if active:
        return active[-1]
    if not is_elsewhere(inputs.get("target")) or not resource.get("id"):
        return local
    attempts = target.attempts(resource["id"])
    return attempts[-1] if attempts else None


def now(stack: Stack, project: Path, only: str | None = None) -> dict[str, Record]:
    """As `latest`; runs at work have their seconds and metrics so far."""
    records = latest(stack, project, only)
    for run, record in records.items():
        if not record.status.is_terminal and (place := places.target(stack, project, run, record.name)):
            records[run] = place.live(record)
    return records


def _is_newer(record: Record, other: Record) -> bool:
    """Compares attempts, or the order of claims, since clocks may be set back. Old records have only their times."""
    if record.id == other.id:
        return record.follows(other)
    if record.number and other.number:
        return record.number > other.number
    return record.created > other.created


def pages(stack: Stack, project: Path) -> list[str]:
    """The addresses of the runs' pages. An MLflow server of ours that stopped while idle is started again."""
    tracked_workspaces = [one for one in workspaces(stack, project) if one.tracking()["kind"] != "none"]
    elsewhere = [
        record.web_url
        for name, record in latest(stack, project).items()
        if is_elsewhere(inputs_of(stack, name).get("target"))
    ]
    return [tracked.reachable(workspace) for workspace in tracked_workspaces] + elsewhere


def merged(stack: Stack, project: Path) -> dict[str, Any]:
    """`platform` and `runs` as JSON values. After a failed `up`, stack outputs are out of date, but records are not."""
    runs = {name: _outputs_in_state(resource.get("outputs", {})) for name, resource in stack.runs.items()}
    for name, record in now(stack, project).items():
        if not record.trials:
            runs[name] = outputs_of(record)
    result = {"platform": stack.outputs.get("platform", {}), "runs": runs}
    if stack.sweeps:  # their trials are in the state, and `runs` tells what they do now
        result["sweeps"] = {
            name: _sweep_in_state(resource.get("outputs", {})) for name, resource in stack.sweeps.items()
        }
    if endpoints := stack.outputs.get("endpoints"):
        result["endpoints"] = endpoints
    return dict(to_plain(result))


def _sweep_in_state(outputs: dict[str, Any]) -> dict[str, Any]:
    return {name: outputs.get(name) for name in OUTPUTS}


def _outputs_in_state(outputs: dict[str, Any]) -> dict[str, Any]:
    return {name: outputs.get(name) for name in (*NAMES, "failure")}
