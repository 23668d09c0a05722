"""The files that a run left behind, fetched to this machine."""

import os
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from trainup.core.input_assets import CHECKPOINTS
from trainup.jobs.azure.blobs import below
from trainup.jobs.azure.workspace import ARTIFACTS, Workspace
from trainup.jobs.target import TargetError

AT_ONCE = 8
STORE = re.compile(r"azureml://(?:subscriptions/.+/)?datastores/(?P<store>[^/]+)/(?:paths/)?(?P<path>.*)")


@dataclass(frozen=True)
class File:
    """One file of a run."""

    container: str
    name: str
    """Of the blob."""
    path: str
    """Below the folder that it goes to."""
    size: int


def files(workspace: Workspace, name: str, part: str | None = None) -> Iterator[File]:
    """What a job left behind: its default outputs, or the named output `part`. TargetError where there is none."""
    job = workspace.client.find(workspace.job(name))
    if job is None:
        raise TargetError(f"there is no job {name} in the workspace")
    outputs = job["properties"].get("outputs") or {}
    if part is None:
        container, _ = workspace.datastore(ARTIFACTS)
        prefix = f"ExperimentRun/dcid.{name}/outputs/"
    else:
        found = STORE.fullmatch(str((outputs.get(part) or {}).get("uri", "")))
        if found is None:
            known = ", ".join(sorted(outputs.keys() - {CHECKPOINTS, "default"})) or "none"
            raise TargetError(f"{name} has no output {part!r} that is kept in a datastore; there are {known}")
        container, _ = workspace.datastore(found["store"])
        prefix = found["path"].rstrip("/") + "/"
    for blob, size in workspace.blobs.names(container, prefix):
        if path := blob.removeprefix(prefix):
            yield File(container, blob, path, size)


def download(
    workspace: Workspace,
    name: str,
    target: Path,
    part: str | None = None,
    progress: Callable[[str], None] = lambda text: None,
) -> list[Path]:
    """Fetch the files of a job into a folder; returns them. Files that are there in full already are left alone."""
    wanted = [file for file in files(workspace, name, part) if not file.path.endswith("/")]
    for file in wanted:
        if not (target / file.path).resolve().is_relative_to(target.resolve()):
            raise TargetError(
                f"{name} has a file {file.path!r}, which would lie outside of {target}: nothing was fetched"
            )
    progress(f"{len(wanted)} files, {sum(file.size for file in wanted) / 1024**2:,.1f} MB")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(lambda file: _fetch(workspace, file, target / file.path), wanted))


def _fetch(workspace: Workspace, file: File, target: Path) -> Path:
    if target.is_file() and target.stat().st_size == file.size:
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.part")
    with temporary.open("wb") as written:
        for data in workspace.blobs.pieces(below(file.container, file.name)):
            written.write(data)
        if written.tell() != file.size:
            raise TargetError(f"{file.path} was removed or changed while it was being fetched: fetch it again")
    os.replace(temporary, target)
    return target
