"""What a local workspace holds on disk, and which of it nobody needs any more."""

import os
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from trainup.jobs.local import environments, ledger
from trainup.jobs.local.files import Lock
from trainup.jobs.local.serving import folder as serving
from trainup.jobs.local.workspace import Workspace


@dataclass(frozen=True)
class Holding:
    """A part of a workspace."""

    kind: str
    """`environment`, `record`, `checkpoints`, `pages`, `endpoint` or `leftover`."""
    path: Path
    size: int
    """Bytes on disk that its removal would free, as far as they are its own."""
    needed: str
    """Why it is kept; empty where nobody needs it."""


def of(workspace: Workspace) -> list[Holding]:
    """All parts of a workspace, the largest of each kind first. Reads only."""
    if not workspace.root.is_dir():
        return []
    holdings = [*_environments(workspace), *_runs(workspace), *_rest(workspace)]
    return sorted(holdings, key=lambda one: (one.kind, -one.size, one.path))


def remove(workspace: Workspace, holding: Holding) -> bool:
    """Remove a part that nobody needs; False where somebody has begun to need it meanwhile, or is at work on it."""
    if holding.kind == "environment":
        return environments.remove(workspace, holding.path.name)
    if holding.kind != "leftover":
        return False
    lock = _lock_of(workspace, holding.path)
    if not lock.try_acquire():
        return False
    try:
        shutil.rmtree(holding.path, ignore_errors=True)
    finally:
        lock.release()
    return not holding.path.exists()


def _environments(workspace: Workspace) -> Iterator[Holding]:
    for path in environments.built(workspace):
        needed = "an image, the MLflow server or an active run needs it"
        why = needed if environments.is_in_use(workspace, path.name) else ""
        yield Holding("environment", path, size_of(path), why)


def _runs(workspace: Workspace) -> Iterator[Holding]:
    for folder in ledger.folders(workspace):
        yield Holding("record", folder.path, size_of(folder.path), "the record of a run, with its log and its outputs")
    checkpoints = workspace.runs / ".checkpoints"
    for path in sorted(checkpoints.iterdir()) if checkpoints.is_dir() else ():
        yield Holding("checkpoints", path, size_of(path), "the checkpoints of a run")


def _rest(workspace: Workspace) -> Iterator[Holding]:
    if workspace.mlflow.is_dir():
        yield Holding("pages", workspace.mlflow, size_of(workspace.mlflow), "metrics and pages of the runs in MLflow")
    for endpoint in serving.folders(workspace):
        yield Holding("endpoint", endpoint.path, size_of(endpoint.path), "the model that an endpoint serves")
    for folder in (workspace.runs, workspace.environments):
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            if path.name.startswith(".") and path.name != ".checkpoints" and path.is_dir():
                why = "" if _is_left(workspace, path) else "somebody works on it"
                yield Holding("leftover", path, size_of(path), why)


def _is_left(workspace: Workspace, path: Path) -> bool:
    """Whether a temporary folder belongs to nobody at work: whoever makes or removes one holds a lock."""
    lock = _lock_of(workspace, path)
    if not lock.path.exists():
        return True
    if not lock.try_acquire():
        return False
    lock.release()
    return True


def _lock_of(workspace: Workspace, path: Path) -> Lock:
    if path.parent == workspace.environments:
        return Lock(path.with_name(f"{path.name.split('.')[1]}.lock"))
    return workspace.exclusive()


def size_of(folder: Path) -> int:
    """Bytes that a folder takes on disk; a file with several names counts once, as part of each folder."""
    total, seen = 0, set[tuple[int, int]]()
    for root, _, names in os.walk(folder, onerror=None):
        for name in names:
            try:
                status = os.lstat(os.path.join(root, name))
            except OSError:
                continue  # it was removed meanwhile
            if stat.S_ISREG(status.st_mode) and (status.st_dev, status.st_ino) not in seen:
                seen.add((status.st_dev, status.st_ino))
                total += status.st_blocks * 512
    return total
