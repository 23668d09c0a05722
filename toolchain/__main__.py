"""Sets a machine up for trainup and runs the Pulumi CLI there; needs Python 3.11 and its standard library alone.

python3 -m toolchain setup                    everything that is missing; says which CLI is used
python3 -m toolchain env local                the shell variables for plain `pulumi` commands on the stack
python3 -m toolchain pulumi local up --yes    sets up, frees the stack of a dead command's lock, runs the CLI
python3 -m toolchain stack dev [PROVIDER]     makes the stack if it is new, its secrets kept by this provider
python3 -m toolchain run COMMAND …            sets up, runs a command of the project's environment
python3 -m toolchain login FILE [--keep]      for jobs of GitHub: writes their token there, again and again
"""

import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

if sys.version_info < (3, 11):  # noqa: UP036 - nothing has checked it before
    sys.exit(f"trainup needs Python 3.11 or newer, and {sys.executable} is older: make PYTHON=python3.12 …")

# Nothing is installed yet: what set-up shares with the program is in this folder, under its later name.
sys.modules["trainup"] = ModuleType("trainup")
sys.modules["trainup"].__path__ = [str(Path(__file__).resolve().parents[1])]

from toolchain import environment, github, locks, projects, pulumi_cli, uv
from toolchain.paths import ROOT, TOOLCHAIN, SetupError, say


def main(arguments: list[str]) -> int:
    command, rest = arguments[:1], arguments[1:]
    os.environ |= environment.network_variables()
    if command == ["setup"] and not rest:
        _told(setup())
    elif command == ["env"] and len(rest) == 1:
        values = environment.variables(_told(setup()), rest[0])
        prepare(rest[0], values)
        print(environment.as_shell(values))
    elif command == ["pulumi"] and len(rest) > 1:
        values = environment.variables(_told(setup()), rest[0])
        prepare(rest[0], values)
        _become(["pulumi", *rest[1:]], values)
    elif command == ["stack"] and len(rest) in (1, 2):
        values = environment.variables(setup(), rest[0])
        backend_of(values)
        make_stack(os.environ | values, *rest)
    elif command == ["run"] and rest:
        _become(rest, environment.variables(setup(), environment.LOCAL))
    elif command == ["login"] and rest[1:] in ([], ["--keep"]):
        github.login(Path(rest[0]), keep=bool(rest[1:]))
    else:
        say(__doc__ or "")
        return 2
    return 0


def setup() -> pulumi_cli.Cli:
    """Whatever is missing; next to nothing when all is there."""
    with _alone():
        tool = uv.ensure()
        uv.sync(tool)
        return pulumi_cli.ensure(tool)


def _told(cli: pulumi_cli.Cli) -> pulumi_cli.Cli:
    say(str(cli))
    return cli


def prepare(stack: str, values: dict[str, str]) -> None:
    """The stack exists, if it is the local one, and no dead command holds it."""
    backend = backend_of(values)
    if stack == environment.LOCAL and not _exists(stack, backend):
        make_stack(os.environ | values, stack)
    locks.clear(backend, projects.read(ROOT).name, stack)


def backend_of(values: dict[str, str]) -> str:
    """Address of the backend, empty for a login; the folder that is taken where the user chose none is made."""
    backend = (os.environ | values).get("PULUMI_BACKEND_URL", "")
    if backend == environment.BACKEND.as_uri():
        environment.BACKEND.mkdir(parents=True, exist_ok=True)
    return backend


def make_stack(variables: dict[str, str], stack: str, provider: str = "") -> None:
    """Make a stack; one that is there stays as it is."""
    command = ["pulumi", "stack", "init", "--no-select", stack]
    command += ["--secrets-provider", provider] if provider else []
    done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True)
    # One that is locked is there as well; whether that stands in the way, the next command says.
    if done.returncode and not any(text in done.stderr for text in ("already exists", "is currently locked")):
        raise SetupError(f"stack {stack!r} could not be made:\n{done.stderr.strip()}")


def _exists(stack: str, backend: str) -> bool:
    """Whether it is known at once that the stack exists: in the backend of this folder."""
    known = environment.BACKEND / ".pulumi" / "stacks" / projects.read(ROOT).name / f"{stack}.json"
    return backend == environment.BACKEND.as_uri() and known.exists()


def _become(command: list[str], values: dict[str, str]) -> None:
    """The command takes this process's place: its signals and its exit code are its own."""
    variables = os.environ | values
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
