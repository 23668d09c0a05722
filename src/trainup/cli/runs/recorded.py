"""All attempts that a stack has or had, from every target that holds records of it."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from trainup.cli import trials
from trainup.cli.runs import masking, places
from trainup.cli.stack import Stack
from trainup.core.wording import as_typed
from trainup.jobs.attempts import latest
from trainup.jobs.local.target import LocalTarget
from trainup.jobs.target import Record, Target, TargetError


class Recorded(NamedTuple):
    """An attempt and the target that has it."""

    target: Target
    record: Record
    current: bool
    """Whether it is the current attempt of a run that the stack declares now."""


def warn(text: str) -> None:
    """Tell on standard error what cannot be read."""
    print(as_typed(f"trainup: {text}", os.environ), file=sys.stderr)


def attempts(
    stack: Stack, project: Path, tell: Callable[[str], None] = warn, *, measured: bool = True, best: bool = False
) -> list[Recorded]:
    """Every attempt, oldest first; runs at work with what they have reached so far. `tell` gets what cannot be read.

    Trials come once for each sweep of the stack that has them, as runs called `rates_3`.
    Without `measured`, those on Azure lack their metrics; `best` also brings the best values, which takes a request for
    each metric there. Raises TargetError where no target can be read.
    """
    ids = {resource["id"] for resource in stack.runs.values() if resource.get("id")} | trials.ids_of(stack)
    targets, urns = places.all_targets(stack, project), places.urns(stack, project)
    found: list[tuple[Target, Record]] = []
    failures: list[TargetError] = []
    for target in targets:
        try:
            records, problems = target.history(urns)
            records = [target.live(record) for record in records]
            if not stack.runs and not stack.sweeps and not isinstance(target, LocalTarget):
                records = [masking.without_message(record) for record in records]
            if measured:
                records = target.measured(records, best=best)
        except TargetError as error:
            failures.append(error)
            continue
        found += [(target, record) for record in records]
        for problem in problems:
            tell(str(problem))
    if failures and len(failures) == len(targets):
        raise failures[0]
    for failure in failures:
        tell(str(failure))
    current = {record.name for record in latest(record for _, record in found if record.id in ids)}
    return [
        Recorded(target, one, one.name in current)
        for target, record in found
        for one in trials.labeled(stack, [record])
    ]
