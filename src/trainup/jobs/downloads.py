"""Downloads the files of a run into a folder; each file arrives whole or not at all."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from trainup.core.disk import replacement
from trainup.jobs.target import File, TargetError
from trainup.jobs.transfers import Transfer, side_by_side

AT_ONCE = 8
TICK = 1e-6
"""Precision of a file's time stamp, in seconds."""


def download(files: Sequence[File], folder: Path, progress: Callable[[str], None] = lambda text: None) -> list[Path]:
    """Put the files into a folder; returns them. One that is there already, of equal size and age, is left alone."""
    for file in files:
        if not (folder / file.path).resolve().is_relative_to(folder.resolve()):
            raise TargetError(
                f"there is a file {file.path!r}, which would lie outside of {folder}: nothing was fetched"
            )
    transfer = Transfer("downloading", [file.size for file in files], progress)
    return side_by_side(lambda file: _fetch(file, folder / file.path, transfer.moved), files, AT_ONCE)


def _is_of(target: Path, modified: float) -> bool:
    """Whether a file has this very time: two attempts may write files of equal size within one second."""
    return abs(target.stat().st_mtime - modified) < TICK


def _fetch(file: File, target: Path, moved: Callable[[int], None]) -> Path:
    if target.is_file() and target.stat().st_size == file.size and _is_of(target, file.modified):
        moved(file.size)
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with replacement(target) as temporary:
        with temporary.open("wb") as output:
            for piece in file.pieces():
                output.write(piece)
                moved(len(piece))
            size = output.tell()
        if size != file.size:
            raise TargetError(f"{file.path} was changed while it was being fetched: fetch it again")
        os.utime(temporary, (file.modified, file.modified))
    return target
