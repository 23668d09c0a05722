"""From what a command prints to whole lines: progress bars resolved, secrets masked."""

from collections.abc import Iterable

MASK = b"***"
MAX_LINE = 1 << 16
"""Bytes after which a line without an end is broken, so that memory stays bounded."""
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
        self._longest = max(map(len, self._words), default=1)
        self._shown = b""
        """What the line shows where nothing has been written over it since the last carriage return."""
        self._rest = b""
        """What came after it."""
        self._broken = False
        """Whether a part of this line is out already."""

    def feed(self, data: bytes) -> bytes:
        """The lines that are complete now, each with its line feed."""
        *lines, unfinished = data.split(b"\n")
        result = b"".join(self._write(line) + self._end() for line in lines)
        return result + self._write(unfinished)

    def finish(self) -> bytes:
        """The last line, where it has no line feed of its own."""
        return self._end() if self._rest or self._shown else b""

    def _write(self, data: bytes) -> bytes:
        """Go on with the line, as a terminal does: the last thing written over it counts."""
        *overwritten, last = data.split(b"\r")
        result = b""
        for part in overwritten:
            self._rest += part
            result += self._break(MAX_LINE)
            self._shown, self._rest = self._rest or self._shown, b""
        self._rest += last
        # A secret that starts before the break has to be there in full to be seen.
        return result + self._break(MAX_LINE + self._longest - 1)

    def _break(self, limit: int) -> bytes:
        result = b""
        while len(self._rest) > limit:
            cut = MAX_LINE
            for word in self._words:
                start = self._rest.find(word, max(0, MAX_LINE - len(word) + 1), MAX_LINE + len(word) - 1)
                if start >= 0:
                    cut = max(cut, start + len(word))
            result += self._masked(self._rest[:cut])
            self._shown, self._rest, self._broken = b"", self._rest[cut:], True
        return result

    def _end(self) -> bytes:
        result = self._break(MAX_LINE)
        shown = self._rest or self._shown
        if shown or not self._broken:
            result += self._masked(shown)
        self._shown, self._rest, self._broken = b"", b"", False
        return result

    def _masked(self, line: bytes) -> bytes:
        for word in self._words:
            line = line.replace(word, MASK)
        return line + b"\n"
