"""Blobs of all storage accounts: properties in memory, content in files."""

import base64
import hashlib
import shutil
import tempfile
import threading
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import BufferedReader
from pathlib import Path

SERVICE_ACCOUNT = "acrbuilds"
"""The storage account of the registries' build service: in no subscription, and accessible only by signature."""


@dataclass
class Blob:
    """One blob."""

    path: Path
    """The file with its content."""

    md5: str | None = None
    """MD5 in base64; None while the content is still growing."""

    content_type: str = "application/octet-stream"
    metadata: dict[str, str] = field(default_factory=dict)
    modified: datetime = field(default_factory=lambda: datetime.now(UTC))
    etag: str = field(default_factory=lambda: f'"0x{uuid.uuid4().hex[:15].upper()}"')

    kind: str = "BlockBlob"

    @property
    def size(self) -> int:
        """Current size in bytes."""
        return self.path.stat().st_size


class Storage:
    """Accounts, containers and blobs. The first blob creates its container. Safe to use from several threads."""

    def __init__(self, folder: Path | None = None) -> None:
        self._lock = threading.RLock()
        self._blobs: dict[tuple[str, str], dict[str, Blob]] = {}
        self._blocks: dict[tuple[str, str, str], dict[str, Path]] = {}
        self._folder = folder
        self._temporary: tempfile.TemporaryDirectory[str] | None = None

    @property
    def folder(self) -> Path:
        """The folder with the content."""
        with self._lock:
            if self._folder is None:
                self._temporary = tempfile.TemporaryDirectory(prefix="trainup-storage-")
                self._folder = Path(self._temporary.name)
            self._folder.mkdir(parents=True, exist_ok=True)
            return self._folder

    def get(self, account: str, container: str, name: str) -> Blob | None:
        """A blob; None when there is no such blob."""
        with self._lock:
            blob = self._blobs.get((account, container), {}).get(name)
            return blob if blob and blob.path.exists() else None

    def put(self, account: str, container: str, name: str, data: bytes | Path, **facts: object) -> Blob:
        """Create or replace a blob from bytes or from a copy of a file.

        The old content stays on disk until the storage is closed, because somebody may be reading it.
        """
        path = self._new_file()
        if isinstance(data, Path):
            shutil.copyfile(data, path)
        else:
            path.write_bytes(data)
        with path.open("rb") as file:
            return self._set(account, container, name, Blob(path, md5_of(file), **facts))  # type: ignore[arg-type]

    def follow(self, account: str, container: str, name: str, path: Path) -> Blob:
        """A blob with the content of a growing file, such as a log; it exists as soon as the file does."""
        return self._set(account, container, name, Blob(path, content_type="text/plain", kind="AppendBlob"))

    def stage(self, account: str, container: str, name: str, block: str, data: bytes) -> None:
        """Store a block until its block list is committed."""
        path = self._new_file()
        path.write_bytes(data)
        with self._lock:
            self._blocks.setdefault((account, container, name), {})[block] = path

    def commit(self, account: str, container: str, name: str, blocks: list[str], **facts: object) -> Blob | None:
        """Create a blob from staged blocks; None when a block is missing."""
        with self._lock:
            staged = self._blocks.get((account, container, name), {})
            if any(block not in staged for block in blocks):
                return None
            path = self._new_file()
            with path.open("wb") as target:
                for block in blocks:
                    with staged[block].open("rb") as part:
                        shutil.copyfileobj(part, target)
            for part_path in staged.values():
                part_path.unlink()
            self._blocks.pop((account, container, name), None)
        with path.open("rb") as file:
            return self._set(account, container, name, Blob(path, md5_of(file), **facts))  # type: ignore[arg-type]

    def delete(self, account: str, container: str, name: str) -> bool:
        """Remove a blob; False when it did not exist."""
        with self._lock:
            return self._blobs.get((account, container), {}).pop(name, None) is not None

    def create(self, account: str, container: str) -> bool:
        """Create a container; False when it exists."""
        with self._lock:
            new = (account, container) not in self._blobs
            self._blobs.setdefault((account, container), {})
            return new

    def has(self, account: str, container: str) -> bool:
        """Whether a container exists."""
        with self._lock:
            return (account, container) in self._blobs

    def list(self, account: str, container: str, prefix: str = "") -> list[tuple[str, Blob]]:
        """The names and blobs of a container with a prefix, sorted by name."""
        with self._lock:
            blobs = self._blobs.get((account, container), {})
            names = sorted(name for name, blob in blobs.items() if name.startswith(prefix) and blob.path.exists())
            return [(name, blobs[name]) for name in names]

    def containers(self, account: str) -> Iterator[str]:
        """Names of an account's containers."""
        with self._lock:
            yield from sorted(container for owner, container in self._blobs if owner == account)

    def describe(self, blob: Blob, metadata: Mapping[str, str]) -> None:
        """Replace a blob's metadata."""
        with self._lock:
            blob.metadata = dict(metadata)
            blob.modified = datetime.now(UTC)

    def close(self) -> None:
        """Remove the content, unless the caller chose the folder."""
        if self._temporary is not None:
            self._temporary.cleanup()

    def _new_file(self) -> Path:
        return self.folder / uuid.uuid4().hex

    def _set(self, account: str, container: str, name: str, blob: Blob) -> Blob:
        with self._lock:
            self._blobs.setdefault((account, container), {})[name] = blob
        return blob


def md5_of(file: BufferedReader) -> str:
    """MD5 of a file in base64, as in the header Content-MD5."""
    return base64.b64encode(hashlib.file_digest(file, "md5").digest()).decode()
