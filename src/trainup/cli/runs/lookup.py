"""Which record is meant, in the notation that all commands about runs take.

- the name of a run, `digits`: its current attempt;
- the name of a sweep, `rates`: its best trial; and `rates_3`: the trial with that number;
- the name of an attempt, `digits-6c3e449ba5eb` or `digits-6c3e449ba5eb-a2`: that one, of whatever inputs;
- a beginning that only one id has, `digits-6c3`: the last attempt of that id.

Attempts that a schedule of Azure ML has started have names that the service gives, which are taken likewise.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainup.cli import results, trials
from trainup.cli.runs import places
from trainup.cli.stack import Stack
from trainup.core import suggest
from trainup.jobs.target import Record, Target, TargetError

NOTATION = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_-]*")
"""What a target may call a job; names of runs, and `rates_3`, are among them."""
MOST_SHOWN = 10


@dataclass(frozen=True)
class RecordedRun:
    """A record, the target that has it, and the inputs of its run in the state (empty where it is not there)."""

    target: Target
    record: Record
    inputs: dict[str, Any]


def find(stack: Stack, project: Path, text: str) -> RecordedRun:
    """The record that `text` means. Raises TargetError where there is none or several; UnreadableRecord."""
    if NOTATION.fullmatch(text):
        if record := results.latest(stack, project, text).get(text):
            if target := places.target(stack, project, text, record.name):
                return RecordedRun(target, record, places.inputs_of(stack, text))
        elif found := _named(stack, project, text) or _beginning(stack, project, text):
            return found
        _refuse_sweep(stack, project, text)
    names = sorted(results.latest(stack, project))
    raise TargetError(suggest.unknown(text, names, f"stack {stack.name!r} has no run {text!r}"))


def _refuse_sweep(stack: Stack, project: Path, text: str) -> None:
    """TargetError where the name is that of a sweep of which nobody knows the best trial."""
    labels = [trials.split(record.run) for record in trials.records(stack, project)]
    numbers = [number for sweep, number in labels if sweep == text and number is not None]
    if not numbers:
        return
    why = "has no best trial" if text in stack.sweeps else "is in no state, which alone knows its best trial"
    names = f"{text}_{min(numbers)}" + (f" to {text}_{max(numbers)}" if len(numbers) > 1 else "")
    raise TargetError(f"the sweep {text} {why}: name one of its trials, {names} (`trainup compare {text}` lists them)")


def _named(stack: Stack, project: Path, name: str) -> RecordedRun | None:
    """The attempt of exactly this name."""
    for target in places.all_targets(stack, project):
        if (record := target.get(name)) and target.is_of(record, places.urns(stack, project)):
            return _whole(stack, project, target, record)
    return None


def _beginning(stack: Stack, project: Path, text: str) -> RecordedRun | None:
    """The last attempt of the one id that begins so, or the one attempt whose own name does. Raises TargetError where
    several do.
    """
    found: dict[str, tuple[Target, Record]] = {}
    for target in places.all_targets(stack, project):
        records, problems = target.history(places.urns(stack, project), text)
        if problems and not records:
            raise problems[0]
        for record in records:
            called = record.id if record.id.startswith(text) else record.name
            if called not in found or record.follows(found[called][1]):
                found[called] = target, record
    if len(found) > 1:
        shown = ", ".join([*list(found)[:MOST_SHOWN], *(["…"] if len(found) > MOST_SHOWN else [])])
        raise TargetError(f"{text!r} may be any of {shown}: write more of the id")
    return next((_whole(stack, project, target, record) for target, record in found.values()), None)


def _whole(stack: Stack, project: Path, target: Target, record: Record) -> RecordedRun:
    """The record as its own target tells it: lists leave out what takes more requests."""
    inputs = places.inputs_of(stack, record.run)
    return RecordedRun(target, target.get(record.name) or record, inputs)
