"""The hash by which Azure ML knows code, so that what any client has uploaded is found again."""

import hashlib
import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from trainup.jobs.snapshot.reading import BLOCK_BYTES, entry
from trainup.jobs.snapshot.selection import Found

VERSION = "202208"
"""Of the recipe, as Azure ML counts it."""
MOST_KEPT = 200


def tree_hash(files: Sequence[Found]) -> tuple[str, dict[str, str]]:
    """(hash, path → snapshot entry), both over the same bytes. Raises OSError.

    SHA-256 over the number of files; then, in the order of the lower-cased paths, `#path#` and the size of each; then
    the contents in that order (azure-ai-ml, `_get_file_list_content_hash`).
    """
    ordered = sorted(files, key=lambda file: file.path.lower())
    whole = hashlib.sha256(str(len(ordered)).encode())
    sizes = {file.path: os.stat(file.location).st_size for file in ordered}
    for path, size in sizes.items():
        whole.update(f"#{path}#{size}".encode())
    entries = {}
    for file in ordered:
        own, size = hashlib.sha256(), 0
        with open(file.location, "rb") as content:
            while block := content.read(BLOCK_BYTES):
                whole.update(block)
                own.update(block)
                size += len(block)
        # What has grown since its size was asked for is no part of any snapshot.
        entries[file.path] = entry(own.hexdigest(), size) if size == sizes[file.path] else "changed"
    return whole.hexdigest(), entries


class TreeHashes:
    """Snapshot digest → Azure ML's hash, kept in a file: the one decides the other, so an unchanged tree is not read.

    It is a cache: a damaged file counts as empty.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path

    def get(self, digest: str) -> str | None:
        """What is known of a snapshot."""
        return self._all().get(digest)

    def put(self, digest: str, value: str) -> None:
        """Remember it."""
        if self._path is None:
            return
        kept = {**self._all(), digest: value}
        text = json.dumps({"version": 1, "hashes": dict(list(kept.items())[-MOST_KEPT:])}, indent=1)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=self._path.parent, prefix=f".{self._path.name}.")
        with open(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(temporary, self._path)

    def _all(self) -> dict[str, str]:
        if self._path is None:
            return {}
        try:
            found = json.loads(self._path.read_bytes())
            return {str(key): str(value) for key, value in found["hashes"].items()} if found["version"] == 1 else {}
        except (OSError, ValueError, LookupError, TypeError, AttributeError):
            return {}
