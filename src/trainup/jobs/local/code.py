"""What an attempt ran, and its files."""

import contextlib
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path, PurePosixPath
from typing import Any

from trainup.jobs.local import environments
from trainup.jobs.local.files import UnreadableRecord, read_json, write_json
from trainup.jobs.local.run_record import RunDefinition
from trainup.jobs.local.workspace import RunFolder, Workspace
from trainup.jobs.snapshot import copy as copy_snapshot
from trainup.jobs.snapshot.leftovers import is_left_over
from trainup.jobs.target import Definition, File, Job, TargetError

PIECE = 1 << 20


def fill(folder: RunFolder, job: Job) -> None:
    """Put the job's snapshot into the folder of an attempt, unless it is there. Raises SnapshotError, OSError."""
    if job.source is None:
        folder.code.mkdir(exist_ok=True)
    elif not folder.code.is_dir():
        copy_snapshot(job.source, folder.code, expected_digest=job.spec.snapshot or "", manifest=job.manifest)
        write_json(folder.manifest, {"files": dict(job.manifest)}, durable=False)
    _link_outputs(folder)


def _link_outputs(folder: RunFolder) -> None:
    """Make `./outputs` of the working directory the run's outputs, which begin empty whatever the source has there."""
    link = folder.code / "outputs"
    if link.is_dir() and not link.is_symlink():
        shutil.rmtree(link)
    if not os.path.lexists(link):  # done before a kill; a file of that name in the source is the script's own affair
        link.symlink_to(Path("..") / folder.outputs.name, target_is_directory=True)


def files(folder: RunFolder) -> list[File]:
    """The code of an attempt, sorted by path: the files of its snapshot, as they are now.

    A record of an earlier version does not tell them from what the run wrote into the folder, its working directory.
    Raises TargetError where the folder is gone.
    """
    if not folder.code.is_dir():
        raise TargetError(f"{folder.code} is gone, which held the code of {folder.name}")
    manifest = _manifest(folder)
    return [file for file in below(folder.code) if manifest is None or _is_listed(file.path, manifest)]


def _manifest(folder: RunFolder) -> Mapping[str, str] | None:
    with contextlib.suppress(UnreadableRecord):
        listed = (read_json(folder.manifest) or {}).get("files")
        return listed if isinstance(listed, dict) else None
    return None


def _is_listed(path: str, manifest: Mapping[str, str]) -> bool:
    """Whether a file is in a manifest, or in a folder that is one entry there."""
    return path in manifest or any(f"{parent}/" in manifest for parent in PurePosixPath(path).parents)


def below(root: Path) -> list[File]:
    """The files in a folder of code, sorted by path, without those that no snapshot has."""
    paths: list[Path] = []
    for place, folders, names in os.walk(root):
        above = os.path.relpath(place, root)
        prefix = "" if above == "." else f"{above}/"
        beside = [os.fsencode(name) for name in names]
        folders[:] = [
            name for name in folders if not is_left_over(os.fsencode(prefix + name), is_folder=True, beside=())
        ]
        paths += [
            Path(place, name)
            for name in names
            if not is_left_over(os.fsencode(prefix + name), is_folder=False, beside=beside)
        ]
    return [file_of(root, path) for path in sorted(paths) if path.is_file()]


def definition_of(workspace: Workspace, definition: RunDefinition) -> Definition:
    """What the attempt ran, from its record."""
    spec = dict(definition.spec)
    policy = {name: value for name, value in asdict(definition.policy).items() if value not in (None, {})}
    inputs: dict[str, Any] = {
        **{name: value for name, value in spec.items() if name not in ("snapshot", "shell", "secrets")},
        **policy,
        "secrets": dict.fromkeys(spec.get("secrets", ())),
        "inputs": {
            name: {**definition.data_inputs.get(name, {}), **item} for name, item in spec.get("inputs", {}).items()
        },
        "cluster": definition.cluster,
    }
    image = spec.get("image")
    packages = environments.requirements_of(workspace, image) if isinstance(image, str) else None
    return Definition(inputs, spec.get("snapshot"), packages)


def file_of(root: Path, path: Path) -> File:
    """A file, by its path below `root`."""

    def pieces() -> Iterator[bytes]:
        with path.open("rb") as file:
            while piece := file.read(PIECE):
                yield piece

    status = path.stat()
    return File(path.relative_to(root).as_posix(), status.st_size, status.st_mtime, pieces)
