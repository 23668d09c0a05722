"""Checks the folder of a local workspace: in a run's source or data, each run would change the next one's digest."""

import os
from pathlib import Path

OWN = ".trainup"
"""trainup's own folder, which is excluded from every source."""


def problems_of(workspace: str, sources: dict[str, str], data: dict[str, str], root: Path) -> list[str]:
    """A problem for each source (run → folder) and each data (name → path) that contains the workspace's folder."""
    workspace_folder = Path(os.path.realpath(root / workspace))
    way_out = "name folders that do not hold each other"
    problems = []
    for run, source in sources.items():
        folder = Path(os.path.realpath(root / source))
        if workspace_folder.is_relative_to(folder) and OWN not in workspace_folder.relative_to(folder).parts:
            problems.append(
                f"trainup:runs.{run}.source: {source!r} was given, and the workspace {workspace} lies in it: {way_out}"
            )
    for name, path in data.items():
        if workspace_folder.is_relative_to(os.path.realpath(root / path)):
            problems.append(
                f"trainup:data.{name}.path: {path!r} was given, and the workspace {workspace} lies in it: {way_out}"
            )
    return problems
