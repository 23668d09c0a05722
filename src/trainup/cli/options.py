"""Options that several commands have."""

import click

from trainup.toolchain import stacks


def stack_option() -> click.Option:
    """`--stack`: the name of the stack that the command is about."""
    return click.Option(
        ["--stack", "-s"],
        metavar="NAME",
        default=stacks.current,
        help="name of the stack (default: PULUMI_STACK, the selected one, or local)",
    )


def on_stack(command: click.Command) -> click.Command:
    """Give a command the option `--stack`."""
    command.params.append(stack_option())
    return command
