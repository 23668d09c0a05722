"""What an attempt ran, and its files."""

import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from trainup.jobs.local import environments
from trainup.jobs.local.run_record import RunDefinition
from trainup.jobs.local.workspace import Workspace
from trainup.jobs.snapshot.leftovers import is_left_over
from trainup.jobs.target import Definition, File, TargetError

PIECE = 1 << 20


def files(folder: Path) -> list[File]:
    """The files in the folder of an attempt's code, sorted by path, without those that no snapshot has.

    Raises TargetError where the folder is gone.
    """
    if not folder.is_dir():
        raise TargetError(f"{folder} is gone, which held the code of {folder.parent.name}")
    paths: list[Path] = []
    for place, folders, names in os.walk(folder):
        above = os.path.relpath(place, folder)
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
    return [file_of(folder, path) for path in sorted(paths) if path.is_file()]


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
