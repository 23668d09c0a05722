"""Limits of a snapshot's size, and which files are the largest when it exceeds them."""

from collections import Counter
from collections.abc import Callable, Sequence

from trainup.jobs.snapshot.selection import SelectedFile

MOST_FILES = 2_000
MOST_BYTES = 300 * 1024**2
"""Both are Azure ML's own limits, kept on every target so that what trains here trains there."""
LARGEST_SHOWN = 5

SOURCE_FOLDER = "the source folder holds {}, and a run gets at most {}: {}"
SOURCE_WAY_OUT = (
    "Exclude what the run does not need in the folder's .gitignore (or in an .amlignore beside it, which takes the "
    "place of .gitignore), and pass large data as a data input"
)


def exceeded(files: Sequence[SelectedFile], words: str = SOURCE_FOLDER, way_out: str = SOURCE_WAY_OUT) -> list[str]:
    """One finding for each limit that the files exceed, naming the largest ones.

    `words` is a format with fields for the amount, the limit and the largest files.
    """
    findings = []
    if len(files) > MOST_FILES:
        largest = _largest(files, lambda file: 1, lambda count: f"{count:,} files")
        findings.append(words.format(f"{len(files):,} files", f"{MOST_FILES:,}", largest))
    size = sum(file.status.st_size for file in files)
    if size > MOST_BYTES:
        largest = _largest(files, lambda file: file.status.st_size, _megabytes)
        findings.append(words.format(_megabytes(size), _megabytes(MOST_BYTES), largest))
    return [f"{finding}. {way_out}" for finding in findings]


def _largest(files: Sequence[SelectedFile], weight: Callable[[SelectedFile], int], show: Callable[[int], str]) -> str:
    """The largest files and folders on the first level where there is more than one."""
    parts = [file.path.split("/") for file in files]
    shared = 0
    while len(parts) > 1 and len({tuple(part[: shared + 1]) for part in parts}) == 1:
        shared += 1
    weights: Counter[str] = Counter()
    for file, part in zip(files, parts, strict=True):
        is_file = len(part) == shared + 1
        weights["/".join(part[: shared + 1]) + ("" if is_file else "/")] += weight(file)
    return ", ".join(f"{name} {show(count)}" for name, count in weights.most_common(LARGEST_SHOWN))


def _megabytes(count: int) -> str:
    return f"{count / 1024**2:,.1f} MB"
