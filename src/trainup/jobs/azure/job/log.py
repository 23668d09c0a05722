"""The log of a job, read piece by piece from all its files: no line lost, none twice."""

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
"""What a command prints, a file for each process; and the build of the image, where Azure ML builds it."""
OVERLAP = 64
"""Bytes that are read again with each piece: they tell whether the file is still the one that was read before."""
PIECE = 1 << 20
PIECES = 8
"""Of one file, before the others have their turn."""
AGAIN = "— the log begins again: the run was started anew on another node —"


def label(path: str) -> str | None:
    """What the lines of a file begin with; nothing for the only process. None for a file that is no log of ours."""
    match = FILES.fullmatch(path)
    if match is None:
        return None
    if match["build"]:
        return "[image build] "
    server = "ps " if match["server"] else ""  # TensorFlow counts its parameter servers for themselves
    return f"[{server}{int(match['rank'])}] " if match["rank"] else ""


@dataclass
class _File:
    """How far one file has been read."""

    label: str
    position: int = 0
    last: bytes = b""
    cleaner: LineCleaner = field(default_factory=LineCleaner)


class LogReader:
    """Goes forward through the log of one job."""

    def __init__(self, blobs: Blobs, mask: Mask | None = None) -> None:
        self._blobs, self._mask = blobs, mask
        self._files: dict[str, _File] = {}
        self._lines: list[str] = []
        self.position = 0
        """Bytes that were read, all files together."""

    def read(self, files: Mapping[str, str], *, ended: bool) -> list[str]:
        """The lines that are complete now; after the end of the job, the last ones too.

        `files` are path → address as the service tells them now: the addresses expire. Whatever an AzureError
        interrupts is told by the next call.
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
        """The lines that are left, the last one of each file called complete."""
        for file in self._files.values():
            self._finish(file)
        lines, self._lines = self._lines, []
        return lines

    def _finish(self, file: _File) -> None:
        self._add(file, file.cleaner.finish())

    def _new(self, mark: str) -> _File:
        return _File(mark, cleaner=LineCleaner(self._mask))

    def _step(self, path: str, file: _File, address: str) -> bool:
        """Read the next piece of a file; whether there may be more of it."""
        known = file.last
        piece = self._blobs.read(address, file.position - len(known), PIECE)
        if piece is None:
            return False
        left = None if piece.total is None else piece.total - file.position
        if not known.startswith(piece.data[: len(known)]) or (left is not None and left < 0):
            self._add(file, file.cleaner.finish() + AGAIN.encode() + b"\n")
            self._files[path] = self._new(file.label)
            return True
        new = piece.data[len(known) :]
        if left and not new:  # the piece was cut short before it came to anything new
            more = self._blobs.read(address, file.position, PIECE)
            new = more.data if more else b""
            if not new:
                raise AzureError(f"the storage has {left} bytes more of {path}, and gives none of them")
        file.position += len(new)
        self.position += len(new)
        file.last = (known + new)[-OVERLAP:]
        self._add(file, file.cleaner.feed(new))
        return bool(new) and file.position != piece.total

    def _add(self, file: _File, data: bytes) -> None:
        self._lines += [file.label + line for line in data.decode("utf-8", "replace").split("\n")[:-1]]


def tail(blobs: Blobs, files: Mapping[str, str], count: int, mask: Mask | None = None) -> list[str]:
    """The last lines of the log; of several processes, some of each."""
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
        found = (cleaner.feed(data) + cleaner.finish()).decode("utf-8", "replace").split("\n")[:-1]
        lines += [mark + line for line in (found[1:] if start else found)[-each:]]
    return lines[-max(count, each) :] if len(ours) == 1 else lines
