"""Which files differ between two snapshots, and by which lines where both contents are at hand."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from trainup.jobs.facts import lines
from trainup.jobs.facts.lines import LineChanges
from trainup.jobs.facts.wording import amount, size

MOST_COMPARED = 50
"""Files whose lines are compared."""
NOT_COMPARED = LineChanges()
_SIZE = re.compile(r"(?:, |:)(\d+)(?: bytes)?$")
_FOLDED = re.compile(r":([\d,]+) files, \d+ bytes$")


class Contents(Protocol):
    """The files of one snapshot, as far as they are at hand."""

    def read(self, path: str, entry: str) -> bytes | None:
        """The content of a file with this entry in the manifest; None where it is not at hand. Raises TargetError."""
        ...

    def below(self, folder: str, entry: str) -> Mapping[str, str] | None:
        """Path → entry of the files in a folder that is one entry in the manifest; None as for `read`."""
        ...


@dataclass(frozen=True)
class FileChange:
    """One file, or a folder of many files, that differs."""

    path: str
    kind: str
    """`added`, `changed`, `removed` or `renamed`."""
    was: str = ""
    """The former path of a renamed file."""
    bytes_before: int | None = None
    bytes_now: int | None = None
    files_before: int = 1
    """How many files it was; several in a folder that is one entry of its manifest."""
    files_now: int = 1
    lines: LineChanges = NOT_COMPARED

    @property
    def text(self) -> str:
        """`train.py changed (+12 −3)`."""
        if self.kind == "renamed":
            return f"{self.was} renamed to {self.path}"
        detail = self.lines.counts
        if (self.files_before, self.files_now) != (1, 1):
            detail = f"{self.files_before:,} → {amount(self.files_now, 'file')}"
        if self.kind == "changed" and self.lines.added is None and None not in (self.bytes_before, self.bytes_now):
            sizes = f"{size(self.bytes_before or 0)} → {size(self.bytes_now or 0)}"
            detail = f"{detail}, {sizes}" if detail else sizes
        return f"{self.path} {self.kind}" + (f" ({detail})" if detail else "")


def compare(
    before: Mapping[str, str],
    now: Mapping[str, str],
    old: Contents | None = None,
    new: Contents | None = None,
    secrets: Iterable[str] = (),
) -> list[FileChange]:
    """The differences between two manifests (`jobs/snapshot/manifest.py`): changed, renamed, added, removed.

    `old` and `new` have the contents. The texts of `secrets` are masked.
    """
    before, now = _unfolded(_folded_alike(before, now), _folded_alike(now, before), old, new)
    changed = [path for path in now if path in before and before[path] != now[path]]
    added, removed = [path for path in now if path not in before], [path for path in before if path not in now]
    renamed = _renamed({path: before[path] for path in removed}, {path: now[path] for path in added})
    changes = [
        FileChange(
            path,
            "changed",
            bytes_before=size_of(before[path]),
            bytes_now=size_of(now[path]),
            files_before=count_of(before[path]),
            files_now=count_of(now[path]),
            lines=_lines(path, before[path], now[path], old, new, secrets) if number < MOST_COMPARED else NOT_COMPARED,
        )
        for number, path in enumerate(changed)
    ]
    changes += [
        FileChange(path, "renamed", was, size_of(now[path]), size_of(now[path])) for path, was in renamed.items()
    ]
    changes += [FileChange(path, "added", bytes_now=size_of(now[path])) for path in added if path not in renamed]
    gone = set(renamed.values())
    changes += [FileChange(path, "removed", bytes_before=size_of(before[path])) for path in removed if path not in gone]
    return changes


def size_of(entry: str) -> int | None:
    """Bytes of a file or of a folded folder, by its entry in a manifest."""
    match = _SIZE.search(entry)
    return int(match[1]) if match else None


def count_of(entry: str) -> int:
    """How many files an entry of a manifest stands for."""
    match = _FOLDED.search(entry)
    return int(match[1].replace(",", "")) if match else 1


def _folded_alike(manifest: Mapping[str, str], other: Mapping[str, str]) -> dict[str, str]:
    """The manifest, with the files of a folder that is one entry in the other as one entry too."""
    folders = [path for path in other if path.endswith("/") and path not in manifest]
    result = dict(manifest)
    for folder in folders:
        inside = {path: result.pop(path) for path in list(result) if path.startswith(folder)}
        if inside:
            total = sum(size_of(entry) or 0 for entry in inside.values())
            digest = hashlib.sha256("\n".join(f"{path} {entry}" for path, entry in inside.items()).encode()).hexdigest()
            files = sum(map(count_of, inside.values()))
            result[folder] = f"{digest}:{files} files, {total} bytes"
    return dict(sorted(result.items()))


def _unfolded(
    before: dict[str, str], now: dict[str, str], old: Contents | None, new: Contents | None
) -> tuple[dict[str, str], dict[str, str]]:
    """Both manifests, with the files of folders that differ one by one where they are at hand."""
    if old is None or new is None:
        return before, now
    for folder in [path for path in now if path.endswith("/") and before.get(path, now[path]) != now[path]]:
        former = old.below(folder, before[folder])
        current = new.below(folder, now[folder]) if former is not None else None
        if former is not None and current is not None:
            before = {**{path: entry for path, entry in before.items() if path != folder}, **former}
            now = {**{path: entry for path, entry in now.items() if path != folder}, **current}
    return before, now


def _renamed(removed: Mapping[str, str], added: Mapping[str, str]) -> dict[str, str]:
    """New path → former path, for files of equal content that has one former and one new path; not for empty files."""
    by_entry: dict[str, list[str]] = {}
    for path, entry in removed.items():
        by_entry.setdefault(entry, []).append(path)
    counts: dict[str, int] = {}
    for entry in added.values():
        counts[entry] = counts.get(entry, 0) + 1
    return {
        path: by_entry[entry][0]
        for path, entry in added.items()
        if size_of(entry) and len(by_entry.get(entry, [])) == 1 and counts[entry] == 1
    }


def _lines(
    path: str, before: str, now: str, old: Contents | None, new: Contents | None, secrets: Iterable[str]
) -> LineChanges:
    if old is None or new is None or path.endswith("/"):
        return NOT_COMPARED
    if max(size_of(before) or 0, size_of(now) or 0) > lines.MOST_BYTES:
        return LineChanges(note="too large to compare by lines")
    contents = old.read(path, before), new.read(path, now)
    if contents[0] is None or contents[1] is None:
        return NOT_COMPARED
    return lines.compare(contents[0], contents[1], path, secrets)
