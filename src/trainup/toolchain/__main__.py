"""Sets up a checkout of trainup; needs Python 3.11 and its standard library alone.

`python3 src/trainup/toolchain` and then

setup                    everything that is missing; says which CLI is used
trainup WORD …           sets up the environment, and runs the command `trainup` in it
run COMMAND …            sets up, runs a command of the checkout's environment
plugins                  brings the plugins of Pulumi's providers, which `up` would fetch itself
login FILE [--keep]      for jobs of GitHub: writes their token there, again and again
"""

import os
import shutil
import sys
from pathlib import Path

if sys.version_info < (3, 11):  # noqa: UP036 - nothing has checked it before
    sys.exit(f"trainup needs Python 3.11 or newer, and {sys.executable} is older: make PYTHON=python3.12 …")

HERE = Path(__file__).resolve().parent
if __name__ == "__main__":
    # Run isolated (-I -S): the user's PYTHON* variables and site modules may not fit this interpreter, and some print
    # to standard output, where a shell reads commands.
    if not (sys.flags.isolated and sys.flags.no_site):
        os.execv(sys.executable, [sys.executable, "-I", "-S", str(HERE), *sys.argv[1:]])
    sys.path[0] = str(HERE.parents[1])

from trainup.core import tools
from trainup.core.project import DEFAULT_STACK
from trainup.core.texts import print_whatever_comes
from trainup.toolchain import environment, github, plugins, pulumi_cli, setting_up
from trainup.toolchain.paths import PYTHON, SetupError, say


def main(arguments: list[str]) -> int:
    print_whatever_comes()
    command, rest = arguments[:1], arguments[1:]
    os.environ |= environment.surroundings()
    if command == ["setup"] and not rest:
        say(str(_setup()))
    elif command == ["trainup"]:
        setting_up.environment()
        _become([str(PYTHON), "-I", "-m", "trainup.cli", *rest], {})
    elif command == ["run"] and rest:
        stack = os.environ.get("PULUMI_STACK") or DEFAULT_STACK
        _become(rest, environment.variables(_setup(), stack))
    elif command == ["plugins"] and not rest:
        plugins.install(_setup().path)
    elif command == ["login"] and rest[1:] in ([], ["--keep"]):
        github.login(Path(rest[0]), keep=bool(rest[1:]))
    else:
        say(__doc__ or "")
        return 2
    return 0


def _setup() -> pulumi_cli.Cli:
    """Install whatever is missing; quick when nothing is."""
    setting_up.environment()
    return setting_up.cli()


def _become(command: list[str], values: dict[str, str]) -> None:
    """Replace this process by the command, so that signals and the exit code are the command's own."""
    # Leave out PYTHONPATH and the like: they are meant for other interpreters and environments.
    variables = tools.variables(os.environ) | values
    program = shutil.which(command[0], path=variables.get("PATH"))
    if program is None:
        raise SetupError(f"there is no command {command[0]!r}")
    os.execve(program, command, variables)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except SetupError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
