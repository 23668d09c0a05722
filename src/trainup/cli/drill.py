"""`trainup drill`: shows that a run survives the loss of its node, on a copy of it."""

import datetime
import json
import sys
import threading
import uuid
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

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
from trainup.core.trials import tag_of
from trainup.jobs import drilling, git
from trainup.jobs.drilling import Drill
from trainup.jobs.job_inputs import job_of
from trainup.jobs.sweeps.trials import inputs_at
from trainup.jobs.target import Job, Owner, Record
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
    same final step, or nobody can tell.
    """
    current, project = stacks.open_stack(stack)
    known = lookup.find(current, project, run)
    subject = _subject(known, stack, current)
    _confirm(known, yes=yes)
    token = uuid.uuid4().hex
    job = drilling.copy_of(_job(subject, known.record, project), known.record, token)
    target = target_of(subject.inputs, project, _say)
    if active := target.active_runs(job):
        raise UserError(f"{active[0].name} is {active[0].status}: a drill waits for nobody, and disturbs no training")
    try:
        result = Drill(target, job, known.record, _say).run(subject.name, threading.Event())
    finally:  # after Ctrl-C as well: a copy that goes on is of no use
        target.release(job.id, job.owner, OnDelete.KEEP)
    drilling.keep(project / places.default_workspace(current), result)
    _show(result, as_json=as_json)
    return ExitCode.FAILED if result.problem or result.doubt else ExitCode.DONE


@dataclass(frozen=True)
class Subject:
    """What is drilled."""

    name: str
    """Of the run, or of the trial: `rates_3`."""
    inputs: dict[str, Any]
    """With the values of its secrets."""
    urn: str


def _subject(known: RecordedRun, stack: str, current: Stack) -> Subject:
    """The run or trial, as the state has it. UserError where a copy cannot be trained."""
    record = known.record
    if record.status is not Status.COMPLETED:
        raise UserError(
            f"{record.name} is {record.status}: a drill trains a copy of a run that has completed, to compare the two"
        )
    if record.trials:
        return _trial(known, stack, current)
    if not known.inputs:
        raise UserError(
            f"{record.name} is not in the state of stack {current.name!r}, which has what a copy needs: "
            "declare it, and run `trainup up` first"
        )
    resource = current.runs[record.run]
    return Subject(record.run, stacks.revealed_inputs(stack, resource), str(resource["urn"]))


def _trial(known: RecordedRun, stack: str, current: Stack) -> Subject:
    record = known.record
    for resource in current.sweeps.values():
        if trial := record.trials.get(tag_of(str(resource["urn"]))):
            inputs = stacks.revealed_inputs(stack, resource)
            return Subject(f"{trial.sweep}_{trial.number}", inputs_at(inputs, trial.point), str(resource["urn"]))
    raise UserError(
        f"{record.name} is a trial of no sweep in the state of stack {current.name!r}, which has what a copy needs: "
        "declare a sweep with its point, and run `trainup up` first"
    )


def _job(subject: Subject, record: Record, project: Path) -> Job:
    name = subject.name.replace("_", "-") + SUFFIX  # the name of a run has no underscore
    if check_run_name(name):
        raise UserError(
            f"{name!r}, the name of the copy, is longer than {RUN_NAME_MAX} characters: shorten the run's name"
        )
    owner = next((one for one in record.owners if one.urn == subject.urn), Owner(subject.urn, "", str(project)))
    rerun = f"drill {datetime.datetime.now(datetime.UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
    job = job_of({**subject.inputs, "run": name, "rerun": rerun}, project, owner)
    return replace(job, git=git.state_of(project))


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
    colour = "red" if result.problem else "yellow" if result.doubt else "green"
    print(click.style(told, colour) if shown.has_colour() else told)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
