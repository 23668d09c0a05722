"""From what a command prints to a log of whole lines."""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from trainup.jobs.lines import MAX_LINE, LineCleaner
from trainup.jobs.local.workspace import RunFolder
from trainup.jobs.masking import Mask

CHUNK = 1 << 16


class LogPump:
    """Moves what a command has printed from its raw file into the clean log."""

    def __init__(self, raw: Path, clean: Path, secrets: Iterable[str] = ()) -> None:
        self._raw = os.open(raw, os.O_RDONLY | os.O_CLOEXEC)
        self._clean = os.open(clean, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        self._cleaner = LineCleaner(Mask(secrets))
        self._unwritten = b""

    def pump(self) -> bool:
        """Move what is there; whether there was anything. An OSError (a full disk) loses nothing: pump again."""
        moved = False
        while True:
            while self._unwritten:
                self._unwritten = self._unwritten[os.write(self._clean, self._unwritten) :]
            data = os.read(self._raw, CHUNK)
            if not data:
                return moved
            moved = True
            self._unwritten = self._cleaner.feed(data)

    def finish(self) -> None:
        """Move the rest, the unfinished last line too."""
        self.pump()
        self._unwritten = self._cleaner.finish()
        self.pump()

    def close(self) -> None:
        """Give the files back."""
        os.close(self._raw)
        os.close(self._clean)


def rebuild(folder: RunFolder, secrets: Iterable[str] = ()) -> None:
    """Make the clean log again from the raw one after a supervisor was killed, then drop what is raw."""
    if folder.raw_log.exists():
        temporary = folder.log.with_name(f".{folder.log.name}.{os.getpid()}")
        pump = LogPump(folder.raw_log, temporary, secrets)
        try:
            pump.finish()
        finally:
            pump.close()
        temporary.replace(folder.log)
    discard_raw(folder)


def discard_raw(folder: RunFolder) -> None:
    """Remove what the command printed as it was: secrets would be readable there."""
    folder.raw_log.unlink(missing_ok=True)
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


def tail(path: Path, count: int) -> list[str]:
    """The last `count` lines of a log."""
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        return []
    start = max(0, size - count * 4096 - MAX_LINE)
    lines, _ = read_lines(path, start, size - start)
    return (lines[1:] if start else lines)[-count:]
