"""Clusters of Azure ML: limits for their nodes, and their status."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SERVERLESS = "serverless"
"""The value of `cluster` for serverless compute, where Azure ML finds nodes for each run."""

IDLE_SECONDS = 120
MAX_CLUSTER_NODES = 100
"""Azure ML's limit for one cluster, unless support raised it."""


def check_nodes(least: int, most: int) -> str | None:
    """Why a cluster cannot have these node counts, or None."""
    if least < 0 or most < 1:
        return f"min_nodes {least} and max_nodes {most}: a cluster has at least 0 and at most 1 or more nodes"
    if least > most:
        return f"min_nodes {least} is more than max_nodes {most}: lower the one or raise the other"
    if most > MAX_CLUSTER_NODES:
        return f"max_nodes {most} is more than the {MAX_CLUSTER_NODES} nodes Azure ML allows in one cluster"
    return None


@dataclass(frozen=True)
class ClusterStatus:
    """What a cluster is doing now."""

    name: str
    allocation_state: str
    """`Steady` or `Resizing`."""
    current_nodes: int
    target_nodes: int
    nodes: Mapping[str, int]
    """State (`idle`, `running`, `preparing`, `unusable`, `leaving`, `preempted`) → number of nodes."""
    errors: tuple[str, ...]
    """Why nodes could not be allocated, in Azure's words."""


def cluster_status(response: Mapping[str, Any]) -> ClusterStatus:
    """The status in Azure's response to `GET …/computes/<name>`."""
    properties = response.get("properties", {})
    status = properties.get("properties") or {}
    counts = status.get("nodeStateCounts") or {}
    errors = [*(properties.get("provisioningErrors") or ()), *(status.get("errors") or ())]
    return ClusterStatus(
        name=str(response.get("name", "")),
        allocation_state=str(status.get("allocationState", "Unknown")),
        current_nodes=int(status.get("currentNodeCount", 0)),
        target_nodes=int(status.get("targetNodeCount", 0)),
        nodes={key.removesuffix("NodeCount"): int(count) for key, count in counts.items()},
        errors=tuple(_sentence(error.get("error", error)) for error in errors),
    )


def _sentence(error: Mapping[str, Any]) -> str:
    return ": ".join(str(error[key]) for key in ("code", "message") if error.get(key))
