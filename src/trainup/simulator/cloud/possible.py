"""What Azure may do and no document or report confirms. Each is off, and a test switches it on:

    azure.possible.upload_needs_role = 403
    azure.possible.unread = 3

What reports do confirm is always on, and failures of single requests are in `faults.py`.
"""

import threading
from dataclasses import dataclass, field
from enum import StrEnum


class UploadAnswer(StrEnum):
    """What `startPendingUpload` returns for the upload of files."""

    SIGNED = "signed"
    """The address of a container with a signature, as in the published example."""
    NO_CREDENTIAL = "no credential"
    """The address of the container, and `credential` is null."""
    NO_SIGNATURE = "no signature"
    """The address of the container, and a credential without `sasUri`."""
    NO_ADDRESS = "no address"
    """`blobUri` and `credential` are null."""
    NOTHING = "nothing"
    """`blobReferenceForConsumption` is null."""


@dataclass
class Possible:
    """The switches."""

    upload_needs_role: int = 0
    """Status (400 or 403) that refuses `startPendingUpload` until the workspace's identity has a role on its storage;
    0 refuses nothing. A role of the service's own counts from the creation of the workspace."""

    upload_answer: UploadAnswer = UploadAnswer.SIGNED

    refuses_signatures: bool = False
    """Whether the signed address of a log or an artifact gets 403 if the storage account permits no keys."""

    refuses_busy_clusters: bool = False
    """Whether a job gets 409 while its cluster is created or changed."""

    unread: int = 0
    """How many requests do not find a new job, or a new version of an asset, after it was accepted."""

    cuts_variables: bool = False
    """Whether nodes get only the first line of an environment variable."""


@dataclass
class Unread:
    """Resources that were accepted, and are not found yet. Safe to use from several threads."""

    _left: dict[str, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, resource_id: str, requests: int) -> None:
        """Hide a resource from this many requests."""
        with self._lock:
            self._left[resource_id.lower()] = requests

    def hides(self, resource_id: str) -> bool:
        """Whether a request does not find the resource; it is counted."""
        with self._lock:
            left = self._left.get(resource_id.lower(), 0)
            self._left[resource_id.lower()] = max(left - 1, 0)
            return left > 0
