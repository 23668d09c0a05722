"""From what a command prints to a log of whole lines: progress bars resolved, secrets masked."""

import os
from collections.abc import Iterable
from pathlib import Path

MASK = b"***"
MAX_LINE = 1 << 16
"""Bytes after which a line without an end is broken, so that memory stays bounded."""
CHUNK = 1 << 16
SHORTEST_SECRET = 4
"""Shorter texts would mask half of every log."""


def mask_words(secrets: Iterable[str]) -> list[bytes]:
    """What to mask: every line of every secret, longest first."""
    words = {line.strip() for secret in secrets for line in secret.splitlines()}
    return sorted((word.encode() for word in words if len(word) >= SHORTEST_SECRET), key=len, reverse=True)


class LineCleaner:
    """Turns bytes into lines. The result depends on the bytes alone, not on how they arrive in pieces."""

    def __init__(self, words: Iterable[bytes] = ()) -> None:
        self._words = list(words)
        self._buffer = b""

    def feed(self, data: bytes) -> bytes:
        """The lines that are complete now, each with its line feed."""
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        result = [self._clean(piece) for line in lines for piece in _pieces(line)]
        while len(self._buffer) > MAX_LINE:
            result.append(self._clean(self._buffer[:MAX_LINE]))
            self._buffer = self._buffer[MAX_LINE:]
        return b"".join(result)

    def finish(self) -> bytes:
        """The last line, where it has no line feed of its own."""
        rest, self._buffer = self._buffer, b""
        return self._clean(rest) if rest else b""

    def _clean(self, line: bytes) -> bytes:
        # What a terminal would show at the end: the last thing written over the line.
        shown = next((part for part in reversed(line.split(b"\r")) if part), b"")
        for word in self._words:
            shown = shown.replace(word, MASK)
        return shown + b"\n"


def _pieces(line: bytes) -> list[bytes]:
    return [line[start : start + MAX_LINE] for start in range(0, len(line), MAX_LINE)] or [b""]


class LogPump:
    """Moves what a command has printed from its raw file into the clean log."""

    def __init__(self, raw: Path, clean: Path, secrets: Iterable[str] = ()) -> None:
        self._raw = os.open(raw, os.O_RDONLY | os.O_CLOEXEC)
        self._clean = os.open(clean, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
        self._cleaner = LineCleaner(mask_words(secrets))
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


def rebuild(raw: Path, clean: Path, secrets: Iterable[str] = ()) -> None:
    """Make the clean log again from the raw one after a supervisor was killed, then drop the raw one."""
    if not raw.exists():
        return
    temporary = clean.with_name(f".{clean.name}.{os.getpid()}")
    pump = LogPump(raw, temporary, secrets)
    try:
        pump.finish()
    finally:
        pump.close()
    temporary.replace(clean)
    raw.unlink()


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
    start = max(0, size - count * 4096)
    lines, _ = read_lines(path, start, size - start)
    return (lines[1:] if start else lines)[-count:]
