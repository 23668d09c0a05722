"""`trainup rerun`: trains a run again on purpose, by another `rerun` in the stack's file."""

import datetime
import sys
from pathlib import Path

import click

from trainup.cli import stack as stacks
from trainup.cli import trials
from trainup.cli.options import on_stack
from trainup.cli.runs import lookup
from trainup.core.errors import TrainupError
from trainup.jobs.target import TargetError
from trainup.toolchain import projects, stack_files


@on_stack
@click.command()
@click.argument("run")
@click.option("--no-up", is_flag=True, help="only write `rerun` into the stack's file")
def rerun(run: str, stack: str, no_up: bool) -> int:
    """Train RUN again with the inputs that the stack declares, though nothing changed.

    Sets `rerun` in Pulumi.<stack>.yaml to the present time, where it can be read and committed, then starts
    `trainup up`.
    """
    file = stack_files.read(projects.read(stacks.project_folder(Path.cwd())), stack)
    token = f"{datetime.datetime.now(datetime.UTC):%Y-%m-%dT%H:%M:%SZ}"
    text = file.with_rerun(run, token)
    if text is None and (sweep := _sweep_of(run, stack)):
        raise TargetError(
            f"{run} is a trial of the sweep {sweep}, and trials are trained once for their inputs: `trainup rerun "
            f"{sweep}` trains all of them again, and the next `trainup up` those that failed; for this point alone, "
            "declare a run with its arguments"
        )
    if text is None:
        name = _declared(run, stack)
        text = file.with_rerun(name, token) if name else None
        if text is None:
            raise TargetError(
                f"{file.path.name} declares no run {name or run!r}: where a program declares it, give it another "
                f'`rerun` there, such as rerun="{token}"'
            )
        run = name
    stack_files.write(file.path, text)
    print(f'{file.path.name}: {run} has rerun: "{token}"', file=sys.stderr, flush=True)
    if no_up:
        print("next: trainup up", file=sys.stderr)
        return 0
    from trainup.cli.__main__ import main

    return main(["up", "--stack", stack])


def _sweep_of(text: str, stack: str) -> str:
    """The sweep of the trial that is meant; empty where it is none."""
    sweep, number = trials.split(text)
    if number is not None:
        return sweep
    try:
        current, project = stacks.open_stack(stack)
        labels = trials.labels_of(current, lookup.find(current, project, text).record)
    except TrainupError:
        return ""
    return trials.split(labels[0])[0] if labels else ""


def _declared(text: str, stack: str) -> str:
    """The run of a record that was named in another way; empty where there is none."""
    try:
        return lookup.find(*stacks.open_stack(stack), text).record.run
    except TrainupError:
        return ""
