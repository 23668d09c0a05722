"""What ignore rules keep out of a snapshot: per rule, how many files and bytes."""

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from trainup.jobs.snapshot.selection import Excluded, SelectedFile, select

MOST_COUNTED = 20_000
"""Entries of excluded folders that are looked at, in all; what is beyond is not counted."""


@dataclass(frozen=True)
class KeptOut:
    """One rule, and what it keeps out."""

    rule: str
    """The line of the ignore file, or what trainup leaves out by itself."""
    file: str
    """The ignore file, relative to the source; empty for trainup's own rules."""
    line: int
    files: int
    bytes: int
    is_least: bool
    """Whether there is more than was counted."""


def survey(source: Path) -> tuple[list[SelectedFile], list[KeptOut]]:
    """(the files of the folder's snapshot, the rules that keep something out of it, those with most bytes first)."""
    counter = Counter()
    selection = select(os.path.realpath(source), counter.add)
    return selection.files, counter.rules


class Counter:
    """Counts what is kept out, by rule."""

    def __init__(self) -> None:
        self._by_rule: dict[tuple[str, int, str], tuple[int, int, bool]] = {}
        self._left = MOST_COUNTED

    @property
    def rules(self) -> list[KeptOut]:
        """The rules that keep something out, those with most bytes first."""
        rules = [
            KeptOut(rule, file, line, *counts) for (file, line, rule), counts in self._by_rule.items() if counts[0]
        ]
        return sorted(rules, key=lambda one: (-one.bytes, one.file, one.line))

    def add(self, excluded: Excluded) -> None:
        """Count a file, or all that is in a folder."""
        key = (excluded.file, excluded.line, excluded.rule)
        files, size, is_least = self._by_rule.get(key, (0, 0, False))
        more = self._count(excluded.location)
        self._by_rule[key] = (files + more[0], size + more[1], is_least or more[2])

    def _count(self, location: bytes) -> tuple[int, int, bool]:
        """(files, bytes, whether there are more) at a path; links are counted and not followed."""
        files = size = 0
        paths = [location]
        while paths:
            if self._left <= 0:
                return files, size, True
            path = paths.pop()
            self._left -= 1
            try:
                status = os.lstat(path)
                if stat.S_ISDIR(status.st_mode):
                    paths += [os.path.join(path, name) for name in os.listdir(path)]
                else:
                    files, size = files + 1, size + status.st_size
            except OSError:  # what nobody can read is sent by nobody
                continue
        return files, size, False
