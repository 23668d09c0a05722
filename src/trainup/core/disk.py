"""Replaces files as a whole, and measures free space. Standard library only, since set-up has no packages yet."""

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def free_bytes(folder: Path) -> int:
    """Free bytes of the disk that holds a folder, or will hold it."""
    # Not by `Path.exists`, which raises OSError for a name that is too long for any folder.
    nearest = next(path for path in (folder, *folder.parents) if os.path.exists(path))
    return shutil.disk_usage(nearest).free


@contextmanager
def replacement(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` for the block to write to; it replaces `path` if the block succeeds.

    Readers see the old content or the new one. Raises OSError, and what the block raises; `path` is unchanged then.
    """
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def replace_file(path: Path, content: str | bytes, *, mode: int = 0o600, is_durable: bool = False) -> None:
    """Replace a file as a whole. Raises OSError.

    A killed process leaves the old content or the new one; with `is_durable` (fsync), so does a power cut.
    """
    with replacement(path) as temporary:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(descriptor, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            if mode != 0o600:
                os.fchmod(descriptor, mode)
            if is_durable:
                file.flush()
                os.fsync(descriptor)


def replace_record(path: Path, content: str | bytes, *, is_durable: bool = False) -> None:
    """As `replace_file`, for a file that only trainup writes: a folder of that name is moved out of the way."""
    try:
        replace_file(path, content, is_durable=is_durable)
    except IsADirectoryError:
        put_aside(path)
        replace_file(path, content, is_durable=is_durable)


def put_aside(path: Path) -> None:
    """Rename a damaged file, or a folder in its place, to a name that nothing reads."""
    path.rename(path.with_name(f".{path.name}.damaged-{uuid.uuid4().hex}"))
