"""`trainup runs` and `trainup history`: the records of a stack, as tables, as JSON and while they change.

The Pulumi CLI reads the stack's state while what else they need is imported, which takes as long.
"""

import click

from trainup.cli import stack as stacks
from trainup.cli.options import on_stack


@on_stack
@click.command()
@click.option("--all", "with_all", is_flag=True, help="also former attempts and those of former inputs")
@click.option("--json", "as_json", is_flag=True, help="as a list of objects")
@click.option("--watch", "-w", is_flag=True, help="go on until no run is active; in a pipe, a line for each change")
def runs(stack: str, with_all: bool, as_json: bool, watch: bool) -> None:
    """List the runs of the stack."""
    stacks.begin_to_read(stack)
    from trainup.cli.runs import tables

    (tables.watch if watch else tables.list_once)(stack, with_all=with_all, as_json=as_json)


@on_stack
@click.command()
@click.argument("run", required=False)
@click.option("--json", "as_json", is_flag=True, help="as a list of objects")
def history(run: str | None, stack: str, as_json: bool) -> None:
    """List every attempt that the stack ever had, or that RUN had, with digest and git commit, oldest first.

    The digits in NAME are the first of the digest, and `-a2` is a second attempt; `--json` has the whole digest.
    DIRTY says whether files of the project were changed since the commit. Records of earlier versions lack both.
    """
    stacks.begin_to_read(stack)
    from trainup.cli.runs import tables

    tables.list_history(stack, run, as_json=as_json)
