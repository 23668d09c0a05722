"""Turns the output of a command into a log of whole lines."""

import contextlib
import ctypes
import os
import shutil
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from trainup.core.disk import replacement
from trainup.jobs.lines import MAX_LINE, LineCleaner
from trainup.jobs.local.files import UnreadableRecord, read_json, write_json
from trainup.jobs.local.workspace import RunFolder
from trainup.jobs.masking import Mask

CHUNK = 1 << 16
STEP = 16 << 20
"""Bytes of raw log after which the disk gets back what the clean log has."""
TIMES_SECONDS = 1.0
"""Shortest distance between two times in the file that says when which part of a log was printed."""
KEEP_SIZE, PUNCH_HOLE = 1, 2
"""Of fallocate(2), Linux."""


class LogPump:
    """Moves what a command has printed from its raw file into the clean log.

    A long log is not stored twice: bytes that have been moved are freed in the raw file, which keeps its length.
    """

    def __init__(
        self,
        raw: Path,
        clean: Path,
        secrets: Iterable[str] = (),
        begin: tuple[int, int] = (0, 0),
        times: Path | None = None,
    ) -> None:
        """`begin`: the positions in both files to go on from; what the clean log has beyond is written again.

        `times`: the file in which it notes when which part was printed.
        """
        self._progress = progress_file(raw)
        self._raw = os.open(raw, os.O_RDWR | os.O_CLOEXEC)
        self._clean = os.open(clean, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._position = self._freed = os.lseek(self._raw, begin[0], os.SEEK_SET)
        os.ftruncate(self._clean, os.lseek(self._clean, begin[1], os.SEEK_SET))
        self._cleaner = LineCleaner(Mask(secrets))
        self._unread = self._unwritten = b""
        self._is_due = False
        self._times, self._noted = times, -TIMES_SECONDS

    def pump(self) -> bool:
        """Move all new output; returns whether there was any. After an OSError (a full disk) it can be called again."""
        begin = os.lseek(self._clean, 0, os.SEEK_CUR)
        moved = self._move()
        if self._times and moved and time.monotonic() - self._noted >= TIMES_SECONDS:
            self._noted = time.monotonic()
            with contextlib.suppress(OSError), self._times.open("a") as file:  # only information
                file.write(f"{time.time():.0f} {begin}\n")
        return moved

    def _move(self) -> bool:
        moved = False
        while True:
            while self._unwritten:
                self._unwritten = self._unwritten[os.write(self._clean, self._unwritten) :]
            if self._is_due:
                self._free_raw()
            data = self._unread or os.read(self._raw, CHUNK)
            if not data:
                return moved
            moved = True
            # Cut at the end of a line, where the cleaner has no state: a restart from there produces the same log.
            is_late = self._position + len(data) - self._freed >= STEP
            cut = data.rfind(b"\n") + 1 if is_late else 0
            data, self._unread = (data[:cut], data[cut:]) if cut else (data, b"")
            self._position += len(data)
            self._unwritten, self._is_due = self._cleaner.feed(data), cut > 0

    def finish(self) -> None:
        """Move the rest, the unfinished last line too."""
        self.pump()
        self._unwritten = self._cleaner.finish()
        self.pump()

    def close(self) -> None:
        """Give the files back."""
        os.close(self._raw)
        os.close(self._clean)

    def _free_raw(self) -> None:
        """Record the positions in both files, then free the raw file up to its position."""
        self._is_due, self._freed = False, self._position
        with contextlib.suppress(OSError):  # a full disk, or one that knows no holes: the copy stays
            os.fsync(self._clean)
            at = os.lseek(self._clean, 0, os.SEEK_CUR)
            write_json(self._progress, {"raw": self._position, "clean": at})
            _punch(self._raw, self._position)


def progress_file(raw: Path) -> Path:
    """The file that records how much of a raw log has been moved."""
    return raw.with_name(f"{raw.name}.taken")


def _punch(file: int, length: int) -> None:
    """Free the first bytes of a file on disk; it reads as zeros there, and its length stays. Raises OSError."""
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        arguments = ctypes.c_long(0), ctypes.c_long(length)
        if libc.fallocate(file, PUNCH_HOLE | KEEP_SIZE, *arguments):
            raise OSError(ctypes.get_errno(), "the file system knows no holes")


def rebuild(folder: RunFolder, secrets: Iterable[str] = ()) -> None:
    """Complete the clean log from the raw one after a supervisor was killed, then remove the raw one."""
    if folder.raw_log.exists():
        with contextlib.suppress(UnreadableRecord):  # what is there stays
            progress = read_json(progress_file(folder.raw_log))
            _go_on(folder, secrets, progress) if progress else _from_the_beginning(folder, secrets)
    discard_raw(folder)


def _go_on(folder: RunFolder, secrets: Iterable[str], progress: dict[str, int]) -> None:
    """Continue from the recorded position: earlier output is only in the clean log."""
    size = folder.log.stat().st_size if folder.log.exists() else 0
    begin = progress["raw"], min(progress["clean"], size)
    with contextlib.closing(LogPump(folder.raw_log, folder.log, secrets, begin)) as pump:
        pump.finish()


def _from_the_beginning(folder: RunFolder, secrets: Iterable[str]) -> None:
    with (
        replacement(folder.log) as temporary,
        contextlib.closing(LogPump(folder.raw_log, temporary, secrets)) as pump,
    ):
        pump.finish()


def discard_raw(folder: RunFolder) -> None:
    """Remove the raw output of the command, in which secrets are readable."""
    folder.raw_log.unlink(missing_ok=True)
    # After the raw log: without this record, bytes that were freed there would be read as zeros.
    progress_file(folder.raw_log).unlink(missing_ok=True)
    shutil.rmtree(folder.raw_ranks, ignore_errors=True)


def read_lines(path: Path, position: int, limit: int = 1 << 20) -> tuple[list[str], int]:
    """The whole lines from a byte position on (at most about `limit` bytes), and the next position."""
    try:
        with path.open("rb") as file:
            file.seek(position)
            data = file.read(limit)
    except FileNotFoundError:
        return [], position
    end = data.rfind(b"\n") + 1
    if end == 0:
        return [], position
    lines = data[:end].decode("utf-8", "replace").split("\n")[:-1]
    return lines, position + end


def position_at(folder: RunFolder, since: float) -> int | None:
    """The position in the log from which on it was printed after a time; None where that is not recorded."""
    try:
        size, changed = folder.log.stat().st_size, folder.log.stat().st_mtime
    except FileNotFoundError:
        return 0
    if not size:
        return 0
    try:
        lines = folder.log_times.read_text(encoding="ascii", errors="replace").splitlines()
    except FileNotFoundError:
        return None
    if changed < int(since):
        return size
    noted = (line.split() for line in lines)
    later = (int(at) for moment, at, *_ in (one for one in noted if len(one) == 2) if int(moment) >= int(since))
    try:
        return min(next(later, size), size)
    except ValueError:
        return None


def tail(path: Path, count: int) -> list[str]:
    """The last `count` lines of a log."""
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        return []
    start = max(0, size - count * 4096 - MAX_LINE)
    lines, _ = read_lines(path, start, size - start)
    return (lines[1:] if start else lines)[-count:]
