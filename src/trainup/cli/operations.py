"""Commands that set up a machine or work on a stack: once the stack is ready, the Pulumi CLI replaces the process."""

import os
from typing import NoReturn

import click

from trainup.cli.options import on_stack, stack_option
from trainup.core.wording import TYPED
from trainup.toolchain import as_pulumi, attached, environment, setting_up, stacks
from trainup.toolchain.paths import ROOT, SHIM, SetupError, say
from trainup.toolchain.pulumi_cli import Cli

WORDS = {"ignore_unknown_options": True}
"""Options that `trainup` does not know are passed on to the Pulumi CLI."""


def _operation(name: str, *, pulumi: str, words: tuple[str, ...] = ()) -> click.Command:
    """A `trainup` command that runs the Pulumi command `pulumi` with `words` added."""

    def run(stack: str, more: tuple[str, ...]) -> NoReturn:
        _work([pulumi, *words, *more], stack)

    options: list[click.Parameter] = [stack_option(), click.Argument(["more"], nargs=-1, type=click.UNPROCESSED)]
    text = f"Options that it does not know go to `pulumi {pulumi}`; `pulumi {pulumi} --help` lists them."
    return click.Command(
        name,
        callback=run,
        params=options,
        help=text,
        context_settings=WORDS,
        options_metavar="[--stack NAME] [OPTION]…",
    )


def _work(words: list[str], stack: str) -> NoReturn:
    cli = setting_up.cli()
    if os.environ.get(TYPED) == "make":
        say(str(cli))
    is_local = stacks.is_local(stack)
    variables = os.environ | environment.variables(cli, stack, is_local=is_local)
    prepared = stacks.prepare(stack, variables, words)
    variables = attached.with_plugin(prepared.file, words[0], prepared.variables(variables))
    stacks.become([str(cli.path), *prepared.words(words, sure=True)], variables, prepared.location)


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
