"""Digests of data on this machine."""

import hashlib
import os
import stat
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from trainup.core.canonical import sha256
from trainup.core.errors import UserError
from trainup.core.input_assets import CONTENT
from trainup.jobs.snapshot.cache import FileFacts, StatCache
from trainup.jobs.snapshot.file_names import MOST_BYTES_OF_A_POINTER, NotFetched, check_fetched, unreadable

READERS = min(4, os.cpu_count() or 1)
MOST_SHOWN = 20


class DataError(UserError):
    """The data cannot be used as it is; the message has every finding."""


def digest_of(path: Path, cache: StatCache) -> str:
    """`sha256:…` over the names and contents of a folder's files, or over one file; `cache` knows unchanged ones.

    A symbolic link stands for what it points at; empty folders, times and permissions do not count. Raises DataError.
    """
    if not os.path.exists(path):  # which also knows what cannot be a path
        raise DataError(f"there is no file or folder {path}: `path` is relative to the folder of Pulumi.yaml")
    if os.path.realpath(path) in ("/", os.path.realpath(os.path.expanduser("~"))):
        raise DataError(
            f"{path} is the root of the disk, or your home folder: name the folder that holds the data alone"
        )
    files, problems = _listed(path)
    with ThreadPoolExecutor(READERS) as pool:
        hashes = list(pool.map(lambda file: _hash(file[1], cache), files))
    problems += [problem for _, problem in hashes if problem]
    if problems:
        more = [f"… and {len(problems) - MOST_SHOWN} more"] if len(problems) > MOST_SHOWN else []
        raise DataError("\n".join([*problems[:MOST_SHOWN], *more]))
    return CONTENT + sha256({name: digest for (name, _), (digest, _) in zip(files, hashes, strict=True)})


def files_of(path: Path) -> list[tuple[str, Path]]:
    """(name, path) of every file of data, as `digest_of` takes them; the name of a single file is empty. DataError."""
    files, problems = _listed(path)
    if problems:
        raise DataError("\n".join(problems[:MOST_SHOWN]))
    return files


def _listed(path: Path) -> tuple[list[tuple[str, Path]], list[str]]:
    problems: list[str] = []
    files = [("", path)] if path.is_file() else list(_files(path, "", (os.path.realpath(path),), problems))
    if not files and not problems:
        problems.append(f"{path} holds no file: put the data there, or name another folder")
    return files, problems


def _files(folder: Path, prefix: str, above: tuple[str, ...], problems: list[str]) -> Iterator[tuple[str, Path]]:
    """(name, path) of every file. `above` holds the real parent folders, to detect a link into one of them."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        problems.append(f"{folder} cannot be read ({error.strerror}): change its permissions")
        return
    for entry in entries:
        name, path = prefix + entry.name, Path(entry.path)
        if not path.exists():
            problems.append(f"{path} is a symbolic link that leads nowhere: repair or remove it")
        elif entry.is_dir():
            real = os.path.realpath(path)
            if real in above:
                problems.append(f"{path} is a symbolic link to a folder that holds it: remove it")
            else:
                yield from _files(path, f"{name}/", (*above, real), problems)
        elif entry.is_file():
            yield name, path
        else:
            problems.append(f"{path} is neither a file nor a folder: remove it")


def _hash(path: Path, cache: StatCache) -> tuple[str, str]:
    """SHA-256 of the content, and the sentence that says why there is none; one of them is empty."""
    try:
        status = path.stat()
        if facts := cache.get(str(path), status):
            return facts.sha256, ""
        read_at = time.time_ns()
        with path.open("rb") as file:
            if status.st_size < MOST_BYTES_OF_A_POINTER:
                check_fetched(file.read())
                file.seek(0)
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        after = path.stat()
    except NotFetched as error:
        return "", unreadable(str(path), error)
    except OSError as error:
        return "", f"{path} cannot be read ({error.strerror}): change its permissions"
    if stat.S_ISREG(after.st_mode) and (status.st_mtime_ns, status.st_size) == (after.st_mtime_ns, after.st_size):
        cache.put(str(path), status, FileFacts(digest, ()), read_at_ns=read_at)
    return digest, ""
