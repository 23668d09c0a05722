"""The results of a stack: its state, with the target's own records as the last word."""

from pathlib import Path
from typing import Any

from trainup.cli.stack import Stack
from trainup.core.numbers import to_plain
from trainup.jobs.local.target import LocalTarget
from trainup.jobs.local.workspace import Workspace
from trainup.jobs.outputs import outputs_of
from trainup.jobs.target import Record


def default_workspace(stack: Stack) -> str:
    """Where a local stack keeps its runs unless it says otherwise."""
    return f".trainup/{stack.name}"


def workspaces(stack: Stack, project: Path) -> list[Workspace]:
    """The local workspaces of a stack's runs; a stack whose state was lost still has its default one."""
    paths = {str(resource["inputs"]["workspace"]) for resource in stack.runs.values()} or {default_workspace(stack)}
    return [Workspace((project / path).resolve(), project.resolve()) for path in sorted(paths)]


def latest(stack: Stack, project: Path) -> dict[str, Record]:
    """Run → its current attempt: the one in state if there is one, else the newest that the stack owns."""
    wanted = {name: resource["id"] for name, resource in stack.runs.items() if resource.get("id")}
    found: dict[str, Record] = {}
    for workspace in workspaces(stack, project):
        for record in LocalTarget(workspace).records():
            if record.run in wanted:
                if record.id != wanted[record.run]:
                    continue
            elif not any(stack.owns(owner.urn) for owner in record.owners):
                continue
            known = found.get(record.run)
            if known is None or (record.created, record.attempt) > (known.created, known.attempt):
                found[record.run] = record
    return found


def merged(stack: Stack, project: Path) -> dict[str, Any]:
    """`platform` and `runs` as JSON values. After a failed `up` the stack's own outputs are old; records are not."""
    runs = {name: _told(resource.get("outputs", {})) for name, resource in stack.runs.items()}
    for name, record in latest(stack, project).items():
        runs[name] = outputs_of(record, record.attempt)
    result = {"platform": stack.outputs.get("platform", {}), "runs": runs}
    return dict(to_plain(result))


def _told(outputs: dict[str, Any]) -> dict[str, Any]:
    from trainup.jobs.outputs import NAMES

    return {name: outputs.get(name) for name in (*NAMES, "failure")}
