"""The `trainup` command: sets up a machine, deploys and trains with Pulumi, and shows the runs of a stack."""

import os
import sys
from importlib import import_module

import click
from click.shell_completion import CompletionItem

from trainup.cli.exit_codes import EXIT_CODES, ExitCode
from trainup.core.errors import TrainupError, UserError
from trainup.core.texts import print_whatever_comes
from trainup.core.wording import TYPED, as_typed

COMMANDS = {
    "operations": {
        "up": "build what the stack declares, and train",
        "preview": "what `up` would do",
        "refresh": "bring the state up to date with what happened elsewhere",
        "destroy": "cancel active runs and remove all resources",
        "stack": "create a stack, if there is none of this name",
        "unlock": "unlock a stack whose command was killed elsewhere; only while nobody else works on it",
        "setup": "install what the other commands need",
        "env": 'variables for plain `pulumi` commands: eval "$(trainup env)"',
    },
    "runs.listing": {
        "runs": "list the runs of the stack; `--all` also former ones, `--watch` while they change",
        "history": "list every attempt that the stack ever had, with digest and git commit",
    },
    "runs.status": {
        "status": "show a run in full, or how the stack stands",
    },
    "runs.logs": {
        "logs": "print the log of any recorded run, or a part of it",
    },
    "runs.comparing": {
        "compare": "compare runs by metric and argument: sorted, filtered, as a table, JSON or CSV",
    },
    "report.command": {
        "report": "write one HTML page about the runs of the stack, for a pull request",
    },
    "runs.canceling": {
        "cancel": "end a run, and wait until it has ended",
    },
    "runs.rerunning": {
        "rerun": "train a run again though nothing changed",
    },
    "schedules": {
        "schedules": "list when runs train again by their schedule; `--github` for a workflow of GitHub Actions",
    },
    "drill": {
        "drill": "show that a run survives the loss of its node, on a copy of it",
    },
    "runs.opening": {
        "open": "open the page of a run in the browser",
    },
    "records": {
        "output": "print the results as JSON, from the state and the target's records",
        "download": "download the outputs of a run into a folder, and print its name",
        "ui": "print the address of the runs' pages; starts the MLflow server if it has stopped",
        "cluster": "show the stack's cluster: nodes by state, and errors that keep it from getting more",
    },
    "costs": {
        "costs": "what the attempts of the stack's runs took and cost, by run, month or tag",
    },
    "collecting": {
        "gc": "show what the workspace on this machine holds, and remove what nobody needs",
    },
    "declarations": {
        "init": "write the Pulumi files into a folder with training code",
        "request": "print the request that would start a run on Azure, without sending it",
        "schema": "print the JSON schema of Pulumi.<stack>.yaml, for editors to complete and check it",
    },
    "doctor.command": {
        "doctor": "try everything that `up` will touch, and tell what mends it; changes nothing",
    },
    "roles": {
        "roles": "print the least roles that the stack needs on Azure, for whoever grants them",
    },
    "planning.command": {
        "plan": "what `up` would do, why runs train again, and what is uploaded",
    },
    "comparison": {
        "diff": "show how two runs differ: code, arguments, packages, data, variables, metrics",
    },
    "promoting": {
        "promote": "write into a stack's file that its model is the one that is live in another stack",
    },
    "runs.completing": {
        "completion": "print the script by which bash, zsh or fish completes commands and options",
    },
    "verification": {
        "verify-azure": "hold what trainup believes of Azure against a subscription",
        "beliefs": "print what trainup believes of Azure and nothing confirms",
    },
}
"""Module → its commands and their help. A module is imported only when one of its commands runs."""


def _function(name: str) -> str:
    """The name of the function of a command."""
    return "open_" if name == "open" else name.replace("-", "_")


class Commands(click.Group):
    """The commands by name; the module of a command is imported when the command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for names in COMMANDS.values() for name in names]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        for module, names in COMMANDS.items():
            if name in names:
                command: click.Command = getattr(import_module(f"trainup.cli.{module}"), _function(name))
                return command
        return None

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The commands that begin so, without an import of their modules."""
        lines = (line for names in COMMANDS.values() for line in names.items() if line[0].startswith(incomplete))
        return [CompletionItem(name, help=text) for name, text in lines] + click.Command.shell_complete(
            self, ctx, incomplete
        )

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([line for names in COMMANDS.values() for line in names.items()])


@click.command(
    cls=Commands, help=f"{__doc__}\n\n{EXIT_CODES}", context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(package_name="trainup", message="%(prog)s %(version)s")
def trainup() -> None:
    pass


def main(arguments: list[str] | None = None) -> int:
    """Run one command. Returns its exit code: `cli/exit_codes.py`."""
    print_whatever_comes()
    os.environ.setdefault(TYPED, "trainup")
    try:
        code = trainup.main(arguments, prog_name="trainup", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        # The reader of our output has ended (`| head`). Python would fail again when it flushes the rest at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (TrainupError, OSError) as error:
        print(as_typed(f"trainup: {error}", os.environ), file=sys.stderr)
        return ExitCode.REFUSED if isinstance(error, UserError) else ExitCode.FAILED


if __name__ == "__main__":
    sys.exit(main())
