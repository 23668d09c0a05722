"""Where the records of a stack are whose state is lost, or names no runs any more: as its settings say."""

from pathlib import Path
from typing import Any

from trainup.cli.stack import Stack
from trainup.core.errors import UserError
from trainup.core.targets import DEFAULT
from trainup.toolchain import projects, stack_files


def local_workspace(stack: Stack, project: Path) -> str | None:
    """The workspace folder that the stack's file sets, below the project's folder; None where it sets none."""
    try:
        return stack_files.read(projects.read(project), stack.name).workspace
    except UserError:
        return None


def elsewhere(stack: Stack, project: Path) -> dict[str, Any] | None:
    """The inputs that lead to the records of a stack on Azure: its workspace, by the state's outputs or the settings.

    None where neither names one, or the stack's target is this machine.
    """
    try:
        if stack_files.read(projects.read(project), stack.name).is_local:
            return None
        from trainup.infra import offline  # imports Pulumi's SDK, which is slow

        settings: Any = offline.settings_of(project, stack.name)
    except UserError:
        return None
    platform = stack.outputs.get("platform") or {}
    workspace = platform.get("workspace_id") or settings.existing_workspace
    if not workspace or settings.target == DEFAULT:
        return None
    cloud = settings.azure_native.cloud
    return {"target": str(settings.target), "workspace": str(workspace), **({"cloud": cloud} if cloud else {})}
