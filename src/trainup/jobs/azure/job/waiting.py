"""Explains what a job waits for, and whether the wait can succeed."""

from trainup.core.clusters import ClusterStatus
from trainup.core.failure import REMEDIES, FailureClass
from trainup.core.status import Status
from trainup.jobs.azure.job.failures import class_of
from trainup.jobs.azure.job.records import JobView
from trainup.jobs.azure.platform.workspace import Compute

NODES = ("idle", "running", "preparing", "unusable", "leaving", "preempted")


def reason(view: JobView, status: Status, compute: Compute | None) -> tuple[str, FailureClass | None]:
    """(what the job waits for, the failure class if it waits without prospect, else None)."""
    if status is Status.PREPARING:
        if any("image_build" in path for path in view.log_files) and view.times.started is None:
            return "the image is being built; its log is above", None
        return "the image is being pulled, and data made ready", None
    if status is not Status.QUEUED:
        return "", None
    if view.word in ("NotStarted", "Starting"):
        return "Azure ML is accepting the job", None
    if compute is None:
        return "Azure ML is looking for a node", None
    return cluster_reason(compute.status, view.nodes, compute.size)


def cluster_reason(cluster: ClusterStatus, nodes: int, size: str = "") -> tuple[str, FailureClass | None]:
    """(why a cluster has not started a job yet, the failure class if it cannot get nodes, else None)."""
    if cluster.errors:
        text = "; ".join(cluster.errors)
        kind = class_of(text)
        if kind not in (FailureClass.QUOTA, FailureClass.CAPACITY, FailureClass.SIZE):
            kind = FailureClass.CAPACITY
        return f"{cluster.name} gets no nodes ({kind}): {text}. What helps: {REMEDIES[kind]}", kind
    counts = ", ".join(f"{cluster.nodes[kind]} {kind}" for kind in NODES if cluster.nodes.get(kind))
    have = f"{cluster.current_nodes} of {max(cluster.target_nodes, nodes)} nodes{f' of {size}' if size else ''}"
    shown = f"{cluster.name} has {have}{f' ({counts})' if counts else ''}"
    if cluster.allocation_state == "Resizing" or cluster.target_nodes > cluster.current_nodes:
        return f"{shown}: Azure allocates them, which takes minutes", None
    if cluster.nodes.get("running", 0) and not cluster.nodes.get("idle", 0):
        return f"{shown}: other runs are at work on them", None
    return shown, None
