"""What the records of ended attempts say, in one file: thousands of records take long to read one by one.

It is a cache. An entry counts only while both files of its record are those that were read, by inode, time and size;
without the file, or with a damaged one, the records themselves are read.
"""

import contextlib
import gc
import json
import os
import sys
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import MISSING, dataclass, field, fields
from typing import Any

from trainup.core import background, bounded
from trainup.core.disk import replace_file
from trainup.core.failure import Failure
from trainup.core.git_state import GitState
from trainup.core.status import Status
from trainup.core.trials import Trial
from trainup.core.version import VERSION
from trainup.jobs.local.workspace import DEFINITION, LOG, OUTPUTS, STATUS, Workspace
from trainup.jobs.target import Owner, Record

FORMAT = 2
FEWEST = 200
"""Attempts from which on the index is used, and that are added at once: for fewer it is not worth a file."""
MOST_BYTES = 512 * 1024**2
PLAIN = (
    *("run", "id", "attempt", "digest", "created", "number", "tracking_error", "phases", "metrics", "best"),
    *("web_url", "node_price", "nodes", "tags", "reproduce", "literals"),
)
"""Fields of a record that JSON holds as they are."""
HELD = {
    *("name", "status", "owners", "released", "git", "failure", "trials", "command", "log_uri", "outputs_uri"),
    *PLAIN,
}
OTHERS = [item for item in fields(Record) if item.name not in HELD]
"""Fields that an entry does not hold: a record that has anything in them is read again each time."""

Owners = tuple[Owner, ...]


@dataclass
class Index:
    """The ended attempts of a workspace, by name."""

    workspace: Workspace
    entries: dict[str, list[Any]] = field(default_factory=dict)
    """Name → stamp, status, owners, former owners, git, failure, trials, command, and the plain fields."""
    owners: list[Owners] = field(default_factory=list)
    """Owners by the numbers that entries have in their place: thousands of attempts have the same ones."""
    new: int = 0
    """How many were added since it was read."""
    made: dict[str, Record] = field(default_factory=dict)
    """Records that `read_ahead` has made of entries; each is used once."""

    def __post_init__(self) -> None:
        self.runs = str(self.workspace.runs)
        self._shown = self.workspace.shown(self.workspace.runs)
        self._numbers = {owners: number for number, owners in enumerate(self.owners)}

    def find(self, name: str) -> Record | None:
        """The record of an attempt as it is on disk; None where it has to be read."""
        if record := self.made.pop(name, None):
            return record
        entry = self.entries.get(name)
        try:
            return self._record(name, entry) if entry and entry[0] == self.stamp(name) else None
        except (LookupError, TypeError, ValueError, AttributeError):
            return None

    def add(self, record: Record, stamp: list[int] | None) -> None:
        """Add an attempt that has ended, by the stamp from before it was read."""
        if stamp is None or not record.status.is_terminal:
            return
        if any(getattr(record, item.name) != _default(item) for item in OTHERS):
            return
        self.new += 1
        self.entries[record.name] = [
            stamp,
            str(record.status),
            self._number_of(record.owners),
            self._number_of(record.released),
            record.git.to_dict(),
            record.failure.to_dict() if record.failure else None,
            {tag: [one.sweep, one.number, dict(one.point)] for tag, one in record.trials.items()},
            list(record.command),
            [getattr(record, name) for name in PLAIN],
        ]

    def stamp(self, name: str) -> list[int] | None:
        """Inode, time in nanoseconds and size of both files of an attempt's record; None where one is missing."""
        folder = f"{self.runs}/{name}"
        try:
            files = os.stat(f"{folder}/{DEFINITION}"), os.stat(f"{folder}/{STATUS}")
        except OSError:
            return None
        return [number for one in files for number in (one.st_ino, one.st_mtime_ns, one.st_size)]

    def save(self) -> None:
        """Write what is known of the attempts that are there, if much of it is new. Errors do not matter here."""
        if self.new < FEWEST:
            return
        there = set(os.listdir(self.runs))
        kept = {name: entry for name, entry in self.entries.items() if name in there}
        owners = [[[one.urn, one.token, one.project] for one in several] for several in self.owners]
        content = {"of": _origin(self.workspace), "owners": owners, "entries": kept}
        with contextlib.suppress(OSError):
            replace_file(self.workspace.index, json.dumps(content))

    def _record(self, name: str, entry: list[Any]) -> Record:
        _, status, owners, released, git, failure, trials, command, plain = entry
        return Record(
            name,
            status=Status(status),
            owners=self.owners[owners],
            released=self.owners[released],
            git=GitState.from_dict(git) if git else NO_GIT,
            failure=Failure.from_dict(failure) if failure else None,
            trials={tag: Trial(*one) for tag, one in trials.items()} if trials else {},
            command=tuple(command),
            log_uri=f"{self._shown}/{name}/{LOG}",
            outputs_uri=f"{self._shown}/{name}/{OUTPUTS}",
            **dict(zip(PLAIN, plain, strict=True)),
        )

    def _number_of(self, owners: Owners) -> int:
        if owners not in self._numbers:
            self._numbers[owners] = len(self.owners)
            self.owners.append(owners)
        return self._numbers[owners]


_ahead: dict[str, "Future[Index]"] = {}


def read_ahead(workspace: Workspace) -> None:
    """Begin to read the index, while the caller waits for something else: the next `read` returns this one."""
    if not workspace.index.is_file():
        return

    def read_all() -> Index:
        with without_collections():
            found = _read(workspace)
            records = {name: record for name in found.entries if (record := found.find(name))}
        found.made = records
        return found

    _ahead[str(workspace.root)] = background.begin(read_all)


def read(workspace: Workspace) -> Index:
    """The index of a workspace; empty where there is none that can be used."""
    ahead = _ahead.pop(str(workspace.root), None)
    return ahead.result() if ahead else _read(workspace)


def _read(workspace: Workspace) -> Index:
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError, RecursionError):
        content = json.loads(bounded.read_bytes(workspace.index, MOST_BYTES))
        if content["of"] == _origin(workspace) and isinstance(content["entries"], dict):
            owners = [_owners(one) for one in content["owners"]]
            return Index(workspace, content["entries"], owners)
    return Index(workspace)


@contextlib.contextmanager
def without_collections() -> Iterator[None]:
    """Do without Python's search for garbage: it takes a quarter of the time in which thousands of records are made."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


NO_GIT = GitState()


def _origin(workspace: Workspace) -> list[Any]:
    """What the entries depend on beside the records."""
    return [FORMAT, VERSION, str(workspace.root), str(workspace.project), sys.executable]


def _default(item: Any) -> Any:
    return item.default if item.default is not MISSING else item.default_factory()


def _owners(entries: list[list[str]]) -> Owners:
    return tuple(Owner(*entry) for entry in entries)
