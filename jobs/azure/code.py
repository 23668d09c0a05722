"""A run's source folder as code in Azure ML: uploaded once for equal content, whoever did it."""

import hashlib
import os
import threading
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from trainup.jobs import snapshot
from trainup.jobs.azure.blobs import Blobs, below, without_query
from trainup.jobs.azure.client import AzureClient, AzureError
from trainup.jobs.azure.roles import patiently
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


def code_id(workspace: str, tree: str) -> str:
    """The id under which trainup registers code of this hash: two who upload it at once agree on it."""
    return f"{workspace}/codes/{uuid.uuid5(_NAMESPACE, tree)}/versions/1"


def find(client: AzureClient, workspace: str, tree: str) -> str | None:
    """The id of code with this hash, whoever uploaded it; None where there is none."""
    # Azure ML looks through all code, whatever the name in the address.
    address = f"{workspace}/codes/{uuid.uuid5(_NAMESPACE, tree)}/versions"
    for found in client.pages(address, hash=tree, hashVersion=VERSION):
        return str(found["id"])
    return None


def ensure(
    client: AzureClient,
    workspace: str,
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
    if found := find(client, workspace, tree):
        return found
    wanted = code_id(workspace, tree)
    try:
        place = client.post(f"{wanted}/startPendingUpload", {"pendingUploadType": "TemporaryBlobReference"})
    except AzureError as error:
        return _made_meanwhile(client, wanted, tree, error)
    container = str(place["blobReferenceForConsumption"]["credential"]["sasUri"])
    _upload(client, container, source, digest, manifest, progress, stop)
    body = {
        "codeUri": without_query(below(container, FOLDER)),
        "isAnonymous": True,
        "properties": {"hash_sha256": tree, "hash_version": VERSION},
    }
    try:
        return str(client.put(wanted, {"properties": body}).get("id") or wanted)
    except AzureError as error:
        return _made_meanwhile(client, wanted, tree, error)


def _made_meanwhile(client: AzureClient, wanted: str, tree: str, error: AzureError) -> str:
    """Somebody else may have registered the same code since we looked."""
    found = client.find(wanted) if error.status in (400, 409, 412) else None
    if found and (found["properties"].get("properties") or {}).get("hash_sha256") == tree:
        return wanted
    raise error


def _upload(
    client: AzureClient,
    container: str,
    source: Path,
    digest: str,
    manifest: Mapping[str, str],
    progress: Callable[[str], None],
    stop: threading.Event,
) -> None:
    files = snapshot.files(source)
    blobs = Blobs(client)
    progress(f"uploading {len(files):,} files, {sum(file.status.st_size for file in files) / 1024**2:,.1f} MB")

    def send(file: Found) -> tuple[str, str]:
        data = Path(file.location).read_bytes()
        blobs.put(below(container, f"{FOLDER}/{file.path}"), data)
        return file.path, entry(hashlib.sha256(data).hexdigest(), len(data))

    try:
        # The first one alone: until it is taken, the others need not be tried.
        role = "the role on the workspace's storage"
        first = patiently(client, lambda: send(files[0]), NO_STORAGE, role, progress, stop)
        with ThreadPoolExecutor(min(AT_ONCE, 4 * (os.cpu_count() or 1))) as pool:
            sent = dict([first, *pool.map(send, files[1:])])
        # Only now does anything call the upload complete: what a crash left behind is never taken for it.
        snapshot.verify(source, sent, expected_digest=digest, manifest=manifest)
        marks: dict[str, Any] = {"upload_status": "completed", "name": digest[:12], "version": "1"}
        blobs.put_metadata(below(container, f"{FOLDER}/{files[0].path}"), marks)
    except AzureError as error:
        if error.code not in NO_STORAGE:
            raise
        raise TargetError(
            f"the workspace's storage takes no code from here ({error}): ask for the role Storage Blob Data "
            "Contributor on it, or put the code into the image and leave `source` out"
        ) from error
