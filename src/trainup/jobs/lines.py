"""Turns the output of a command into whole lines, with progress bars resolved and secrets masked."""

from trainup.jobs.masking import Mask

MAX_LINE = 1 << 16
"""Bytes after which a line without an end is broken, so that memory stays bounded."""


class LineCleaner:
    """Turns bytes into lines. The result depends on the bytes alone, not on how they arrive in pieces."""

    def __init__(self, mask: Mask | None = None) -> None:
        self._mask = mask or Mask()
        self._longest = self._mask.longest
        self._shown = b""
        """What the line shows where nothing has been written over it since the last carriage return."""
        self._rest = b""
        """What came after it."""
        self._broken = False
        """Whether a part of this line is out already."""

    def feed(self, data: bytes) -> bytes:
        """The lines that are complete now, each with its line feed."""
        *lines, unfinished = data.split(b"\n")
        result = b"".join([self._write(line) + self._end() for line in lines] + [self._write(unfinished)])
        return self._mask.mask(result)

    def finish(self) -> bytes:
        """The last line, where it has no line feed of its own."""
        return self._mask.mask(self._end()) if self._rest or self._shown else b""

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
            cut = self._mask.next_cut(self._rest, MAX_LINE)
            result += self._rest[:cut] + b"\n"
            self._shown, self._rest, self._broken = b"", self._rest[cut:], True
        return result

    def _end(self) -> bytes:
        result = self._break(MAX_LINE)
        shown = self._rest or self._shown
        if shown or not self._broken:
            result += shown + b"\n"
        self._shown, self._rest, self._broken = b"", b"", False
        return result
