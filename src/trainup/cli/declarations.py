"""Commands about a stack's declarations: write them, check them, show what they would send."""

import json
import os

import click

from trainup.cli import stack as stacks
from trainup.cli.options import on_stack
from trainup.cli.starting.command import init
from trainup.toolchain import attached, projects, stack_files

__all__ = ["init", "request", "schema"]


@on_stack
@click.command()
@click.argument("run")
def request(run: str, stack: str) -> None:
    """Print the request that would start RUN on Azure, without sending it.

    `rates_3` is trial number 3 of the sweep `rates`, and `rates` alone its first one."""
    from trainup.cli.planning import request as plan

    current, project = stacks.open_stack(stack)
    file = stack_files.read(projects.read(project), stack)
    os.environ |= attached.with_plugin(file, "preview", os.environ)
    inputs = plan.inputs_of(run, current, stack)
    if unknown := plan.unknown_inputs(inputs):
        click.echo(f"known only when their resources exist, after `trainup up`: {', '.join(unknown)}", err=True)
    print(json.dumps(plan.request(inputs, current, project), indent=2))


@click.command()
def schema() -> None:
    """Print the JSON schema of Pulumi.<stack>.yaml, for editors to complete and check it."""
    # Imported here, since it imports Pulumi's SDK, which is slow.
    from trainup.infra.schema import schema

    print(json.dumps(schema(), indent=2, ensure_ascii=False))
