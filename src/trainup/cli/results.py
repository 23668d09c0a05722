"""The results of a stack, from its state and the target's own records; where they differ, the records count."""

import os
import sys
from pathlib import Path
from typing import Any

from trainup.cli.stack import Stack
from trainup.core.numbers import to_plain
from trainup.core.targets import is_elsewhere
from trainup.core.wording import as_typed
from trainup.jobs.local import tracked
from trainup.jobs.local.target import LocalTarget
from trainup.jobs.local.workspace import Workspace
from trainup.jobs.outputs import NAMES, outputs_of
from trainup.jobs.target import Record, Target
from trainup.jobs.targets import target_of


def default_workspace(stack: Stack) -> str:
    """The workspace folder of a local stack that does not set one."""
    return f".trainup/{stack.name}"


def workspaces(stack: Stack, project: Path) -> list[Workspace]:
    """The local workspaces of a stack's runs; a stack whose state was lost still has its default one."""
    runs = [resource["inputs"] for resource in stack.runs.values()]
    paths = {str(inputs["workspace"]) for inputs in runs if not _is_elsewhere(inputs)}
    if not runs:
        paths = {default_workspace(stack)}
    return [Workspace((project / path).resolve(), project.resolve()) for path in sorted(paths)]


def _warn(text: str) -> None:
    print(as_typed(f"trainup: {text}", os.environ), file=sys.stderr)


def latest(stack: Stack, project: Path) -> dict[str, Record]:
    """Run → its current attempt: the one in the state, else the last attempt that belongs to the stack.

    A record that cannot be read is reported on standard error, and the others are still returned.
    """
    ids = {name: resource["id"] for name, resource in stack.runs.items() if resource.get("id")}
    records_by_run: dict[str, Record] = {}
    for workspace in workspaces(stack, project):
        records, problems = LocalTarget(workspace).readable()
        for problem in problems:
            _warn(str(problem))
        for record in records:
            if record.run in ids:
                if record.id != ids[record.run]:
                    continue
            elif not any(stack.owns(owner.urn) for owner in record.owners):
                continue
            other = records_by_run.get(record.run)
            if other is None or _is_newer(record, other):
                records_by_run[record.run] = record
    for name, resource in stack.runs.items():
        is_there = _is_elsewhere(resource["inputs"]) and name in ids
        if is_there and (attempts := target_of(resource["inputs"], project).attempts(ids[name])):
            records_by_run[name] = attempts[-1]
    return records_by_run


def _is_newer(record: Record, other: Record) -> bool:
    """Compares attempts, or the order of claims, since clocks may be set back. Old records have only their times."""
    if record.id == other.id:
        return record.attempt > other.attempt
    if record.number and other.number:
        return record.number > other.number
    return record.created > other.created


def target(stack: Stack, project: Path, name: str, record: Record) -> Target | None:
    """The target that has the record of a run; None where no workspace has it."""
    if _is_elsewhere(inputs := _inputs(stack, name)):
        return target_of(inputs, project)
    local = (LocalTarget(workspace) for workspace in workspaces(stack, project))
    return next((one for one in local if one.get(record.name)), None)


def _is_elsewhere(inputs: dict[str, Any]) -> bool:
    return is_elsewhere(inputs.get("target"))


def pages(stack: Stack, project: Path) -> list[str]:
    """The addresses of the runs' pages. An MLflow server of ours that stopped while idle is started again."""
    tracked_workspaces = [one for one in workspaces(stack, project) if one.tracking()["kind"] != "none"]
    elsewhere = [
        record.web_url for name, record in latest(stack, project).items() if _is_elsewhere(_inputs(stack, name))
    ]
    return [tracked.reachable(workspace) for workspace in tracked_workspaces] + elsewhere


def _inputs(stack: Stack, name: str) -> dict[str, Any]:
    return dict(stack.runs.get(name, {}).get("inputs", {}))


def merged(stack: Stack, project: Path) -> dict[str, Any]:
    """`platform` and `runs` as JSON values. After a failed `up`, stack outputs are out of date, but records are not."""
    runs = {name: _outputs_in_state(resource.get("outputs", {})) for name, resource in stack.runs.items()}
    for name, record in latest(stack, project).items():
        runs[name] = outputs_of(record)
    result = {"platform": stack.outputs.get("platform", {}), "runs": runs}
    return dict(to_plain(result))


def _outputs_in_state(outputs: dict[str, Any]) -> dict[str, Any]:
    return {name: outputs.get(name) for name in (*NAMES, "failure")}
