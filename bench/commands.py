"""What the `trainup` command adds to Pulumi's own: a no-op `up`, and its help."""

import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from bench.measure import Row, alternate, row
from tests.support.copies import Copy
from tests.support.project import REPOSITORY, toolchain_environment

REPEATS = 9
UNCHANGED = ("--yes", "--non-interactive", "--expect-no-changes")


def run(folder: Path) -> list[Row]:
    """The same stack by both commands, in turn; and the interpreter alone beside the help."""
    copy = Copy(REPOSITORY / "examples" / "own-repository", folder / "copy", toolchain_environment())
    copy.trainup("up", "--yes")
    shell = _shell(copy)
    plain, ours = alternate(
        REPEATS,
        _measured(["pulumi", "up", *UNCHANGED], copy.folder, shell),
        _measured(["trainup", "up", *UNCHANGED], copy.folder, copy.environment),
    )
    copy.trainup("destroy", "--yes")
    floor = row("command", "pulumi up, nothing to do, in a shell of its own", plain, "s")
    rows = [floor, row("command", "trainup up, nothing to do", ours, "s", at_most=1.05).compared(floor)]
    python = [sys.executable, "-I", "-c", "pass"]
    least, text = alternate(
        REPEATS,
        _measured(python, copy.folder, copy.environment),
        _measured(["trainup", "--help"], copy.folder, copy.environment),
    )
    return [
        *rows,
        row("command", "the interpreter alone", least, "s"),
        row("command", "trainup --help", text, "s", at_most=0.15),
    ]


def _shell(copy: Copy) -> dict[str, str]:
    """The variables under which the same CLI works by itself, with a plugin that the engine starts."""
    command = 'eval "$(trainup env)" && exec env -0'
    done = subprocess.run(["sh", "-c", command], cwd=copy.folder, env=copy.environment, capture_output=True, check=True)
    variables = dict(entry.split("=", 1) for entry in done.stdout.decode().split("\0") if entry)
    first, _, others = variables["PATH"].partition(":")  # the script that stands for `pulumi` in such a shell
    assert first.endswith("/shim"), first
    variables.pop("PULUMI_CONFIG_PASSPHRASE", None)  # the stack has one of its own, which a file holds
    return {**variables, "PATH": others}


def _measured(command: list[str], folder: Path, environment: Mapping[str, str]) -> Callable[[], float]:
    def measure() -> float:
        started = time.perf_counter()
        done = subprocess.run(command, cwd=folder, env=dict(environment), capture_output=True, text=True)
        seconds = time.perf_counter() - started
        assert done.returncode == 0, done.stdout + done.stderr
        return seconds

    return measure
