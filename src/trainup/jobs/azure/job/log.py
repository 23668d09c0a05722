"""Reads the log of a job incrementally from all its files, each line exactly once."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from trainup.jobs.azure.http.blobs import Blobs
from trainup.jobs.azure.http.client import AzureError
from trainup.jobs.lines import LineCleaner
from trainup.jobs.masking import Mask

FILES = re.compile(
    r"user_logs/std_log(?:\D*?(?P<rank>\d+))?(?P<server>_ps)?\.txt|azureml-logs/(?P<build>20_image_build_log)\.txt"
)
"""Log files: the command's output, one file for each process, and the image build of Azure ML."""
OVERLAP = 64
"""Bytes that are read again with each piece, to detect that a file was replaced."""
PIECE = 1 << 20
PIECES = 8
"""Pieces that are read from one file before the next file."""
AGAIN = "— the log begins again: the run was started anew on another node —"


def label(path: str) -> str | None:
    """Prefix of the lines of a log file, "" for a single process; None for a file that is not a log of the run."""
    match = FILES.fullmatch(path)
    if match is None:
        return None
    if match["build"]:
        return "[image build] "
    server = "ps " if match["server"] else ""  # TensorFlow numbers its parameter servers separately
    return f"[{server}{int(match['rank'])}] " if match["rank"] else ""


@dataclass
class _File:
    """The read position in one log file."""

    label: str
    position: int = 0
    last: bytes = b""
    cleaner: LineCleaner = field(default_factory=LineCleaner)


class LogReader:
    """Reads the log of one job from start to end."""

    def __init__(self, blobs: Blobs, mask: Mask | None = None) -> None:
        self._blobs, self._mask = blobs, mask
        self._files: dict[str, _File] = {}
        self._lines: list[str] = []
        self.position = 0
        """Bytes that were read from all files."""

    def read(self, files: Mapping[str, str], *, ended: bool) -> list[str]:
        """The next complete lines; if the job has `ended`, also an incomplete last line.

        `files` maps paths to their current URLs, which expire. If an AzureError interrupts the call, the next call
        returns the lines that were read.
        """
        for path in sorted(files):
            if (mark := label(path)) is None:
                continue
            self._files.setdefault(path, self._new(mark))
            for _ in range(PIECES):
                if not self._step(path, self._files[path], files[path]):
                    if ended:
                        self._finish(self._files[path])
                    break
        lines, self._lines = self._lines, []
        return lines

    def finish(self) -> list[str]:
        """The remaining lines, including incomplete last lines."""
        for file in self._files.values():
            self._finish(file)
        lines, self._lines = self._lines, []
        return lines

    def _finish(self, file: _File) -> None:
        self._add(file, file.cleaner.finish())

    def _new(self, mark: str) -> _File:
        return _File(mark, cleaner=LineCleaner(self._mask))

    def _step(self, path: str, file: _File, address: str) -> bool:
        """Read the next piece of a file; returns whether there may be more."""
        overlap = file.last
        piece = self._blobs.read(address, file.position - len(overlap), PIECE)
        if piece is None:
            return False
        left = None if piece.total is None else piece.total - file.position
        if not overlap.startswith(piece.data[: len(overlap)]) or (left is not None and left < 0):
            self._add(file, file.cleaner.finish() + AGAIN.encode() + b"\n")
            self._files[path] = self._new(file.label)
            return True
        new = piece.data[len(overlap) :]
        if left and not new:  # the piece ended within the overlap
            more = self._blobs.read(address, file.position, PIECE)
            new = more.data if more else b""
            if not new:
                raise AzureError(f"the storage has {left} more bytes of {path}, and returned none of them")
        file.position += len(new)
        self.position += len(new)
        file.last = (overlap + new)[-OVERLAP:]
        self._add(file, file.cleaner.feed(new))
        return bool(new) and file.position != piece.total

    def _add(self, file: _File, data: bytes) -> None:
        self._lines += [file.label + line for line in data.decode("utf-8", "replace").split("\n")[:-1]]


def tail(blobs: Blobs, files: Mapping[str, str], count: int, mask: Mask | None = None) -> list[str]:
    """The last lines of the log; with several processes, some lines of each. Raises AzureError."""
    ours = [(path, mark) for path in sorted(files) if (mark := label(path)) is not None]
    each = max(3, count // max(1, len(ours)))
    lines: list[str] = []
    for path, mark in ours:
        first = blobs.read(files[path], 0, 1)
        if first is None or not first.data:
            continue
        size = first.total or 1
        start = max(0, size - count * 1024)
        data = b"".join(blobs.pieces(files[path], start))
        cleaner = LineCleaner(mask)
        last_lines = (cleaner.feed(data) + cleaner.finish()).decode("utf-8", "replace").split("\n")[:-1]
        lines += [mark + line for line in (last_lines[1:] if start else last_lines)[-each:]]
    return lines[-max(count, each) :] if len(ours) == 1 else lines
