"""The files in which Pulumi keeps the state of stacks, where the backend is a folder."""

import base64
import contextlib
import gzip
import hashlib
import json
import os
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from trainup.toolchain import stack_files

SALT = re.compile(rb'"salt":\s*"([^"]+)"')


@dataclass(frozen=True)
class StateLocation:
    """Where the state of one stack lies, in a backend that is a folder."""

    root: Path
    project: str
    stack: str

    @property
    def state(self) -> Path | None:
        """The file with the stack's state, if the stack exists."""
        folder = self.root / ".pulumi" / "stacks" / self.project
        files = (folder / f"{self.stack}.json", folder / f"{self.stack}.json.gz")
        return next((file for file in files if file.exists()), None)

    @property
    def salt(self) -> str | None:
        """The salt of the passphrase that encrypts secrets in the state; None where none does."""
        match = SALT.search(read(self.state)) if self.state else None
        return match[1].decode() if match else None

    def files(self) -> Iterator[Path]:
        """All files with a state of the stack: backups and history first, the current state last."""
        top = self.root / ".pulumi"
        for kind in ("backups", "history"):
            yield from (top / kind / self.project / self.stack).glob("*")
        yield from sorted((top / "stacks" / self.project).glob(f"{self.stack}.json*"), reverse=True)

    @property
    def locks(self) -> list[Path]:
        """The lock files of commands that work on the stack."""
        return list(self.lock_folder.glob("*.json"))

    @property
    def lock_folder(self) -> Path:
        """The folder of the lock files."""
        return self.root / ".pulumi" / "locks" / "organization" / self.project / self.stack


def locate(backend: str, project: str, stack: str) -> StateLocation | None:
    """Where the state of a stack lies in a backend; None where the backend is no folder."""
    if not backend.startswith("file://"):
        return None
    root = Path(unquote(urlsplit(backend).netloc + urlsplit(backend).path)).expanduser()
    return StateLocation(root, project, stack.rpartition("/")[2])


def read(file: Path) -> bytes:
    """The content of a file, decompressed; empty where it cannot be read: Pulumi reports that better."""
    try:
        content = file.read_bytes()
        return gzip.decompress(content) if file.suffix == ".gz" else content
    except (OSError, EOFError, ValueError, zlib.error):
        return b""


def write(file: Path, text: str) -> None:
    """Replace a file's text, and update the checksum in the `.attrs` file beside it."""
    content = text.encode(errors="surrogateescape")
    content = gzip.compress(content) if file.suffix == ".gz" else content
    attributes_file = file.with_name(f"{file.name}.attrs")
    with contextlib.suppress(OSError, ValueError):
        attributes = json.loads(attributes_file.read_text())
        attributes["md5"] = base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()
        stack_files.write(attributes_file, json.dumps(attributes), 0o600)
    stack_files.write(file, content, 0o600)


def close(root: Path) -> None:
    """Restrict an existing backend folder of ours to the user. Files made later are private from the start."""
    if not root.is_dir() or not root.stat().st_mode & 0o077:
        return
    for folder, _, files in os.walk(root):
        for name in files:
            with contextlib.suppress(FileNotFoundError):
                os.chmod(Path(folder, name), 0o600)
        os.chmod(folder, 0o700)
    root.chmod(0o700)
