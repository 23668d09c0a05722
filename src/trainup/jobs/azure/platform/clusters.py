"""Reads the status of clusters, and deletes them."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trainup.core.clusters import ClusterStatus, cluster_status
from trainup.jobs.azure.http.client import AzureClient, AzureError
from trainup.jobs.target import TargetError

DELETE = "Delete"
"""The machines of a deleted cluster are deleted as well; `Detach` would keep them for a cluster of the same name."""


@dataclass(frozen=True)
class Provisioning:
    """How the creation of a cluster ended."""

    has_failed: bool
    errors: tuple[str, ...]
    """Why it failed, in Azure's words."""


def status(client: AzureClient, cluster_id: str) -> ClusterStatus:
    """The current status of a cluster by its resource id. Raises AzureError if it is gone or cannot be read."""
    answer = client.find(cluster_id)
    if answer is None:
        raise AzureError(f"there is no cluster {cluster_id}: `pulumi refresh` removes it from the stack's state", 404)
    return cluster_status(answer)


def provisioning(client: AzureClient, cluster_id: str) -> Provisioning | None:
    """How the creation of a cluster ended; None if there is no such cluster. Raises AzureError."""
    answer = client.find(cluster_id)
    return _provisioning(answer) if answer is not None else None


@dataclass(frozen=True)
class Nodes:
    """The nodes that a cluster may have."""

    provisioning: Provisioning
    location: str
    size: str
    """SKU; empty for a compute of another kind."""
    spot: bool
    least: int
    most: int
    current: int


def nodes(client: AzureClient, cluster_id: str) -> Nodes | None:
    """The nodes that a cluster may have; None if there is no such cluster. Raises AzureError."""
    answer = client.find(cluster_id)
    if answer is None:
        return None
    outer = answer.get("properties") or {}
    inner = outer.get("properties") or {}
    scale = inner.get("scaleSettings") or {}
    return Nodes(
        _provisioning(answer),
        str(answer.get("location") or ""),
        str(inner.get("vmSize") or ""),
        inner.get("vmPriority") == "LowPriority",
        int(scale.get("minNodeCount") or 0),
        int(scale.get("maxNodeCount") or 1),
        int(inner.get("currentNodeCount") or 0),
    )


def _provisioning(answer: Mapping[str, Any]) -> Provisioning:
    state = str((answer.get("properties") or {}).get("provisioningState", ""))
    return Provisioning(state.lower() == "failed", cluster_status(answer).errors)


def remove(client: AzureClient, cluster_id: str, stop: threading.Event) -> None:
    """Delete a cluster, and wait until it is gone; a missing one is no error. Raises AzureError, TargetError.

    azure-native cannot send the parameter of this request, which the published type demands and other clients send.
    """
    client.delete(cluster_id, underlyingResourceAction=DELETE)
    pause = client.patience.first_pause
    while client.find(cluster_id) is not None:
        if stop.wait(pause):
            raise TargetError(f"interrupted while Azure deleted {cluster_id}")
        pause = min(pause * 2, client.patience.longest_pause / 4)
