"""Estimates in the preview whether the workspace's disk has room, so that runs do not fail half-way."""

import os
import re
from collections.abc import Iterable
from pathlib import Path

from trainup.core import disk
from trainup.core.naming import run_of
from trainup.jobs.local import ledger
from trainup.jobs.local.workspace import Workspace

MIB = 2**20
SPARE = 256 * MIB
"""Bytes that should stay free in addition: for records, logs, the state and other programs."""
PLENTY = 50 * 1024 * MIB
"""Free bytes above which the outputs of earlier runs are not measured."""
LIBRARIES = {"torch": 1150, "triton": 1000, "pyarrow": 150, "scipy": 85, "mlflow": 60, "pandas": 55, "numpy": 35}
"""MiB that large libraries take once installed (`du -sm` of torch 2.12 and the others in our own environments)."""
LIBRARY_OF_CUDA = 200
"""The same of a package `nvidia-…`, on average: the 15 of torch take 3,055 MiB together."""
LIBRARY = 5


def of_environment(requirements: Iterable[str]) -> int:
    """Bytes that an environment of these lines of requirements takes at least, roughly."""
    from packaging.utils import canonicalize_name  # slow to import, and needed for new environments alone

    names = {canonicalize_name(match[0]) for line in requirements if (match := re.match(r"[A-Za-z0-9][\w.-]*", line))}
    sizes = (LIBRARY_OF_CUDA if name.startswith("nvidia-") else LIBRARIES.get(name, LIBRARY) for name in names)
    return sum(sizes) * MIB


def of_run(workspace: Workspace, run: str) -> int:
    """Bytes that the largest earlier attempt of a run of this name left behind: outputs and log."""
    folders = [folder for folder in ledger.folders(workspace, beginning=f"{run}-") if run_of(folder.name) == run]
    return max((_size(folder.outputs) + _size(folder.log) for folder in folders), default=0)


def shortage(workspace: Workspace, needed: int, purpose: str) -> str | None:
    """A warning if the workspace's disk has fewer bytes than needed, or None."""
    free = disk.free_bytes(workspace.root)
    if free >= needed + SPARE:
        return None
    return (
        f"{free / MIB:,.0f} MiB are free where {workspace.shown(workspace.root)} lies, and {purpose} will need about "
        f"{needed / MIB:,.0f} MiB: free some space first, or name another folder (`trainup:workspace: {{path: …}}`)"
    )


def _size(path: Path) -> int:
    """Bytes of a file, or of all files below a folder; those that go meanwhile do not count."""
    if path.is_file():
        return path.stat().st_size
    return sum(_length(os.path.join(folder, name)) for folder, _, names in os.walk(path) for name in names)


def _length(path: str) -> int:
    try:
        return os.lstat(path).st_size
    except OSError:
        return 0
