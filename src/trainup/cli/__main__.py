"""The `trainup` command: sets up, deploys and trains with Pulumi, and tells what the runs of a stack did."""

import os
import sys
from importlib import import_module

import click

from trainup.core.errors import TrainupError
from trainup.core.texts import print_whatever_comes
from trainup.core.wording import TYPED, as_typed

COMMANDS = {
    "operations": {
        "up": "build what is declared and train",
        "preview": "what `up` would do",
        "refresh": "take over what happened elsewhere",
        "destroy": "cancel what runs and remove what was made",
        "stack": "make a stack, if it is new",
        "unlock": "free a stack whose command was cut off elsewhere; only while nobody else works on it",
        "setup": "bring what the other commands need",
        "env": 'variables for plain `pulumi` commands: eval "$(trainup env)"',
    },
    "records": {
        "runs": "the runs of the stack, a line each",
        "output": "the results as JSON: state and the target's records merged",
        "logs": "the log of a run",
        "download": "what a run left behind, fetched into a folder, whose name is printed",
        "ui": "where to look at the runs in a browser; starts the MLflow server if it has stopped",
        "cluster": "what the stack's cluster is doing now: nodes by state, and why some cannot be had",
    },
    "declarations": {
        "init": "start in a folder with training code: writes the Pulumi files",
        "request": "the request that would start a run on Azure, which is not sent",
        "schema": "the JSON schema of Pulumi.<stack>.yaml, by which editors complete and check it",
    },
}
"""Module → its commands, with a line about each: modules are imported when one of their commands runs."""


class Commands(click.Group):
    """The commands by name. What a command needs is imported with it alone."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for names in COMMANDS.values() for name in names]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        for module, names in COMMANDS.items():
            if name in names:
                command: click.Command = getattr(import_module(f"trainup.cli.{module}"), name)
                return command
        return None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([line for names in COMMANDS.values() for line in names.items()])


@click.command(cls=Commands, help=__doc__, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="trainup", message="%(prog)s %(version)s")
def trainup() -> None:
    pass


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit code: 0 it is done, 1 it failed, 2 it was not understood, 130 interrupted."""
    print_whatever_comes()
    os.environ.setdefault(TYPED, "trainup")
    try:
        code = trainup.main(arguments, prog_name="trainup", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return 130
    except BrokenPipeError:
        # Whoever read our output has seen enough (`| head`); what is left in the buffer goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (TrainupError, OSError) as error:
        print(as_typed(f"trainup: {error}", os.environ), file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
