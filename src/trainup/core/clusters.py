"""Clusters of Azure ML: how many nodes, how long they idle, and how they are doing."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SERVERLESS = "serverless"
"""Stands in the place of a cluster where Azure ML finds a node for each run."""

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
    """`idle`, `running`, `preparing`, `unusable`, `leaving`, `preempted` → how many."""
    errors: tuple[str, ...]
    """Why nodes could not be had, in Azure's words."""


def cluster_status(answer: Mapping[str, Any]) -> ClusterStatus:
    """The status in Azure's answer to `GET …/computes/<name>`."""
    facts = answer.get("properties", {})
    inner = facts.get("properties") or {}
    counts = inner.get("nodeStateCounts") or {}
    errors = [*(facts.get("provisioningErrors") or ()), *(inner.get("errors") or ())]
    return ClusterStatus(
        name=str(answer.get("name", "")),
        allocation_state=str(inner.get("allocationState", "Unknown")),
        current_nodes=int(inner.get("currentNodeCount", 0)),
        target_nodes=int(inner.get("targetNodeCount", 0)),
        nodes={key.removesuffix("NodeCount"): int(count) for key, count in counts.items()},
        errors=tuple(_sentence(error.get("error", error)) for error in errors),
    )


def _sentence(error: Mapping[str, Any]) -> str:
    return ": ".join(str(error[key]) for key in ("code", "message") if error.get(key))
