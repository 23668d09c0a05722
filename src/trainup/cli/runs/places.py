"""Where the records of a stack's runs are: the targets that its state names, or those of its settings."""

import sys
from pathlib import Path
from typing import Any

from trainup.cli import stack as stacks
from trainup.cli.runs import lost
from trainup.cli.stack import Stack
from trainup.core.project import nearest_folder
from trainup.core.targets import is_elsewhere
from trainup.jobs.local import index
from trainup.jobs.local.target import LocalTarget
from trainup.jobs.local.workspace import Workspace
from trainup.jobs.target import StackUrns, Target
from trainup.jobs.targets import target_of

LOCATION = ("target", "workspace", "cloud")
"""Inputs of a run that say where its record is."""


def default_workspace(stack: Stack) -> str:
    """The workspace folder of a local stack that does not set one."""
    return f".trainup/{stack.name}"


def workspaces(stack: Stack, project: Path) -> list[Workspace]:
    """The local workspaces of a stack's runs; a stack whose state was lost still has that of its file."""
    runs = [resource["inputs"] for resource in (*stack.runs.values(), *stack.sweeps.values())]
    paths = {str(inputs["workspace"]) for inputs in runs if not is_elsewhere(inputs.get("target"))}
    if not runs:
        paths = {lost.local_workspace(stack, project) or default_workspace(stack)}
    return [Workspace.at(project, path) for path in sorted(paths)]


def urns(stack: Stack, project: Path) -> StackUrns:
    """The stack, as the owners of its runs name it."""
    resources = {**stack.runs, **stack.sweeps}
    declared = {run: str(resource["urn"]) for run, resource in resources.items() if resource.get("urn")}
    return StackUrns(stack.name, stack.project, str(project.resolve()), declared)


def inputs_of(stack: Stack, run: str) -> dict[str, Any]:
    """The inputs of a run in the state; empty where it is not there."""
    return dict(stack.runs.get(run, {}).get("inputs", {}))


def all_targets(stack: Stack, project: Path) -> list[Target]:
    """Every target that holds records of the stack, once."""
    local: list[Target] = [LocalTarget(workspace) for workspace in workspaces(stack, project)]
    return local + [target_of(inputs, project) for inputs in _elsewhere(stack, project)]


def open_records(name: str, *, whole: bool = True) -> tuple[Stack, Path]:
    """As `stack.open_stack`, for reading records; a stack whose state is lost, while records of it are there, is empty.

    That is told on standard error. `whole`: all records will be read, which begins while the CLI reads the state.
    """
    if whole and (project := nearest_folder(Path.cwd())):
        without_state = Stack(name.rsplit("/", 1)[-1], "", [])
        for workspace in workspaces(without_state, project):
            index.read_ahead(workspace)
    try:
        return stacks.open_stack(name)
    except stacks.NoStack:
        project = stacks.project_folder(Path.cwd())
        empty = Stack(name.rsplit("/", 1)[-1], stacks.project_name(project), [])
        if not has_records(empty, project):
            raise
        print(f"trainup: this backend has no state of the stack {name!r}: its records are shown", file=sys.stderr)
        return empty, project


def has_records(stack: Stack, project: Path) -> bool:
    """Whether a stack without a state may have left records: asks nobody but the disk and the settings."""
    return any(one.runs.is_dir() for one in workspaces(stack, project)) or bool(_elsewhere(stack, project))


def _elsewhere(stack: Stack, project: Path) -> list[dict[str, Any]]:
    """Inputs that lead to the records elsewhere, with the secrets of all runs, since logs may hold any."""
    if not stack.runs and not stack.sweeps:
        inputs = lost.elsewhere(stack, project)
        return [inputs] if inputs else []
    by_location: dict[tuple[Any, ...], dict[str, Any]] = {}
    for run, resource in {**stack.runs, **stack.sweeps}.items():
        inputs = resource["inputs"]
        if is_elsewhere(inputs.get("target")):
            location = {name: inputs[name] for name in LOCATION if name in inputs}
            shared = by_location.setdefault(tuple(location.items()), {**location, "secrets": {}})
            secrets = inputs.get("secrets")
            shared["secrets"] |= {f"{run} {name}": value for name, value in (secrets or {}).items()}
    return list(by_location.values())


def target(stack: Stack, project: Path, run: str, name: str) -> Target | None:
    """The target that has an attempt of a run; None where no workspace has it."""
    if is_elsewhere((inputs := inputs_of(stack, run)).get("target")):
        return target_of(inputs, project)
    return next((one for one in all_targets(stack, project) if one.get(name)), None)
