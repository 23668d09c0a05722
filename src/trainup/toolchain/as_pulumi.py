"""The `pulumi` of a shell of `trainup env`: it calls the CLI with what a stack of this project needs.

Started by the script that `write` makes, as `python -I -S as_pulumi.py ROOT CLI WORD…`, where ROOT is the project's
folder. Commands in other projects, and those that read no stack file, are passed on unchanged.
"""

import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from trainup.core.disk import replace_file
from trainup.core.errors import TrainupError
from trainup.core.project import nearest_folder

VALUED = frozenset(
    {"--color", "-C", "--cwd", "--memprofilerate", "--otel-traces", "--profiling", "--tracing", "-v", "--verbose"}
    | {"-s", "--stack", "--config-file"}
)
"""Options whose value may be the next word."""


def write(cli: Path, root: Path, folder: Path) -> None:
    """Write a script named `pulumi` into a folder that comes first on PATH."""
    folder.mkdir(parents=True, exist_ok=True)
    words = [sys.executable, "-I", "-S", str(Path(__file__).resolve()), str(root), str(cli)]
    script = f'#!/bin/sh\n# The Pulumi CLI, with what the stacks of this project need.\nexec {shlex.join(words)} "$@"\n'
    file = folder / "pulumi"
    if not file.exists() or file.read_text() != script:
        replace_file(file, script, mode=0o755)


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
    """The index of the command among the words; None where there is no command."""
    index = 0
    while index < len(words):
        if not words[index].startswith("-"):
            return index
        index += 2 if words[index] in VALUED else 1
    return None


def main(root: str, cli: str, words: list[str]) -> None:
    """Prepare the stack if the command works on one of this project, then replace this process by the CLI."""
    folder = option(words, "-C", "--cwd")
    nearest = nearest_folder(Path(folder or ".").absolute())
    is_ours = nearest is not None and nearest.resolve() == Path(root)
    if is_ours and folder:
        words = _without(words, "-C", "--cwd")
        os.chdir(folder)  # as the CLI does before anything else
        os.environ["PWD"] = os.getcwd()
    # Imported only now: these modules take the project from the current folder at import.
    from trainup.toolchain import attached, keys, stacks

    variables = dict(os.environ)
    at = command_at(words)
    name, location = words[at] if at is not None else "", None
    if name in keys.OPERATIONS | {"config", "cancel"} and is_ours:
        stack = option(words, "-s", "--stack") or variables.get("PULUMI_STACK") or stacks.selected(variables)
        if stack:
            assert at is not None
            prepared = stacks.prepare(stack, variables, words[at:])
            variables = attached.with_plugin(prepared.file, name, prepared.variables(variables))
            words, location = words[:at] + prepared.words(words[at:]), prepared.location
    stacks.become([cli, *words], variables, location)


def _without(words: Sequence[str], *names: str) -> list[str]:
    """The words without an option and its value."""
    remaining, is_value = [], False
    for word in words:
        if is_value:
            is_value = False
        elif word in names:
            is_value = True
        elif not any(word.startswith(f"{name}=" if name.startswith("--") else name) for name in names):
            remaining.append(word)
    return remaining


if __name__ == "__main__":
    try:
        main(sys.argv[1], sys.argv[2], sys.argv[3:])
    except TrainupError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
