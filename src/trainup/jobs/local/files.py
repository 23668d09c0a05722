"""Files that survive a kill at any moment: records that are replaced atomically, and locks that end with their holder.

filelock (4.3) locks in the same way (flock). But it cannot hand a held lock to another process by its descriptor, as
supervisors get theirs, and does not tell whether somebody else holds a lock without taking it.
"""

import contextlib
import errno
import fcntl
import json
import os
import shutil
import threading
import time
from collections.abc import Callable, Hashable, Iterator
from pathlib import Path
from typing import Any, Generic, TypeVar

from trainup.core import bounded
from trainup.core.disk import put_aside, replace_record
from trainup.core.errors import UserError

Content = TypeVar("Content", bound=Hashable)
FORMAT_VERSION = 1
UNLOCKABLE = (errno.EISDIR, errno.ELOOP, errno.ENXIO)
"""Errors for a folder, a link to itself and a socket, which cannot be locked."""
MOST_BYTES = 64 * 1024**2
"""Maximum size of a record."""
MOST_FILES = 50_000
"""Maximum of parsed files that a process holds of one kind."""


class UnreadableRecord(UserError):
    """A record that cannot be used: damaged, or written by another version of trainup."""


def write_json(path: Path, data: dict[str, Any], *, durable: bool = True) -> None:
    """Replace `path` as a whole: readers see the old record or the new one, never a part.

    `durable` also survives a power cut (fsync); without it, only a killed process.
    """
    content = json.dumps({"version": FORMAT_VERSION, **data}, indent=1, ensure_ascii=True)
    replace_record(path, f"{content}\n", is_durable=durable)


def read_json(path: Path) -> dict[str, Any] | None:
    """The record at `path`, or None where there is none. An unknown version is refused, never guessed at."""
    try:
        if (content := _content(path)) is None:
            return None
        data = json.loads(content.decode("utf-8"))
        version = data.pop("version")
    except (OSError, ValueError, KeyError, AttributeError, TypeError, RecursionError) as error:
        raise UnreadableRecord(
            f"{path} is damaged ({error}): move it away, or restore it, then run the command again"
        ) from error
    if version != FORMAT_VERSION:
        raise UnreadableRecord(
            f"{path} has format {version!r}; this trainup reads format {FORMAT_VERSION}: "
            "use the trainup that wrote it, or choose another workspace folder"
        )
    return dict(data)


def _content(path: Path) -> bytes | None:
    try:
        return bounded.read_bytes(path, MOST_BYTES)
    except (FileNotFoundError, NotADirectoryError):
        if path.is_symlink():
            raise bounded.Unusable("it is a symbolic link that leads nowhere") from None
        return None


class ByFile(Generic[Content]):
    """A cache of parsed files; a file is read again after it was replaced, by whichever process.

    It holds the last `MOST_FILES` files: what a process needs for the records of ended runs is bounded, and a few
    hundred bytes for each. Equal contents are held once.
    """

    def __init__(self, read: Callable[[Path], Content], is_final: Callable[[Content], bool] = lambda content: True):
        """`read` parses the file at a path; content for which `is_final` is false is never cached."""
        self._read, self._is_final = read, is_final
        self._cache: dict[str, tuple[int, Content]] = {}
        self._contents: dict[Content, Content] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._cache)

    def of(self, path: str) -> Content:
        """The parsed content of the file. Raises OSError if there is none, and what `read` raises."""
        status = os.stat(path)
        file = (status.st_ino << 128) | (status.st_mtime_ns % 2**64 << 64) | status.st_size
        cached = self._cache.get(path)
        if cached and cached[0] == file:
            return cached[1]
        content = self._read(Path(path))
        if self._is_final(content):
            with self._lock:
                return self._kept(path, file, content)
        return content

    def _kept(self, path: str, file: int, content: Content) -> Content:
        while len(self._cache) >= MOST_FILES:
            del self._cache[next(iter(self._cache))]
        if len(self._contents) >= MOST_FILES:
            self._contents.clear()
        shared = self._contents.setdefault(content, content)
        self._cache[path] = file, shared
        return shared


def sign(lock: int) -> None:
    """Write into the file of a lock that this process holds it; a full disk does not matter here."""
    with contextlib.suppress(OSError):
        os.ftruncate(lock, 0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)


def holder_of(path: Path) -> int | None:
    """The id of the process that signed a lock last; None where nobody has. It may have ended."""
    with contextlib.suppress(OSError, ValueError):
        return int(path.read_bytes())
    return None


class Lock:
    """An exclusive lock on a file that the kernel releases when its last holder dies (flock).

    It needs no clean-up after a kill and cannot be confused by reused process ids or a changed clock.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.fd: int | None = None

    def try_acquire(self) -> bool:
        """Take the lock if nobody holds it."""
        while not self._acquire(fcntl.LOCK_EX | fcntl.LOCK_NB):
            if is_held(self.path):
                return False
            time.sleep(0.001)  # `is_held` takes a shared lock for an instant
        return True

    def acquire(self) -> None:
        """Take the lock, waiting for whoever holds it."""
        self._acquire(fcntl.LOCK_EX)

    def _acquire(self, flags: int) -> bool:
        while True:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            try:
                fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            except OSError as error:
                if error.errno not in UNLOCKABLE:
                    raise
                with contextlib.suppress(FileNotFoundError):  # somebody else was quicker
                    put_aside(self.path)
                continue
            try:
                fcntl.flock(fd, flags)
            except OSError as error:
                os.close(fd)
                if error.errno in (errno.EWOULDBLOCK, errno.EAGAIN):
                    return False
                raise
            # The file may have been removed with its folder while we waited: then the lock guards nothing.
            if _same_file(fd, self.path):
                self.fd = fd
                return True
            os.close(fd)

    def release(self) -> None:
        """Release the lock; does nothing if it is not held."""
        if self.fd is not None:
            os.close(self.fd)
            self.fd = None

    def hand_out(self) -> int:
        """The descriptor that holds the lock, which belongs to the caller from now on."""
        assert self.fd is not None
        fd, self.fd = self.fd, None
        return fd

    def is_valid(self) -> bool:
        """Whether it is held, and its file is still the one that others would lock."""
        return self.fd is not None and _same_file(self.fd, self.path)

    def __enter__(self) -> "Lock":
        self.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def is_held(path: Path) -> bool:
    """Whether some living process holds the lock at `path`. Writes nothing, not even the file."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, *UNLOCKABLE):
            return False
        raise
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EAGAIN):
            return True
        raise
    finally:
        os.close(fd)
    return False


def _same_file(fd: int, path: Path) -> bool:
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    here = os.fstat(fd)
    return (here.st_ino, here.st_dev) == (there.st_ino, there.st_dev)


@contextlib.contextmanager
def temporary_folder(final: Path) -> Iterator[Path]:
    """A new folder beside `final` that becomes `final` when the block succeeds, and vanishes when it fails."""
    working = final.with_name(f".{final.name}.{os.getpid()}.{time.monotonic_ns()}")
    working.mkdir(parents=True)
    try:
        yield working
        working.rename(final)
    except BaseException:
        shutil.rmtree(working, ignore_errors=True)
        raise
