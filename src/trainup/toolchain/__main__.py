"""Sets a machine up for trainup and runs the Pulumi CLI there; needs Python 3.11 and its standard library alone.

`python3 src/trainup/toolchain` and then

setup                    everything that is missing; says which CLI is used
env local                the shell variables for plain `pulumi` commands on the stack
pulumi local up --yes    sets up, frees the stack of a dead command's lock, runs the CLI
stack dev [PROVIDER]     makes the stack if it is new, its secrets kept by this provider
run COMMAND …            sets up, runs a command of the project's environment
plugins                  brings the plugins of Pulumi's providers, which `up` would fetch itself
login FILE [--keep]      for jobs of GitHub: writes their token there, again and again
"""

import contextlib
import fcntl
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

if sys.version_info < (3, 11):  # noqa: UP036 - nothing has checked it before
    sys.exit(f"trainup needs Python 3.11 or newer, and {sys.executable} is older: make PYTHON=python3.12 …")

HERE = Path(__file__).resolve().parent
if __name__ == "__main__":
    # The user's variables and modules are for other interpreters than ours; some print, where a shell reads commands.
    if not (sys.flags.isolated and sys.flags.no_site):
        os.execv(sys.executable, [sys.executable, "-I", "-S", str(HERE), *sys.argv[1:]])
    sys.path[0] = str(HERE.parents[1])

from trainup.core import tools
from trainup.core.texts import print_whatever_comes
from trainup.toolchain import as_pulumi, attached, environment, github, plugins, pulumi_cli, stacks, uv
from trainup.toolchain.paths import ROOT, TOOLCHAIN, SetupError, say


def main(arguments: list[str]) -> int:
    print_whatever_comes()
    command, rest = arguments[:1], arguments[1:]
    os.environ |= environment.surroundings()
    if command == ["setup"] and not rest:
        _told(setup())
    elif command == ["env"] and len(rest) == 1:
        print(environment.as_shell(_shell(_told(setup()), rest[0])))
    elif command == ["pulumi"] and len(rest) > 1:
        stack, words = rest[0], rest[1:]
        cli = _told(setup())
        variables = os.environ | environment.variables(cli, stack, is_local=stacks.is_local(stack))
        opened = stacks.opened(stack, variables, words)
        variables = attached.with_plugin(opened.file, words[0], opened.variables(variables))
        stacks.become([str(cli.path), *opened.words(words, sure=True)], variables, opened.place)
    elif command == ["stack"] and len(rest) in (1, 2):
        variables = os.environ | environment.variables(setup(), rest[0], is_local=stacks.is_local(rest[0]))
        stacks.make(rest[0], variables, *rest[1:])
    elif command == ["run"] and rest:
        stack = os.environ.get("PULUMI_STACK") or environment.LOCAL
        _become(rest, environment.variables(setup(), stack))
    elif command == ["plugins"] and not rest:
        plugins.install(setup().path)
    elif command == ["login"] and rest[1:] in ([], ["--keep"]):
        github.login(Path(rest[0]), keep=bool(rest[1:]))
    else:
        say(__doc__ or "")
        return 2
    return 0


def _shell(cli: pulumi_cli.Cli, stack: str) -> dict[str, str]:
    """What a shell needs for plain `pulumi` commands, also where the stack's file is missing."""
    values = environment.variables(cli, stack, is_local=stacks.is_local(stack))
    path = os.pathsep.join([str(as_pulumi.write(cli.path)), values["PATH"]])
    try:
        opened = stacks.opened(stack, os.environ | values, [])
    except SetupError as error:
        say(f"error: {error}")
        return values | {"PATH": path}
    return values | {"PATH": path} | (opened.key.variables() if opened.key else {})


def setup() -> pulumi_cli.Cli:
    """Whatever is missing; next to nothing when all is there."""
    if os.pathsep in str(ROOT):
        raise SetupError(
            f"the path of this folder holds a {os.pathsep!r}, at which PATH would be cut apart: {ROOT}; "
            "give the folder another name, or move it"
        )
    with _alone():
        tool = uv.ensure()
        uv.sync(tool)
        return pulumi_cli.ensure(tool)


def _told(cli: pulumi_cli.Cli) -> pulumi_cli.Cli:
    say(str(cli))
    return cli


def _become(command: list[str], values: dict[str, str]) -> None:
    """The command takes this process's place: its signals and its exit code are its own."""
    # Nothing that is meant for other interpreters and environments: what runs here is ours.
    variables = tools.variables(os.environ) | values
    program = shutil.which(command[0], path=variables["PATH"])
    if program is None:
        raise SetupError(f"there is no command {command[0]!r}")
    os.execve(program, command, variables)


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """One set-up at a time; the lock goes with the process."""
    TOOLCHAIN.mkdir(exist_ok=True)
    with (TOOLCHAIN / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another set-up is under way; waiting for it …")
            fcntl.flock(lock, fcntl.LOCK_EX)
        for abandoned in (*TOOLCHAIN.glob("cli.*"), *TOOLCHAIN.glob("uv.*")):
            shutil.rmtree(abandoned, ignore_errors=True)
        yield


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except SetupError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
