"""Azure ML's hash of code, by which code that any client has uploaded is recognised."""

import hashlib
import json
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from trainup.jobs.snapshot import reading
from trainup.jobs.snapshot.saving import load_json, save_text
from trainup.jobs.snapshot.selection import SelectedFile

VERSION = "202208"
"""Of the recipe, as Azure ML counts it."""
MOST_HASHES = 200


class Tree:
    """The hash of files, computed while they are read.

    SHA-256 over the number of files; then, in the order of the lower-cased paths, `#path#` and the size of each; then
    the contents in that order (azure-ai-ml, `_get_file_list_content_hash`).
    """

    def __init__(self, files: Sequence[SelectedFile]) -> None:
        self.files = sorted(files, key=lambda file: file.path.lower())
        """In the order in which `update` has to get their contents."""
        self._hash = hashlib.sha256(str(len(self.files)).encode())
        for file in self.files:
            self._hash.update(f"#{file.path}#{file.status.st_size}".encode())
        self.update = self._hash.update
        self.hexdigest = self._hash.hexdigest

    def misfits(self, entries: Mapping[str, str]) -> list[str]:
        """Paths whose size, by what was read (path → snapshot entry), is not the one that is in the hash."""
        sizes = {file.path: file.status.st_size for file in self.files}
        return [path for path, entry in entries.items() if int(entry.rpartition(":")[2]) != sizes[path]]


def tree_hash(files: Sequence[SelectedFile]) -> tuple[str, dict[str, str]]:
    """(hash, path → snapshot entry), both over the same bytes. Raises OSError."""
    tree = Tree(files)
    entries = {}
    for file, result in zip(tree.files, reading.in_turn(tree.files, reading.digest, tree.update), strict=True):
        if isinstance(result, OSError):
            raise result
        entries[file.path] = result
    # A file that grew after its size was read is part of no snapshot.
    return tree.hexdigest(), {**entries, **dict.fromkeys(tree.misfits(entries), "changed")}


class TreeHashes:
    """Snapshot digest → Azure ML's hash, so that an unchanged tree is not read again, and which workspace has which.

    New ones are kept in memory until `save` writes them into the file, if there is one. It is a cache: a damaged file
    counts as empty. Threads may share one.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._new: dict[str, str] = {}
        self._lock = threading.Lock()

    def get(self, digest: str) -> str | None:
        """The hash of a snapshot, or None."""
        return self._new.get(digest) or self._saved("hashes").get(digest)

    def put(self, digest: str, value: str) -> None:
        """Remember it."""
        with self._lock:
            self._new[digest] = value

    def save(self) -> None:
        """Write what is new into the file."""
        with self._lock:
            if self._new and self._path is not None:
                self._write(self._new, {})
                self._new.clear()

    def is_known(self, workspace: str, tree: str) -> bool:
        """Whether this machine has seen a workspace to have the code with this hash. It may have been deleted since."""
        return _held(workspace, tree) in self._saved("held")

    def known(self, workspace: str, tree: str) -> None:
        """Remember that a workspace has the code with this hash, in the file at once."""
        with self._lock:
            if not self.is_known(workspace, tree):
                self._write({}, {_held(workspace, tree): tree})

    def _write(self, hashes: Mapping[str, str], held: Mapping[str, str]) -> None:
        if self._path is None:
            return
        both = {"hashes": {**self._saved("hashes"), **hashes}, "held": {**self._saved("held"), **held}}
        newest = {name: dict(list(items.items())[-MOST_HASHES:]) for name, items in both.items()}
        save_text(self._path, json.dumps({"version": 1, **newest}, indent=1))

    def _saved(self, part: str) -> dict[str, str]:
        if self._path is None:
            return {}
        try:
            content = load_json(self._path)
            items = content.get(part, {}) if content["version"] == 1 else {}
            return {str(key): str(value) for key, value in items.items()}
        except (LookupError, TypeError, AttributeError):
            return {}


def _held(workspace: str, tree: str) -> str:
    """A short name for both."""
    return hashlib.sha256(f"{workspace.lower()} {tree}".encode()).hexdigest()[:24]
