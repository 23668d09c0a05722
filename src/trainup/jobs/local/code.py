"""The files of an attempt: what it left behind, and the code that it got."""

import os
from collections.abc import Iterator
from pathlib import Path

from trainup.jobs.snapshot.leftovers import is_left_over
from trainup.jobs.target import File, TargetError

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


def file_of(root: Path, path: Path) -> File:
    """A file, by its path below `root`."""

    def pieces() -> Iterator[bytes]:
        with path.open("rb") as file:
            while piece := file.read(PIECE):
                yield piece

    status = path.stat()
    return File(path.relative_to(root).as_posix(), status.st_size, status.st_mtime, pieces)
