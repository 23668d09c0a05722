"""A run's source folder as code in Azure ML: uploaded once for equal content, whoever did it."""

import hashlib
import os
import threading
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from trainup.core.retry import Result
from trainup.jobs import snapshot
from trainup.jobs.azure.http.blobs import Blobs, below, without_query
from trainup.jobs.azure.http.client import AzureClient, AzureError, Read
from trainup.jobs.azure.http.roles import patiently
from trainup.jobs.azure.platform.workspace import DEFAULT_STORE, Workspace
from trainup.jobs.snapshot.reading import entry
from trainup.jobs.snapshot.selection import Found
from trainup.jobs.snapshot.tree_hash import VERSION, TreeHashes, tree_hash
from trainup.jobs.target import TargetError

FOLDER = "code"
AT_ONCE = 16
_NAMESPACE = uuid.UUID("2f1b6a52-6f0e-5a51-8b43-5a3f5e1f6d10")
NO_STORAGE = frozenset(
    {"KeyBasedAuthenticationNotPermitted", "AuthorizationPermissionMismatch", "AuthorizationFailure"}
)

NO_START = NO_STORAGE | {"AuthorizationFailed", "Forbidden", "PermissionDenied"}
"""How the service refuses to begin an upload while its own identity, or ours, still waits for a role."""
ROLE = "the role on the workspace's storage"


def code_id(workspace: str, tree: str) -> str:
    """The id under which trainup registers code of this hash: two who upload it at once agree on it."""
    return f"{workspace}/codes/{uuid.uuid5(_NAMESPACE, tree)}/versions/1"


def find(client: AzureClient, workspace: str, tree: str) -> str | None:
    """The id of code with this hash, whoever uploaded it; None where there is none."""
    address, query = read(workspace, tree)
    for found in client.pages(address, **query):
        return str(found["id"])
    return None


def read(workspace: str, tree: str) -> Read:
    """The question for code with this hash."""
    # Azure ML looks through all code, whatever the name in the address.
    return f"{workspace}/codes/{uuid.uuid5(_NAMESPACE, tree)}/versions", {"hash": tree, "hashVersion": VERSION}


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
    """The id of the code whose snapshot has this digest, uploaded if the workspace does not have it.

    Raises SnapshotError when the folder is no longer what the snapshot says, AzureError.
    """
    tree = hashes.get(digest)
    if tree is None:
        tree, entries = tree_hash(snapshot.files(source))
        snapshot.verify(source, entries, expected_digest=digest, manifest=manifest)
        hashes.put(digest, tree)
        hashes.save()
    client = workspace.client
    if found := find(client, workspace.id, tree):
        return found
    wanted = code_id(workspace.id, tree)

    def start() -> dict[str, Any]:
        return client.post(f"{wanted}/startPendingUpload", {"pendingUploadType": "TemporaryBlobReference"})

    try:
        pending = patiently(client, start, NO_START, ROLE, progress, stop)
    except AzureError as error:
        return _made_meanwhile(client, wanted, tree, error)
    container, blobs = _container(workspace, wanted, pending)
    _upload(client, blobs, container, source, digest, manifest, progress, stop)
    body = {
        "codeUri": without_query(below(container, FOLDER)),
        "isAnonymous": True,
        "properties": {"hash_sha256": tree, "hash_version": VERSION},
    }
    try:
        return str(client.put(wanted, {"properties": body}).get("id") or wanted)
    except AzureError as error:
        return _made_meanwhile(client, wanted, tree, error)


def _container(workspace: Workspace, wanted: str, pending: Mapping[str, Any]) -> tuple[str, Blobs]:
    """Where the files go, and what writes them there: by the signature in the address, or else by token.

    A workspace that is used without keys may answer without a signature, and even without an address.
    """
    reference = pending.get("blobReferenceForConsumption") or {}
    if signed := (reference.get("credential") or {}).get("sasUri"):
        return str(signed), Blobs(workspace.client)
    if address := reference.get("blobUri"):
        return str(address), workspace.blobs
    container, _ = workspace.datastore(DEFAULT_STORE)
    return below(container, f"trainup/{wanted.split('/')[-3]}"), workspace.blobs


def _made_meanwhile(client: AzureClient, wanted: str, tree: str, error: AzureError) -> str:
    """Somebody else may have registered the same code since we looked."""
    found = client.find(wanted) if error.status in (400, 409, 412) else None
    if found and (found["properties"].get("properties") or {}).get("hash_sha256") == tree:
        return wanted
    raise error


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
    progress(f"uploading {len(files):,} files, {sum(file.status.st_size for file in files) / 1024**2:,.1f} MB")

    def put(file: Found, data: bytes, metadata: Mapping[str, str] | None = None) -> None:
        blobs.put(below(container, f"{FOLDER}/{file.path}"), data, metadata)

    def send(file: Found) -> tuple[str, str]:
        data = Path(file.location).read_bytes()
        put(file, data)
        return file.path, _entry(data)

    def send_all(files: list[Found]) -> dict[str, str]:
        with ThreadPoolExecutor(min(AT_ONCE, 4 * (os.cpu_count() or 1))) as pool:
            return dict(pool.map(send, files))  # one that is refused is the last that is tried

    def patient(action: Callable[[], Result]) -> Result:
        return patiently(client, action, NO_STORAGE, ROLE, progress, stop)

    try:
        first, *others = files
        sent = patient(lambda: send_all(others))
        data = Path(first.location).read_bytes()
        snapshot.verify(source, {**sent, first.path: _entry(data)}, expected_digest=digest, manifest=manifest)
        # Only this calls the upload complete: what a crash left behind is never taken for it.
        marks = {"upload_status": "completed", "name": digest[:12], "version": "1"}
        patient(lambda: put(first, data, marks))
    except AzureError as error:
        if error.code not in NO_STORAGE:
            raise
        raise TargetError(
            f"the workspace's storage takes no code from here ({error}): ask for the role Storage Blob Data "
            "Contributor on it, or put the code into the image and leave `source` out"
        ) from error


def _entry(data: bytes) -> str:
    return entry(hashlib.sha256(data).hexdigest(), len(data))
