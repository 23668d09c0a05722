"""`trainup drill`: shows that a run survives the loss of its node, on a copy of it."""

import datetime
import json
import sys
import threading
import uuid
from dataclasses import replace
from pathlib import Path

import click

from trainup.cli import stack as stacks
from trainup.cli.exit_codes import ExitCode
from trainup.cli.options import on_stack
from trainup.cli.planning.texts import wrapped
from trainup.cli.runs import lookup, places, shown
from trainup.cli.runs.lookup import RecordedRun
from trainup.cli.stack import Stack
from trainup.core.choices import OnDelete
from trainup.core.drills import DrillResult, sentences
from trainup.core.errors import UserError
from trainup.core.naming import RUN_NAME_MAX, check_run_name
from trainup.core.status import Status
from trainup.jobs import drilling, git
from trainup.jobs.drilling import Drill
from trainup.jobs.job_inputs import job_of
from trainup.jobs.target import Job, Owner
from trainup.jobs.targets import target_of

ANY_WIDTH = 10**9
SUFFIX = "-drill"
"""What the name of a run has as the name of its copies."""


@on_stack
@click.command()
@click.argument("run")
@click.option("--yes", "-y", is_flag=True, help="do not ask")
@click.option("--json", "as_json", is_flag=True, help="the result as an object")
def drill(run: str, stack: str, yes: bool, as_json: bool) -> int:
    """Show that RUN survives the loss of its node, as happens with spot machines.

    Trains a copy of the completed run RUN, kills its node in mid-epoch, and compares the end of the copy with that of
    RUN, which stays as it is. On this machine and against the simulated Azure. Exit code 1: it did not resume to the
    same final step.
    """
    current, project = stacks.open_stack(stack)
    known = lookup.find(current, project, run)
    inputs = _inputs(known, stack, current)
    _confirm(known, yes=yes)
    token = uuid.uuid4().hex
    job = drilling.copy_of(_job(inputs, known, current, project), known.record, token)
    target = target_of(inputs, project, _say)
    if active := target.active_runs(job):
        raise UserError(f"{active[0].name} is {active[0].status}: a drill waits for nobody, and disturbs no training")
    try:
        result = Drill(target, job, known.record, _say).run(known.record.run, threading.Event())
    finally:  # after Ctrl-C as well: a copy that goes on is of no use
        target.release(job.id, job.owner, OnDelete.KEEP)
    drilling.keep(project / places.default_workspace(current), result)
    _show(result, as_json=as_json)
    return ExitCode.FAILED if result.problem else ExitCode.DONE


def _inputs(known: RecordedRun, stack: str, current: Stack) -> dict[str, object]:
    """The inputs of the run, with its secrets. UserError where a copy cannot be trained."""
    record = known.record
    if record.status is not Status.COMPLETED:
        raise UserError(
            f"{record.name} is {record.status}: a drill trains a copy of a run that has completed, to compare the two"
        )
    if record.trials:
        raise UserError(f"{record.name} is a trial of a sweep: declare a run with its arguments, and drill that one")
    if not known.inputs:
        raise UserError(
            f"{record.name} is not in the state of stack {current.name!r}, which has what a copy needs: "
            "declare it, and run `trainup up` first"
        )
    return stacks.revealed_inputs(stack, current.runs[record.run])


def _job(inputs: dict[str, object], known: RecordedRun, current: Stack, project: Path) -> Job:
    record = known.record
    name = record.run + SUFFIX
    if check_run_name(name):
        raise UserError(
            f"{name!r}, the name of the copy, is longer than {RUN_NAME_MAX} characters: shorten the run's name"
        )
    urn = str(current.runs[record.run]["urn"])
    owner = next((one for one in record.owners if one.urn == urn), Owner(urn, "", str(project)))
    rerun = f"drill {datetime.datetime.now(datetime.UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
    return replace(job_of({**inputs, "run": name, "rerun": rerun}, project, owner), git=git.state_of(project))


def _confirm(known: RecordedRun, *, yes: bool) -> None:
    seconds = known.record.phases.get("running", 0.0)
    what = f"a copy of {known.record.name} is trained, which took {seconds:.0f} s, and its node is killed on the way"
    _say(what)
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError("nobody can be asked here: give --yes")
    click.confirm("Go on?", abort=True, err=True)


def _show(result: DrillResult, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(result.to_dict(), indent=2))
        return
    *facts, verdict = sentences(result)
    columns = shown.width() or ANY_WIDTH
    for text, begin in [
        (f"{result.run}, drilled as {', '.join(result.attempts)}", ""),
        *((fact, "  ") for fact in facts),
    ]:
        print("\n".join(wrapped(text, columns, begin, begin + "  ")))
    told = "\n".join(wrapped(verdict, columns, "", "  "))
    print(click.style(told, "red" if result.problem else "green") if shown.has_colour() else told)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
