"""Reads the files of a snapshot: hashes them, searches them for secrets, copies them."""

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
from trainup.jobs.snapshot.file_names import check_fetched, printable, unreadable
from trainup.jobs.snapshot.selection import SelectedFile

READERS = min(4, os.cpu_count() or 1)
Result = TypeVar("Result")
Hear = Callable[[bytes], object]
"""Gets the content of a file, block by block."""

BLOCK_BYTES = 4 * 1024**2
WORTH_THREADS = 256 * 1024
"""Total bytes of files from which threads pay off; starting them takes longer than reading fewer bytes."""
BATCH_BYTES = 8 * 1024**2
AHEAD = 2
"""Number of batches that are read ahead of their turn."""
MOST_BYTES_TO_THE_END_OF_A_LINE = 64 * 1024


def entry(sha256: str, size: int) -> str:
    """The entry of a file in a snapshot."""
    return f"{sha256}:{size}"


def blocks(file: BinaryIO) -> Iterator[bytes]:
    """Yield the content in blocks that end where a line ends, unless lines are very long."""
    while block := file.read(BLOCK_BYTES):
        yield block if len(block) < BLOCK_BYTES else block + file.readline(MOST_BYTES_TO_THE_END_OF_A_LINE)


def recall(file: SelectedFile, cache: StatCache) -> tuple[str, FileFacts] | None:
    """The result of `examine` from the cache; None if the file is not in it."""
    facts = cache.get(file.location, file.status)
    return (entry(facts.sha256, file.status.st_size), facts) if facts else None


def digest(selected: SelectedFile, hear: Hear) -> str:
    """Hash a file; returns its entry. Raises OSError."""
    sha256, size = hashlib.sha256(), 0
    with open(selected.location, "rb") as content:
        for block in blocks(content):
            if not size:
                check_fetched(block)
            sha256.update(block)
            hear(block)
            size += len(block)
    return entry(sha256.hexdigest(), size)


def examine(selected: SelectedFile, cache: StatCache, hear: Hear = lambda block: None) -> tuple[str, FileFacts]:
    """Hash a file, search it for secrets, and put the result into the cache. Raises OSError."""
    read_at_ns = time.time_ns()
    with open(selected.location, "rb") as content:
        before = os.fstat(content.fileno())
        digest = hashlib.sha256()
        suspects: list[tuple[int, str]] = []
        size = lines = 0
        is_text = True
        for block in blocks(content):
            if not size:
                check_fetched(block)
            digest.update(block)
            hear(block)
            is_text = is_text and (size > 0 or likely_secrets.is_text(block))
            if is_text:
                suspects += likely_secrets.search(block, selected.path, lines + 1)
                lines += block.count(b"\n")
            size += len(block)
        after = os.fstat(content.fileno())
    facts = FileFacts(digest.hexdigest(), tuple(suspects))
    if (before.st_mtime_ns, before.st_ctime_ns, before.st_size) == (after.st_mtime_ns, after.st_ctime_ns, size):
        cache.put(selected.location, before, facts, read_at_ns=read_at_ns)
    return entry(facts.sha256, size), facts


def recall_all(files: Sequence[SelectedFile], cache: StatCache) -> dict[str, tuple[str, FileFacts]]:
    """Path → result of `examine`, for the files that are in the cache."""
    return {file.path: result for file in files if (result := recall(file, cache))}


def examine_all(
    files: Sequence[SelectedFile], cache: StatCache, hear: Hear | None = None
) -> tuple[dict[str, tuple[str, FileFacts]], list[str]]:
    """(path → result of `examine`, one finding for each file that could not be read).

    Cached files are not read, unless `hear` is set: it gets the contents of all files, one after the other.
    """
    results = recall_all(files, cache) if hear is None else {}
    uncached = [file for file in files if file.path not in results]
    if hear is None:
        outcomes = each(uncached, lambda file: examine(file, cache))
    else:
        outcomes = in_turn(uncached, lambda file, hear: examine(file, cache, hear), hear)
    problems = []
    for file, outcome in zip(uncached, outcomes, strict=True):
        if isinstance(outcome, OSError):
            problems.append(unreadable(printable(file.path.encode()), outcome))
        else:
            results[file.path] = outcome
    return {file.path: results[file.path] for file in files if file.path in results}, problems


def each(files: Sequence[SelectedFile], do: Callable[[SelectedFile], Result]) -> list[Result | OSError]:
    """The results for all files, in order; large amounts are read and hashed in parallel."""
    if sum(file.status.st_size for file in files) < WORTH_THREADS:
        return [_result_or_error(partial(do, file)) for file in files]
    with ThreadPoolExecutor(READERS) as pool:
        return list(pool.map(lambda file: _result_or_error(partial(do, file)), files))


def in_turn(
    files: Sequence[SelectedFile], do: Callable[[SelectedFile, Hear], Result], hear: Hear
) -> list[Result | OSError]:
    """As `each`; `hear` gets the contents of all files in order, while the next files are read ahead."""
    results: list[Result | OSError] = []
    ahead: deque[Callable[[], list[Result | OSError]]] = deque()
    with ThreadPoolExecutor(1) as pool:
        for batch in _batches(files):
            if len(ahead) == AHEAD:
                results += ahead.popleft()()
            ahead.append(_start_batch(pool, batch, do, hear))
        for end in ahead:
            results += end()
    return results


def _batches(files: Sequence[SelectedFile]) -> Iterator[list[SelectedFile]]:
    """The files in order, grouped into batches; a large file is a batch by itself."""
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


def _start_batch(
    pool: ThreadPoolExecutor, batch: list[SelectedFile], do: Callable[[SelectedFile, Hear], Result], hear: Hear
) -> Callable[[], list[Result | OSError]]:
    """Start to read a batch; returns the function that ends it in its turn. A large file is read only then, since its
    content would not fit into memory."""
    if sum(file.status.st_size for file in batch) > BATCH_BYTES:
        return lambda: [_result_or_error(partial(do, file, hear)) for file in batch]
    contents: list[bytes] = []
    future = pool.submit(lambda: [_result_or_error(partial(do, file, contents.append)) for file in batch])

    def end() -> list[Result | OSError]:
        results = future.result()
        for block in contents:
            hear(block)
        return results

    return end


def _result_or_error(do: Callable[[], Result]) -> Result | OSError:
    try:
        return do()
    except OSError as error:
        return error


def duplicate(selected: SelectedFile, destination: str) -> str:
    """Copy a file and return the entry of what was written. Raises OSError.

    Whoever may execute the file may execute the copy; other permissions are the ordinary ones.
    """
    digest = hashlib.sha256()
    with open(selected.location, "rb") as content, open(destination, "xb") as copied:
        for block in blocks(content):
            digest.update(block)
            copied.write(block)
        size = copied.tell()
        is_executable = os.fstat(content.fileno()).st_mode & 0o111
    if is_executable:
        mode = os.stat(destination).st_mode
        os.chmod(destination, mode | (mode & 0o444) >> 2)
    return entry(digest.hexdigest(), size)
