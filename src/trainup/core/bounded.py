"""Reads a user's file in bounded time and memory, whatever kind of file it is."""

import errno
import os
import stat

MOST_BYTES = 4 * 1024**2
"""Maximum size of a file that people write by hand; a larger one was named by mistake."""


class Unusable(OSError):
    """The file is there, and is not one that can be read as a whole."""

    def __init__(self, reason: str) -> None:
        super().__init__(errno.EINVAL, reason)

    def __str__(self) -> str:
        return str(self.strerror)


def read_bytes(path: str | bytes | os.PathLike[str], most: int = MOST_BYTES) -> bytes:
    """The content of a regular file of at most `most` bytes. Raises OSError; never waits for what a pipe may bring."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
        if not stat.S_ISREG(status.st_mode):
            raise Unusable("it is no regular file")
        size = status.st_size
        # Without a file object, which takes as long as all the rest: there may be thousands of small files.
        content = b"" if size > most else _read(descriptor, size + 1)
        if len(content) > size:  # it grows meanwhile
            content += _read(descriptor, most + 1 - len(content))
        if max(size, len(content)) > most:
            raise Unusable(f"it has more than {most / 1024**2:g} MB, which nobody writes by hand")
    finally:
        os.close(descriptor)
    return content


def _read(descriptor: int, most: int) -> bytes:
    """At most so many bytes, fewer only at the end of the file."""
    content = os.read(descriptor, most)
    while content and len(content) < most and (more := os.read(descriptor, most - len(content))):
        content += more
    return content
