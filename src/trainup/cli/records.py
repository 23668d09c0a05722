"""Commands that show the runs of a stack, from the target's own records."""

import json
import sys
from pathlib import Path

import click

from trainup.cli import clusters, results
from trainup.cli import stack as stacks
from trainup.cli.options import on_stack
from trainup.cli.runs import lookup, places
from trainup.jobs import downloads
from trainup.jobs.target import TargetError


@on_stack
@click.command()
def output(stack: str) -> None:
    """Print the results as JSON, from the state and the target's records."""
    current, project = stacks.open_stack(stack)
    print(json.dumps(results.merged(current, project), indent=2))


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
@click.argument("name", required=False, metavar="[OUTPUT]")
@click.option("--to", metavar="DIR", help="the folder (default: a new one named after the attempt)")
def download(run: str, name: str | None, to: str | None, stack: str) -> None:
    """Download the outputs of RUN, or its named OUTPUT, into a folder, and print its name."""
    known = lookup.find(*places.open_records(stack), run)
    target, record = known.target, known.record
    folder = Path(to or record.name)
    downloads.download(target.files(record.name, name), folder, lambda text: print(text, file=sys.stderr))
    print(folder)
