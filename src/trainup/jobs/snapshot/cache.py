"""A cache of file digests and likely secrets, valid while the files do not change."""

import json
import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from trainup.core.likely_secrets import rules
from trainup.jobs.snapshot.saving import load_json, save_text

VERSION = 2
GRANULARITY_NS = 2_000_000_000
"""The coarsest time stamps of a file system in use (FAT's two seconds)."""

Key = tuple[int, int, int, int]


@dataclass(frozen=True)
class FileFacts:
    """The result of reading one file."""

    sha256: str
    secrets: tuple[tuple[int, str], ...]
    """Likely secrets: line number and kind; never the secret."""


class StatCache:
    """Results by path, valid while size, times and inode of the file are the same.

    It is a cache: a file that is damaged, of another version or of other rules for secrets counts as empty, and `save`
    replaces it. Threads may share one.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._entries: dict[str, tuple[Key, FileFacts]] = {}
        self._changed = False
        self._lock = threading.Lock()

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read the cache at `path`; a missing one is empty."""
        cache = cls(path)
        try:
            content = load_json(path)
            if (content["version"], content["rules"]) == (VERSION, rules()):
                cache._entries = {name: _parse(entry) for name, entry in content["files"].items()}
        except (ValueError, TypeError, LookupError, AttributeError):
            pass
        return cache

    def get(self, location: str, status: os.stat_result) -> FileFacts | None:
        """The entry of the file; None if there is none, or if the file changed since it was read."""
        key, facts = self._entries.get(location, (None, None))
        return facts if key == _key(status) else None

    def put(self, location: str, status: os.stat_result, facts: FileFacts, *, read_at_ns: int) -> None:
        """Add a file that was read from `read_at_ns` on, if every later change will show in its time stamps.

        A file written to just before it was read can change again within the same tick of the file system's clock,
        and keep its time stamps: such files are read again next time.
        """
        with self._lock:
            self._changed = True
            if max(status.st_mtime_ns, status.st_ctime_ns) + GRANULARITY_NS < read_at_ns:
                self._entries[location] = (_key(status), facts)
            else:
                self._entries.pop(location, None)

    def save(self) -> None:
        """Write the cache back, less the files that are gone; an unchanged one is left alone."""
        with self._lock:
            if not self._changed:
                return
            entries = {name: entry for name, entry in self._entries.items() if os.path.lexists(name)}
            files = {name: [*key, facts.sha256, facts.secrets] for name, (key, facts) in sorted(entries.items())}
            content = json.dumps({"version": VERSION, "rules": rules(), "files": files}, separators=(",", ":"))
            save_text(self._path, content)
            self._changed = False


def _key(status: os.stat_result) -> Key:
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


def _parse(entry: list[Any]) -> tuple[Key, FileFacts]:
    size, modified, changed, inode, sha256, secrets = entry
    if not isinstance(sha256, str):
        raise ValueError("not an entry")
    return (size, modified, changed, inode), FileFacts(sha256, tuple((int(line), str(kind)) for line, kind in secrets))
