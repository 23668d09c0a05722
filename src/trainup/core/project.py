"""The names of a Pulumi project's files, and the namespaces in which a stack's settings stand."""

import difflib
from collections.abc import Collection, Mapping
from pathlib import Path

PROJECT_FILES = ("Pulumi.json", "Pulumi.yaml", "Pulumi.yml")
"""How a project's file may be called, in the order in which Pulumi looks; the files of its stacks end as it does."""

NAMESPACE = "trainup"
"""The namespace of trainup's settings, whatever the project is called."""

DEFAULT_STACK = "local"
"""The stack that commands mean when nothing says another; what it is called says nothing of its target."""

ALIKE = 0.8
"""From here on a namespace is taken for a misspelt one; 1 is the same."""


def nearest_folder(start: Path) -> Path | None:
    """The folder of the project's file, here or above, as Pulumi finds it; None where there is none."""
    folders = (start, *start.parents)
    return next((folder for folder in folders if any((folder / name).is_file() for name in PROJECT_FILES)), None)


def stack_file_name(project_file: str, stack: str) -> str:
    """Name of a stack's file beside a project's: `Pulumi.dev.yaml`; of `organization/project/stack` the last counts."""
    return f"Pulumi.{stack.rpartition('/')[2]}.{project_file.rpartition('.')[2]}"


def namespaces(project: str) -> tuple[str, ...]:
    """Where settings are read from, the first that has a key counts.

    `trainup:runs` is meant in any project; what is written without a namespace, or by `pulumi config set runs`, Pulumi
    puts below the project's own name.
    """
    return tuple(dict.fromkeys((NAMESPACE, project)))


def settings_of(config: Mapping[str, str], project: str) -> dict[str, str]:
    """Setting → its key in a stack's whole configuration."""
    found: dict[str, str] = {}
    for namespace in namespaces(project):
        for key in config:
            if key.startswith(f"{namespace}:"):
                found.setdefault(key.removeprefix(f"{namespace}:"), key)
    return found


def misplaced(config: Mapping[str, str], project: str, known: Collection[str], defaults: Collection[str]) -> list[str]:
    """What stands where it is not read, or twice; a sentence each.

    `known` are the settings there are, `defaults` the keys whose values are but what the project declares.
    """
    ours, problems = namespaces(project), []
    for key in config:
        namespace, _, name = key.partition(":")
        if namespace == project != NAMESPACE and f"{NAMESPACE}:{name}" in config and key not in defaults:
            problems.append(f"{key}: {NAMESPACE}:{name} is set as well, and one of them would be ignored: remove one")
        elif namespace in ours:
            continue
        elif difflib.SequenceMatcher(None, namespace.lower(), NAMESPACE).ratio() >= ALIKE:
            problems.append(f"{key}: nothing reads the namespace {namespace}; write {NAMESPACE}:{name}")
        elif name == "runs" and name in known:
            problems.append(
                f"{key}: runs are read from {' and '.join(f'{one}:{name}' for one in ours)} alone; write "
                f"{NAMESPACE}:{name}"
            )
    return problems
