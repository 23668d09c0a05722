"""What a job waits for, and since when it is in vain."""

from trainup.core.clusters import ClusterStatus
from trainup.core.failure import REMEDIES, FailureClass
from trainup.core.status import Status
from trainup.jobs.azure.job.failures import class_of
from trainup.jobs.azure.job.records import Told
from trainup.jobs.azure.platform.workspace import Compute

NODES = ("idle", "running", "preparing", "unusable", "leaving", "preempted")


def reason(told: Told, status: Status, compute: Compute | None) -> tuple[str, FailureClass | None]:
    """(what it waits for, the class of failure it would be if it waited in vain)."""
    if status is Status.PREPARING:
        if any("image_build" in path for path in told.log_files) and told.times.started is None:
            return "the image is being built; its log is above", None
        return "the image is being pulled, and data made ready", None
    if status is not Status.QUEUED:
        return "", None
    if told.word in ("NotStarted", "Starting"):
        return "Azure ML takes it up", None
    if compute is None:
        return "Azure ML looks for a node", None
    return cluster_reason(compute.status, told.nodes, compute.size)


def cluster_reason(cluster: ClusterStatus, wanted: int, size: str = "") -> tuple[str, FailureClass | None]:
    """Why a cluster does not work on a job yet."""
    if cluster.errors:
        text = "; ".join(cluster.errors)
        kind = class_of(text)
        if kind not in (FailureClass.QUOTA, FailureClass.CAPACITY):
            kind = FailureClass.CAPACITY
        return f"{cluster.name} gets no nodes ({kind}): {text}. What helps: {REMEDIES[kind]}", kind
    counts = ", ".join(f"{cluster.nodes[kind]} {kind}" for kind in NODES if cluster.nodes.get(kind))
    have = f"{cluster.current_nodes} of {max(cluster.target_nodes, wanted)} nodes{f' of {size}' if size else ''}"
    shown = f"{cluster.name} has {have}{f' ({counts})' if counts else ''}"
    if cluster.allocation_state == "Resizing" or cluster.target_nodes > cluster.current_nodes:
        return f"{shown}: Azure allocates them, which takes minutes", None
    if cluster.nodes.get("running", 0) and not cluster.nodes.get("idle", 0):
        return f"{shown}: other runs are at work on them", None
    return shown, None
