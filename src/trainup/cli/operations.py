"""Commands that set up a machine or work on a stack: once the stack is ready, the Pulumi CLI replaces the process."""

import os
from collections.abc import Mapping, Sequence
from typing import NoReturn

import click

from trainup.cli.options import on_stack, stack_option
from trainup.cli.terminal import command
from trainup.core.facts import LINES, VARIABLE
from trainup.core.wording import TYPED
from trainup.toolchain import as_pulumi, attached, environment, setting_up, stacks
from trainup.toolchain.paths import ROOT, SHIM, SetupError, say
from trainup.toolchain.pulumi_cli import Cli

SHOWN = frozenset({"up", "preview", "refresh", "destroy"})
"""Commands whose events are shown here instead of by Pulumi."""
WORDS = {"ignore_unknown_options": True}
"""Options that `trainup` does not know are passed on to the Pulumi CLI."""


def _operation(name: str, *, pulumi: str, words: tuple[str, ...] = ()) -> click.Command:
    """A `trainup` command that runs the Pulumi command `pulumi` with `words` added."""

    def run(stack: str, more: tuple[str, ...], quiet: bool = False, logs: str = "", pulumi_display: bool = True) -> int:
        return _work([pulumi, *words, *more], stack, quiet=quiet, logs=logs, pulumi_display=pulumi_display)

    options: list[click.Parameter] = [stack_option(), click.Argument(["more"], nargs=-1, type=click.UNPROCESSED)]
    if pulumi in SHOWN:
        options += display_options()
    text = f"Options that it does not know go to `pulumi {pulumi}`; `pulumi {pulumi} --help` lists them."
    return click.Command(
        name,
        callback=run,
        params=options,
        help=text,
        context_settings=WORDS,
        options_metavar="[--stack NAME] [OPTION]…",
    )


def display_options() -> list[click.Parameter]:
    """Options of the commands that show what the engine does."""
    return [
        click.Option(["--quiet", "-q"], is_flag=True, help="leave out the logs of the runs"),
        click.Option(["--logs"], metavar="RUN", default="", help="show the log of this run alone"),
        click.Option(["--pulumi", "pulumi_display"], is_flag=True, help="Pulumi's own display and exit codes"),
    ]


def _work(words: list[str], stack: str, *, quiet: bool, logs: str, pulumi_display: bool) -> int:
    cli = setting_up.cli()
    if os.environ.get(TYPED) == "make":
        say(str(cli))
    is_local = stacks.is_local(stack)
    variables = os.environ | environment.variables(cli, stack, is_local=is_local)
    prepared = stacks.prepare(stack, variables, words)
    variables = prepared.variables(variables) | ({VARIABLE: LINES} if "--diff" in words else {})
    variables = attached.with_plugin(prepared.file, words[0], variables)
    words = prepared.words(words, sure=True)
    if pulumi_display or command.wants_pulumi(words):
        stacks.become([str(cli.path), *words], variables, prepared.location)

    def become(command: Sequence[str], variables: Mapping[str, str]) -> NoReturn:
        stacks.become(command, variables, prepared.location)

    return command.run(str(cli.path), words, variables, become, quiet=quiet, logs=logs)


up = _operation("up", pulumi="up")
preview = _operation("preview", pulumi="preview")
refresh = _operation("refresh", pulumi="refresh")
destroy = _operation("destroy", pulumi="destroy")
unlock = _operation("unlock", pulumi="cancel", words=("--yes",))


@click.command()
@click.argument("name")
@click.argument("secrets_provider", default="")
def stack(name: str, secrets_provider: str) -> None:
    """Create the stack NAME, unless it exists. SECRETS_PROVIDER encrypts its secrets, such as `azurekeyvault://…`; the
    default for a local stack is a passphrase that is generated for you and never typed."""
    variables = os.environ | environment.variables(setting_up.cli(), name, is_local=stacks.is_local(name))
    stacks.make(name, variables, secrets_provider)


@click.command()
def setup() -> None:
    """Install what the other commands need: the Pulumi CLI, if this machine has none."""
    say(str(setting_up.cli()))


@on_stack
@click.command()
def env(stack: str) -> None:
    """Print variables for plain `pulumi` commands in this shell: eval "$(trainup env)"."""
    print(environment.as_shell(_shell(setting_up.cli(), stack)))


def _shell(cli: Cli, stack: str) -> dict[str, str]:
    """The variables for plain `pulumi` commands in a shell; also works where the stack's file is missing."""
    values = environment.variables(cli, stack, is_local=stacks.is_local(stack))
    as_pulumi.write(cli.path, ROOT.resolve(), SHIM)
    path = os.pathsep.join([str(SHIM), values["PATH"]])
    try:
        prepared = stacks.prepare(stack, os.environ | values, [])
    except SetupError as error:
        say(f"error: {error}")
        return values | {"PATH": path}
    return values | {"PATH": path} | (prepared.key.variables() if prepared.key else {})
