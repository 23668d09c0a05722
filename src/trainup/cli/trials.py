"""Trials as commands name them: `rates_3` is number 3 of the sweep `rates`, and `rates` alone is its best trial."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from trainup.cli.runs import places
from trainup.cli.stack import Stack
from trainup.core.naming import id_of
from trainup.core.trials import RUN, tag_of
from trainup.jobs.attempts import latest
from trainup.jobs.target import Record, Target

LABEL = re.compile(r"[a-z][a-z0-9-]*_\d+")


def labels_of(stack: Stack, record: Record) -> list[str]:
    """What a record is called as a trial of this stack's sweeps; empty for any other record."""
    if not record.trials:
        return []
    owners = (*record.owners, *record.released)
    tags = {tag_of(owner.urn) for owner in owners if stack.owns(owner.urn)}
    return [f"{trial.sweep}_{trial.number}" for tag, trial in record.trials.items() if tag in tags]


def is_of(record: Record, text: str) -> bool:
    """Whether a record is that of the run of this name, or a trial of the sweep of this name."""
    return text == record.run or bool(record.trials and record.run.startswith(f"{text}_"))


def split(text: str) -> tuple[str, int | None]:
    """The name of a run or sweep, and the number where a trial is meant: `rates_3`."""
    sweep, _, number = text.rpartition("_")
    return (sweep, int(number)) if LABEL.fullmatch(text) else (text, None)


def order_of(name: str) -> tuple[str, int]:
    """Sorts runs by name, and trials by sweep and number: `rates_9` comes before `rates_10`."""
    sweep, number = split(name)
    return sweep, -1 if number is None else number


def in_order(records: Mapping[str, Record]) -> list[Record]:
    """The records in the order of their names."""
    return [records[name] for name in sorted(records, key=order_of)]


def labeled(stack: Stack, records: Iterable[Record]) -> Iterator[Record]:
    """The records; trials are called by their sweeps, and come once for each."""
    for record in records:
        names = labels_of(stack, record)
        yield from (replace(record, run=name) for name in names) if names else (record,)


def ids_of(stack: Stack) -> set[str]:
    """The ids of the trials that the sweeps in the state have."""
    outputs = [resource.get("outputs") or {} for resource in stack.sweeps.values()]
    return {id_of(str(trial["name"])) for one in outputs for trial in one.get("trials") or ()}


def best_of(stack: Stack, project: Path, sweep: str) -> tuple[Target, Record] | None:
    """The best trial of a sweep in the state, and its target; None where there is none."""
    resource = stack.sweeps.get(sweep, {})
    best: dict[str, Any] = (resource.get("outputs") or {}).get("best") or {}
    for target in places.all_targets(stack, project) if best else ():
        if record := target.get(str(best["name"])):
            return target, replace(record, run=sweep)
    return None


def records(stack: Stack, project: Path) -> Iterator[Record]:
    """The last attempt of each trial that a sweep of this stack has now, called by its sweep. In no order."""
    for target in places.all_targets(stack, project):
        known, _ = target.history(places.urns(stack, project), f"{RUN}-")
        mine = (one for one in known if one.trials and any(stack.owns(owner.urn) for owner in one.owners))
        yield from labeled(stack, target.measured(latest(mine)))
