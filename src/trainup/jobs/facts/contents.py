"""Contents of snapshots that are at hand: the source folder now, and the code that a target keeps of an attempt."""

import base64
import hashlib
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from trainup.core import canonical
from trainup.jobs.snapshot.reading import entry
from trainup.jobs.snapshot.selection import SelectedFile
from trainup.jobs.target import File

MOST_BYTES = 20 * 1024**2
"""Of the code of a former attempt, which may have to be downloaded; what is beyond is not at hand."""
MOST_SECONDS = 10.0
BY_MD5 = "md5 "
"""Start of the entry of a file that is known by its MD5 in base64."""


class SourceContents:
    """The files of a source folder, as `snapshot.files` selects them."""

    def __init__(self, files: Sequence[SelectedFile]) -> None:
        self._files = {file.path: Path(file.location) for file in files}

    def read(self, path: str, expected: str) -> bytes | None:
        """The content of a file with this entry in the manifest; None where it is not at hand."""
        file = self._files.get(path)
        try:
            return _checked(file.read_bytes(), expected) if file else None
        except OSError:  # removed or locked since the preview read it
            return None

    def below(self, folder: str, expected: str) -> Mapping[str, str] | None:
        """Path → entry of the files in a folder (`data/`) that is one entry in the manifest; None as for `read`."""
        return _unfolded(folder, expected, {path: self._entry(path) for path in self._files if path.startswith(folder)})

    def _entry(self, path: str) -> str:
        try:
            return entry_of(self._files[path].read_bytes())
        except OSError:
            return ""


class RecordedContents:
    """The code of an attempt as its target keeps it, read within limits of bytes and time."""

    def __init__(self, files: Sequence[File]) -> None:
        self._files = {file.path: file for file in files}
        self._bytes_left, self._until = MOST_BYTES, time.monotonic() + MOST_SECONDS
        self._read: dict[str, bytes | None] = {}
        self.is_limited = False
        """Whether something was not read because of the limits."""

    def read(self, path: str, expected: str) -> bytes | None:
        """As `SourceContents.read`. Raises TargetError where the target refuses."""
        data = self._data(path)
        return None if data is None else _checked(data, expected)

    def below(self, folder: str, expected: str) -> Mapping[str, str] | None:
        """As `SourceContents.below`. Raises TargetError."""
        entries = {}
        for path in self._files:
            if path.startswith(folder):
                data = self._data(path)
                if data is None:
                    return None
                entries[path] = entry_of(data)
        return _unfolded(folder, expected, entries)

    def _data(self, path: str) -> bytes | None:
        if path not in self._read:
            self._read[path] = self._fetched(self._files.get(path))
        return self._read[path]

    def _fetched(self, file: File | None) -> bytes | None:
        if file is None:
            return None
        if file.size > self._bytes_left or time.monotonic() > self._until:
            self.is_limited = True
            return None
        self._bytes_left -= file.size
        return b"".join(file.pieces())


def entry_of(data: bytes) -> str:
    """The entry of a content in a manifest."""
    return entry(hashlib.sha256(data).hexdigest(), len(data))


def _checked(data: bytes, expected: str) -> bytes | None:
    """The data if it is what the manifest says: a run may have written into its folder, somebody may edit now."""
    if expected.startswith(BY_MD5):
        digest = base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()
        return data if expected == f"{BY_MD5}{digest}:{len(data)}" else None
    return data if entry_of(data) == expected else None


def _unfolded(folder: str, expected: str, entries: Mapping[str, str]) -> Mapping[str, str] | None:
    inside = {path.removeprefix(folder): one for path, one in entries.items()}
    return entries if canonical.sha256(inside) == expected.partition(":")[0] else None
