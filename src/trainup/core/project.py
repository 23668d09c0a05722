"""The names of a Pulumi project's files, and the namespaces in which a stack's settings stand."""

import difflib
from collections.abc import Collection, Mapping
from pathlib import Path

PROJECT_FILES = ("Pulumi.json", "Pulumi.yaml", "Pulumi.yml")
"""Names of a project file, in Pulumi's order of search. The stack files have the same extension."""

NAMESPACE = "trainup"
"""The namespace of trainup's settings, whatever the project is called."""

DEFAULT_STACK = "local"
"""The stack that commands use by default. Its name does not decide its target."""

ALIKE = 0.8
"""Similarity from which a namespace counts as a misspelling; equal names have 1."""


def nearest_folder(start: Path) -> Path | None:
    """The folder with the project file, searched upwards as Pulumi does; None if there is none."""
    folders = (start, *start.parents)
    return next((folder for folder in folders if any((folder / name).is_file() for name in PROJECT_FILES)), None)


def stack_file_name(project_file: str, stack: str) -> str:
    """Name of a stack's file beside a project's: `Pulumi.dev.yaml`; of `organization/project/stack` the last counts."""
    return f"Pulumi.{stack.rpartition('/')[2]}.{project_file.rpartition('.')[2]}"


def namespaces(project: str) -> tuple[str, ...]:
    """The namespaces of settings, in order of precedence.

    `trainup:runs` works in any project. Pulumi uses the project's own name for keys without a namespace, as in
    `pulumi config set runs`.
    """
    return tuple(dict.fromkeys((NAMESPACE, project)))


def settings_of(config: Mapping[str, str], project: str) -> dict[str, str]:
    """Setting → its key in a stack's whole configuration."""
    keys: dict[str, str] = {}
    for namespace in namespaces(project):
        for key in config:
            if key.startswith(f"{namespace}:"):
                keys.setdefault(key.removeprefix(f"{namespace}:"), key)
    return keys


def misplaced(config: Mapping[str, str], project: str, defaults: Collection[str]) -> list[str]:
    """One sentence for each key of the configuration that is not read, or is set twice.

    `defaults` are the keys whose values are only the project's defaults.
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
        elif name == "runs":
            problems.append(
                f"{key}: runs are read from {' and '.join(f'{one}:{name}' for one in ours)} alone; write "
                f"{NAMESPACE}:{name}"
            )
    return problems
