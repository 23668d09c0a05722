"""What `pulumi` is in a shell of `make env`: the CLI itself, given what a stack of this project needs.

Started by the script that `write` makes, as `python -I -S as_pulumi.py CLI WORD…`. Commands of other projects, and
those that read no stack file, go through as they are.
"""

import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from trainup.core.project import PROJECT_FILES
from trainup.toolchain import attached, keys, stacks
from trainup.toolchain.paths import ROOT, SHIM, SetupError

VALUED = frozenset(
    {"--color", "-C", "--cwd", "--memprofilerate", "--otel-traces", "--profiling", "--tracing", "-v", "--verbose"}
    | {"-s", "--stack", "--config-file"}
)
"""Options of any command that take the next word, too."""


def write(cli: Path) -> Path:
    """The folder that comes first on PATH: with a script that is called `pulumi`."""
    SHIM.mkdir(parents=True, exist_ok=True)
    words = [sys.executable, "-I", "-S", str(Path(__file__).resolve()), str(cli)]
    script = f'#!/bin/sh\n# The Pulumi CLI, with what the stacks of this project need.\nexec {shlex.join(words)} "$@"\n'
    file = SHIM / "pulumi"
    if not file.exists() or file.read_text() != script:
        unfinished = SHIM / f".pulumi.{os.getpid()}"
        unfinished.write_text(script)
        unfinished.chmod(0o755)
        unfinished.replace(file)
    return SHIM


def option(words: Sequence[str], *names: str) -> str | None:
    """The value of an option, `--stack x`, `--stack=x` or `-sx`; None where it is not given."""
    for index, word in enumerate(words):
        if word in names:
            return words[index + 1] if index + 1 < len(words) else None
        for name in names:
            if word.startswith(f"{name}=" if name.startswith("--") else name) and word != name:
                return word.removeprefix(name).removeprefix("=")
    return None


def command_at(words: Sequence[str]) -> int | None:
    """Where the command stands among the words; None where there is none."""
    index = 0
    while index < len(words):
        if not words[index].startswith("-"):
            return index
        index += 2 if words[index] in VALUED else 1
    return None


def _ours(words: Sequence[str]) -> bool:
    """Whether a command is about this project: the CLI takes the nearest Pulumi.yaml above the folder it works in."""
    start = Path(option(words, "-C", "--cwd") or ".").absolute()
    for folder in (start, *start.parents):
        if any((folder / name).is_file() for name in PROJECT_FILES):
            return folder.resolve() == ROOT
    return False


def main(cli: str, words: list[str]) -> None:
    """Take the CLI's place, or give it ours."""
    variables = dict(os.environ)
    at = command_at(words)
    name, place = words[at] if at is not None else "", None
    if name in keys.OPERATIONS | {"config", "cancel"} and _ours(words):
        stack = option(words, "-s", "--stack") or os.environ.get("PULUMI_STACK") or _selected(cli)
        if stack:
            assert at is not None
            opened = stacks.opened(stack, variables, words[at:])
            variables = attached.with_plugin(opened.file, name, opened.variables(variables))
            words, place = words[:at] + opened.words(words[at:]), opened.place
    stacks.become([cli, *words], variables, place)


def _selected(cli: str) -> str:
    done = subprocess.run([cli, "stack", "--show-name"], capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else ""


if __name__ == "__main__":
    try:
        main(sys.argv[1], sys.argv[2:])
    except SetupError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
