"""`trainup cancel`: ends a run, and waits until it has ended."""

import getpass
import os
import platform
import sys
from pathlib import Path

import click

from trainup.cli import stack as stacks
from trainup.cli.options import on_stack
from trainup.cli.runs import lookup, places
from trainup.cli.stack import Stack
from trainup.core.wording import as_typed
from trainup.jobs.local.target import LocalTarget
from trainup.jobs.target import Record, Target


@on_stack
@click.command()
@click.argument("run")
def cancel(run: str, stack: str) -> None:
    """End RUN and wait until it has ended; one that has ended keeps its end.

    RUN is a run's name (its current attempt), the name of any recorded attempt, or the beginning of an id."""
    current, project = places.open_records(stack)
    known = lookup.find(current, project, run)
    record = known.record
    if record.status.is_terminal:
        print(f"{record.name} has ended already: {record.status}")
        return
    print(f"{record.name} is {record.status}; it is being canceled …", file=sys.stderr)
    ended = _masking(known.target, stack, current).cancel(record.name, f"`trainup cancel`, typed by {_who()}")
    if ended is None:
        print(f"the record of {record.name} was removed meanwhile")
        return
    print(f"{ended.name}: {ended.status}")
    print(as_typed(_next(ended, current, project), os.environ))


def _masking(target: Target, name: str, stack: Stack) -> Target:
    """The target with the secrets of the stack: a log that has to be completed now must not show them."""
    if not isinstance(target, LocalTarget):
        return target
    texts = stacks.secret_texts(name, stack)
    return LocalTarget(target.workspace, {str(number): text for number, text in enumerate(texts)})


def _next(record: Record, stack: Stack, project: Path) -> str:
    """What the next `up` does about it."""
    resource = stack.runs.get(record.run, {})
    if resource and resource.get("id") != record.id:
        return "the stack declares other inputs by now: the next `pulumi up` does not train these again"
    if (resource.get("inputs") or {}).get("on_failure") == "keep":
        return "its `on_failure` is keep: the next `pulumi up` leaves it as it is"
    return "the next `pulumi up` starts another attempt, as long as the stack declares this run"


def _who() -> str:
    try:
        user = getpass.getuser()
    except (KeyError, OSError, ImportError):  # a user id without a name, as in containers
        user = f"user {os.getuid()}"
    return f"{user} on {platform.node()}"
