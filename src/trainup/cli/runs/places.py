"""Where the records of a stack's runs are: the targets that its state names, or its default workspace folder."""

from pathlib import Path
from typing import Any

from trainup.cli.stack import Stack
from trainup.core.targets import is_elsewhere
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
    """The local workspaces of a stack's runs; a stack whose state was lost still has its default one."""
    runs = [resource["inputs"] for resource in (*stack.runs.values(), *stack.sweeps.values())]
    paths = {str(inputs["workspace"]) for inputs in runs if not is_elsewhere(inputs.get("target"))}
    if not runs:
        paths = {default_workspace(stack)}
    return [Workspace((project / path).resolve(), project.resolve()) for path in sorted(paths)]


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
    return local + [target_of(inputs, project) for inputs in _elsewhere(stack).values()]


def _elsewhere(stack: Stack) -> dict[tuple[Any, ...], dict[str, Any]]:
    """Where records are elsewhere → inputs that lead there, with the secrets of all runs, since logs may hold any."""
    by_location: dict[tuple[Any, ...], dict[str, Any]] = {}
    for run, resource in {**stack.runs, **stack.sweeps}.items():
        inputs = resource["inputs"]
        if is_elsewhere(inputs.get("target")):
            location = {name: inputs[name] for name in LOCATION if name in inputs}
            shared = by_location.setdefault(tuple(location.items()), {**location, "secrets": {}})
            secrets = inputs.get("secrets")
            shared["secrets"] |= {f"{run} {name}": value for name, value in (secrets or {}).items()}
    return by_location


def target(stack: Stack, project: Path, run: str, name: str) -> Target | None:
    """The target that has an attempt of a run; None where no workspace has it."""
    if is_elsewhere((inputs := inputs_of(stack, run)).get("target")):
        return target_of(inputs, project)
    return next((one for one in all_targets(stack, project) if one.get(name)), None)
