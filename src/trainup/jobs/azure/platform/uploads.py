"""Data of this machine as data assets of the workspace: named by their content, so that nothing is uploaded twice."""

import hashlib
import io
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from trainup.core.canonical import sha256
from trainup.core.input_assets import CONTENT
from trainup.jobs.azure.http.blobs import below
from trainup.jobs.azure.platform.storage import write
from trainup.jobs.azure.platform.workspace import DEFAULT_STORE, Workspace
from trainup.jobs.local import data
from trainup.jobs.target import TargetError
from trainup.jobs.transfers import Transfer, side_by_side

FOLDER = "trainup/data"
"""Folder of the workspace's datastore with a folder for each content."""
ASSET = "trainup"
"""Start of the names of the data assets."""
DIGITS = 40
"""How much of a digest names a version."""


@dataclass(frozen=True)
class UploadedAsset:
    """Where data of this machine lies in a workspace, or will lie."""

    path: Path
    """On this machine."""
    digest: str
    id: str
    """Resource id of the data asset's version."""
    kind: str
    """`uri_file`, `uri_folder` or `mltable`."""
    folder: str
    """Folder in the container of the datastore."""
    is_model: bool
    """Whether a job takes it for a model, which it reads at the address of the files."""

    @property
    def uri(self) -> str:
        """Address of the files."""
        below_folder = self.path.name if self.kind == "uri_file" else ""
        return f"azureml://datastores/{DEFAULT_STORE}/paths/{self.folder}/{below_folder}"

    @property
    def address(self) -> str:
        """What a job names."""
        return self.uri if self.is_model else self.id


def is_on_this_machine(item: Mapping[str, Any]) -> bool:
    """Whether a data input is a path on this machine, known by its content."""
    return (
        str(item.get("digest", "")).startswith(CONTENT) and os.path.isabs(item["uri"]) and os.path.exists(item["uri"])
    )


def asset_of(workspace: str, item: Mapping[str, Any]) -> UploadedAsset:
    """The asset of a data input on this machine, by its content and type."""
    path, kind = Path(item["uri"]), item.get("type", "uri_folder")
    is_model = kind.endswith("_model")
    if is_model:
        kind = "uri_file" if path.is_file() else "uri_folder"
    version = item["digest"].removeprefix(CONTENT)[:DIGITS]
    asset_id = f"{workspace}/data/{ASSET}-{kind.replace('_', '-')}/versions/{version}"
    return UploadedAsset(path, item["digest"], asset_id, kind, f"{FOLDER}/{version}", is_model)


def ensure(workspace: Workspace, asset: UploadedAsset, progress: Callable[[str], None], stop: threading.Event) -> None:
    """Upload the files and register the asset, unless it is there: it is registered when all files are.

    Raises AzureError, and TargetError where the data changed meanwhile or the storage refuses it.
    """
    client = workspace.client
    if client.find(asset.id) is not None:
        return
    files = data.files_of(asset.path)
    transfer = Transfer(f"uploading {asset.path.name}", [path.stat().st_size for _, path in files], progress)
    container, _ = workspace.datastore(DEFAULT_STORE)

    def send(file: tuple[str, Path]) -> tuple[str, str]:
        name, path = file
        address = below(container, f"{asset.folder}/{name or path.name}")
        if not path.stat().st_size:
            workspace.blobs.put(address, b"")
            return name, hashlib.sha256().hexdigest()
        with _Hashed(path, transfer.moved) as opened:
            workspace.blobs.put_file(address, cast(BinaryIO, opened))
            return name, opened.digest

    def send_all() -> dict[str, str]:
        return dict(side_by_side(send, files))

    otherwise = ", or name data that is in Azure already"
    sent = write(client, send_all, f"the upload of {asset.path}", otherwise, progress, stop)
    if CONTENT + sha256(sent) != asset.digest:
        raise TargetError(f"the data {asset.path} changed while it was uploaded: run `pulumi up` again")
    client.put(asset.id, {"properties": {"dataType": asset.kind, "dataUri": asset.uri}})


class _Hashed(io.FileIO):
    """A file that is hashed while it is sent; from the start again where a request is repeated."""

    def __init__(self, path: Path, moved: Callable[[int], None]) -> None:
        super().__init__(path, "rb")
        self._sha256 = hashlib.sha256()
        self._moved = moved

    def read(self, size: int | None = -1) -> Any:
        """The next bytes."""
        piece = super().read(-1 if size is None else size)
        self._sha256.update(piece or b"")
        self._moved(len(piece or b""))
        return piece

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move; what is sent again is hashed again."""
        if (offset, whence) == (0, os.SEEK_SET):
            self._sha256 = hashlib.sha256()
        return super().seek(offset, whence)

    @property
    def digest(self) -> str:
        """SHA-256 of what was sent last."""
        return self._sha256.hexdigest()
