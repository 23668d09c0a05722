"""Commands that show the runs of a stack, from the target's own records."""

import json
import sys
import threading
from pathlib import Path

import click

from trainup.cli import clusters, results
from trainup.cli import stack as stacks
from trainup.cli.options import on_stack
from trainup.cli.runs import lookup
from trainup.cli.table import aligned
from trainup.jobs import downloads, lifecycle
from trainup.jobs.target import Record, Target, TargetError


@on_stack
@click.command()
def output(stack: str) -> None:
    """Print the results as JSON, from the state and the target's records."""
    current, project = stacks.open_stack(stack)
    print(json.dumps(results.merged(current, project), indent=2))


@on_stack
@click.command()
def runs(stack: str) -> None:
    """List the runs of the stack."""
    rows = [("RUN", "NAME", "STATUS", "SECONDS", "METRICS")]
    for name, record in sorted(results.latest(*stacks.open_stack(stack)).items()):
        metrics = " ".join(f"{key}={value:.4g}" for key, value in record.metrics.items())
        rows.append((name, record.name, str(record.status), f"{record.duration_seconds:.1f}", metrics))
    print(aligned(rows))


@on_stack
@click.command()
@click.option("--json", "as_json", is_flag=True, help="as a list of objects")
def cluster(stack: str, as_json: bool) -> None:
    """Show the stack's cluster: nodes by state, and errors that keep it from getting more."""
    states = clusters.of(*stacks.open_stack(stack))
    print(clusters.as_json(states) if as_json else clusters.as_table(states))


@on_stack
@click.command()
def ui(stack: str) -> None:
    """Print the address of the runs' pages; starts the MLflow server if it has stopped."""
    current, project = stacks.open_stack(stack)
    pages = results.pages(current, project)
    if not pages:
        raise TargetError(f"stack {current.name!r} has no pages: it has no runs yet, or `tracking` is none")
    print("\n".join(pages))


@on_stack
@click.command()
@click.argument("run")
@click.option("--follow", "-f", is_flag=True, help="go on until the run has ended")
def logs(run: str, stack: str, follow: bool) -> None:
    """Print the log of RUN."""
    target, record = _attempt(run, stack)
    position, pause, seconds = 0, threading.Event(), target.polling.fastest
    while True:
        now = target.get(record.name)
        position = lifecycle.read_on(target, record.name, position, _print_lines)
        if now is None:
            raise TargetError(f"the record of {record.name} was removed; its log ends here")
        if not follow or now.status.is_terminal:
            return
        seconds = target.polling.after(seconds, now.status, progressed=False)
        pause.wait(seconds)


@on_stack
@click.command()
@click.argument("run")
@click.argument("name", required=False, metavar="[OUTPUT]")
@click.option("--to", metavar="DIR", help="the folder (default: a new one named after the attempt)")
def download(run: str, name: str | None, to: str | None, stack: str) -> None:
    """Download the outputs of RUN, or its named OUTPUT, into a folder, and print its name."""
    target, record = _attempt(run, stack)
    folder = Path(to or record.name)
    downloads.download(target.files(record.name, name), folder, lambda text: print(text, file=sys.stderr))
    print(folder)


def _attempt(run: str, stack: str) -> tuple[Target, Record]:
    """The record that RUN means, and its target. Raises TargetError where there is no such run."""
    found = lookup.find(*stacks.open_stack(stack), run)
    return found.target, found.record


def _print_lines(lines: list[str]) -> None:
    print("\n".join(lines), flush=True)
