"""Reading one file of a snapshot."""

import hashlib
import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import BinaryIO, TypeVar

from trainup.core import likely_secrets
from trainup.jobs.snapshot.cache import FileFacts, StatCache
from trainup.jobs.snapshot.selection import SelectedFile, check_fetched, printable, unreadable

READERS = min(4, os.cpu_count() or 1)
Result = TypeVar("Result")
Hear = Callable[[bytes], object]
"""Gets the content of a file, block by block."""

BLOCK_BYTES = 4 * 1024**2
WORTH_THREADS = 256 * 1024
"""Bytes of files together; for fewer, starting threads takes longer than reading them."""
BATCH_BYTES = 8 * 1024**2
AHEAD = 2
"""Batches that are read before it is their turn."""
MOST_BYTES_TO_THE_END_OF_A_LINE = 64 * 1024


def entry(sha256: str, size: int) -> str:
    """What a snapshot says of one file."""
    return f"{sha256}:{size}"


def blocks(file: BinaryIO) -> Iterator[bytes]:
    """Yield the content in blocks that end where a line ends, unless lines are very long."""
    while block := file.read(BLOCK_BYTES):
        yield block if len(block) < BLOCK_BYTES else block + file.readline(MOST_BYTES_TO_THE_END_OF_A_LINE)


def recall(found: SelectedFile, cache: StatCache) -> tuple[str, FileFacts] | None:
    """What `examine` would tell, if the cache knows the file."""
    known = cache.get(found.location, found.status)
    return (entry(known.sha256, found.status.st_size), known) if known else None


def digest(found: SelectedFile, hear: Hear) -> str:
    """Hash a file; returns its entry. Raises OSError."""
    sha256, size = hashlib.sha256(), 0
    with open(found.location, "rb") as file:
        for block in blocks(file):
            if not size:
                check_fetched(block)
            sha256.update(block)
            hear(block)
            size += len(block)
    return entry(sha256.hexdigest(), size)


def examine(found: SelectedFile, cache: StatCache, hear: Hear = lambda block: None) -> tuple[str, FileFacts]:
    """Hash a file and search it for secrets, and tell the cache. Raises OSError."""
    read_at_ns = time.time_ns()
    with open(found.location, "rb") as file:
        before = os.fstat(file.fileno())
        digest = hashlib.sha256()
        suspects: list[tuple[int, str]] = []
        size = lines = 0
        is_text = True
        for block in blocks(file):
            if not size:
                check_fetched(block)
            digest.update(block)
            hear(block)
            is_text = is_text and (size > 0 or likely_secrets.is_text(block))
            if is_text:
                suspects += likely_secrets.search(block, found.path, lines + 1)
                lines += block.count(b"\n")
            size += len(block)
        after = os.fstat(file.fileno())
    known = FileFacts(digest.hexdigest(), tuple(suspects))
    if (before.st_mtime_ns, before.st_ctime_ns, before.st_size) == (after.st_mtime_ns, after.st_ctime_ns, size):
        cache.put(found.location, before, known, read_at_ns=read_at_ns)
    return entry(known.sha256, size), known


def recall_all(files: Sequence[SelectedFile], cache: StatCache) -> dict[str, tuple[str, FileFacts]]:
    """Path → what `examine` would tell, of the files that the cache knows."""
    return {file.path: told for file in files if (told := recall(file, cache))}


def examine_all(
    files: Sequence[SelectedFile], cache: StatCache, hear: Hear | None = None
) -> tuple[dict[str, tuple[str, FileFacts]], list[str]]:
    """Path → what `examine` tells, and the files that could not be read.

    Files that the cache knows are not read, unless somebody is to `hear` the contents of all, one after the other.
    """
    results = recall_all(files, cache) if hear is None else {}
    unknown = [file for file in files if file.path not in results]
    if hear is None:
        told = each(unknown, lambda file: examine(file, cache))
    else:
        told = in_turn(unknown, lambda file, hear: examine(file, cache, hear), hear)
    problems = []
    for file, result in zip(unknown, told, strict=True):
        if isinstance(result, OSError):
            problems.append(unreadable(printable(file.path.encode()), result))
        else:
            results[file.path] = result
    return {file.path: results[file.path] for file in files if file.path in results}, problems


def each(files: Sequence[SelectedFile], do: Callable[[SelectedFile], Result]) -> list[Result | OSError]:
    """The results for all files, in order; reading and hashing run beside each other."""
    if sum(file.status.st_size for file in files) < WORTH_THREADS:
        return [_tried(partial(do, file)) for file in files]
    with ThreadPoolExecutor(READERS) as pool:
        return list(pool.map(lambda file: _tried(partial(do, file)), files))


def in_turn(
    files: Sequence[SelectedFile], do: Callable[[SelectedFile, Hear], Result], hear: Hear
) -> list[Result | OSError]:
    """As `each`; `hear` gets the contents of all files in their order, while those that follow are read already."""
    results: list[Result | OSError] = []
    ahead: deque[Callable[[], list[Result | OSError]]] = deque()
    with ThreadPoolExecutor(1) as pool:
        for batch in _batches(files):
            if len(ahead) == AHEAD:
                results += ahead.popleft()()
            ahead.append(_begun(pool, batch, do, hear))
        for end in ahead:
            results += end()
    return results


def _batches(files: Sequence[SelectedFile]) -> Iterator[list[SelectedFile]]:
    """The files in their order, together as many as make a batch; a large one is one by itself."""
    batch: list[SelectedFile] = []
    size = 0
    for file in files:
        if batch and size + file.status.st_size > BATCH_BYTES:
            yield batch
            batch, size = [], 0
        batch.append(file)
        size += file.status.st_size
    if batch:
        yield batch


def _begun(
    pool: ThreadPoolExecutor, batch: list[SelectedFile], do: Callable[[SelectedFile, Hear], Result], hear: Hear
) -> Callable[[], list[Result | OSError]]:
    """What ends the work on a batch when its turn comes. A large file is read only then, not to be held in memory."""
    if sum(file.status.st_size for file in batch) > BATCH_BYTES:
        return lambda: [_tried(partial(do, file, hear)) for file in batch]
    contents: list[bytes] = []
    begun = pool.submit(lambda: [_tried(partial(do, file, contents.append)) for file in batch])

    def end() -> list[Result | OSError]:
        results = begun.result()
        for block in contents:
            hear(block)
        return results

    return end


def _tried(do: Callable[[], Result]) -> Result | OSError:
    try:
        return do()
    except OSError as error:
        return error


def duplicate(found: SelectedFile, destination: str) -> str:
    """Copy a file and return the entry of what was written. Raises OSError.

    Whoever may execute the file may execute the copy; other permissions are the ordinary ones.
    """
    digest = hashlib.sha256()
    with open(found.location, "rb") as file, open(destination, "xb") as copied:
        for block in blocks(file):
            digest.update(block)
            copied.write(block)
        size = copied.tell()
        is_executable = os.fstat(file.fileno()).st_mode & 0o111
    if is_executable:
        mode = os.stat(destination).st_mode
        os.chmod(destination, mode | (mode & 0o444) >> 2)
    return entry(digest.hexdigest(), size)
