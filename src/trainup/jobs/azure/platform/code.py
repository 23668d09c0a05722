"""Registers a run's source folder as a code asset in Azure ML; equal content is uploaded once."""

import hashlib
import threading
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from trainup.core.retry import Result
from trainup.jobs import snapshot
from trainup.jobs.azure.http.blobs import Blobs, below, without_query
from trainup.jobs.azure.http.client import AzureClient, AzureError, Read, Start
from trainup.jobs.azure.http.roles import wait_for_role
from trainup.jobs.azure.platform.storage import ROLE, write
from trainup.jobs.azure.platform.workspace import DEFAULT_STORE, Workspace
from trainup.jobs.snapshot.reading import entry
from trainup.jobs.snapshot.selection import SelectedFile
from trainup.jobs.snapshot.tree_hash import VERSION, TreeHashes, tree_hash
from trainup.jobs.target import TargetError
from trainup.jobs.transfers import Transfer, side_by_side

FOLDER = "code"
UPLOAD = {"pendingUploadType": "TemporaryBlobReference"}
"""The body with which an upload starts."""
_NAMESPACE = uuid.UUID("2f1b6a52-6f0e-5a51-8b43-5a3f5e1f6d10")


def code_id(workspace: str, tree: str) -> str:
    """The id of the code asset with this hash, derived from it so that concurrent uploads use the same id."""
    return f"{workspace}/codes/{uuid.uuid5(_NAMESPACE, tree)}/versions/1"


def find(client: AzureClient, workspace: str, tree: str) -> str | None:
    """The id of a code asset with this hash, whoever uploaded it; None if there is none. Raises AzureError."""
    address, query = read(workspace, tree)
    for version in client.pages(address, **query):
        return str(version["id"])
    return None


def read(workspace: str, tree: str) -> Read:
    """The request for code assets with this hash."""
    # Azure ML searches all code assets, regardless of the name in the address.
    return f"{workspace}/codes/{uuid.uuid5(_NAMESPACE, tree)}/versions", {"hash": tree, "hashVersion": VERSION}


def upload_start(version_id: str) -> Start:
    """The request with which an upload starts; one that nothing is uploaded for leaves no code asset."""
    return f"{version_id}/startPendingUpload", UPLOAD


def ensure(
    workspace: Workspace,
    source: Path,
    *,
    digest: str,
    manifest: Mapping[str, str],
    hashes: TreeHashes,
    progress: Callable[[str], None],
    stop: threading.Event,
) -> str:
    """The id of the code asset for a snapshot with this digest, which is uploaded if the workspace does not have it.

    Raises SnapshotError if the folder no longer matches the snapshot, AzureError, and TargetError.
    """
    tree = hashes.get(digest)
    if tree is None:
        tree, entries = tree_hash(snapshot.files(source))
        snapshot.verify(source, entries, expected_digest=digest, manifest=manifest)
        hashes.put(digest, tree)
        hashes.save()
    existing_id = find(workspace.client, workspace.id, tree)
    version_id = existing_id or _register(workspace, source, tree, digest, manifest, progress, stop)
    hashes.known(workspace.id, tree)
    return version_id


def _register(
    workspace: Workspace,
    source: Path,
    tree: str,
    digest: str,
    manifest: Mapping[str, str],
    progress: Callable[[str], None],
    stop: threading.Event,
) -> str:
    """The id of a new code asset with the files of a folder."""
    client, version_id = workspace.client, code_id(workspace.id, tree)
    pending = _start(client, version_id, tree, progress, stop)
    if pending is None:
        return version_id
    container, blobs = _container(workspace, version_id, pending)
    _upload(client, blobs, container, source, digest, manifest, progress, stop)
    body = {
        "codeUri": without_query(below(container, FOLDER)),
        "isAnonymous": True,
        "properties": {"hash_sha256": tree, "hash_version": VERSION},
    }
    try:
        return str(client.put(version_id, {"properties": body}).get("id") or version_id)
    except AzureError as error:
        if not _is_registered(client, version_id, tree, error):
            raise
        return version_id


def _start(
    client: AzureClient, version_id: str, tree: str, progress: Callable[[str], None], stop: threading.Event
) -> dict[str, Any] | None:
    """The answer to the start of an upload; None if the same code asset was registered concurrently."""

    def start() -> dict[str, Any] | None:
        try:
            return client.post(*upload_start(version_id))
        except AzureError as error:
            if not _is_registered(client, version_id, tree, error):
                raise
            return None

    def may_lack_role(error: AzureError) -> bool:
        # The workspace's identity makes the container. How its refusal is passed on is not documented.
        return error.status in (400, 403)

    try:
        return wait_for_role(client, start, may_lack_role, ROLE, progress, stop)
    except AzureError as error:
        if error.status not in (400, 403):
            raise
        raise TargetError(
            f"the workspace cannot begin an upload of code ({error}): its own identity needs the role Storage Blob "
            "Data Contributor on its storage, and whoever submits the role AzureML Data Scientist on the workspace; or "
            "put the code into the image and leave `source` out"
        ) from error


def _container(workspace: Workspace, version_id: str, pending: Mapping[str, Any]) -> tuple[str, Blobs]:
    """The container URL for the files, and the client to upload them.

    Without a signature, they go into the default datastore with the caller's own token, as with the official client.
    """
    reference = pending.get("blobReferenceForConsumption") or {}
    if signed := (reference.get("credential") or {}).get("sasUri"):
        return str(signed), Blobs(workspace.client)
    container, _ = workspace.datastore(DEFAULT_STORE)
    return below(container, f"trainup/{version_id.split('/')[-3]}"), workspace.blobs


def _is_registered(client: AzureClient, version_id: str, tree: str, error: AzureError) -> bool:
    """Whether an error is due to the same code asset, which was registered concurrently."""
    version = client.find(version_id) if error.status in (400, 409, 412) else None
    return version is not None and (version["properties"].get("properties") or {}).get("hash_sha256") == tree


def _upload(
    client: AzureClient,
    blobs: Blobs,
    container: str,
    source: Path,
    digest: str,
    manifest: Mapping[str, str],
    progress: Callable[[str], None],
    stop: threading.Event,
) -> None:
    files = snapshot.files(source)
    transfer = Transfer("uploading the code", [file.status.st_size for file in files], progress)

    def put(file: SelectedFile, data: bytes, metadata: Mapping[str, str] | None = None) -> None:
        blobs.put(below(container, f"{FOLDER}/{file.path}"), data, metadata)

    def send(file: SelectedFile) -> tuple[str, str]:
        data = Path(file.location).read_bytes()
        put(file, data)
        transfer.moved(len(data))
        return file.path, _entry(data)

    def send_all(files: list[SelectedFile]) -> dict[str, str]:
        return dict(side_by_side(send, files))

    def patient(action: Callable[[], Result]) -> Result:
        otherwise = ", or put the code into the image and leave `source` out"
        return write(client, action, "the upload of code", otherwise, progress, stop)

    first, *others = files
    sent = patient(lambda: send_all(others))
    data = Path(first.location).read_bytes()
    snapshot.verify(source, {**sent, first.path: _entry(data)}, expected_digest=digest, manifest=manifest)
    # The first file is sent last, with the mark that the upload is complete, which a crash never leaves.
    marks = {"upload_status": "completed", "name": digest[:12], "version": "1"}
    patient(lambda: put(first, data, marks))


def _entry(data: bytes) -> str:
    return entry(hashlib.sha256(data).hexdigest(), len(data))
