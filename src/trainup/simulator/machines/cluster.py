"""A compute cluster, which allocates nodes for jobs and releases idle ones."""

import itertools
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from trainup.core.duration import iso_seconds
from trainup.simulator.cloud.azure import Azure, Resource
from trainup.simulator.cloud.refusal import Refused
from trainup.simulator.cloud.regions import MACHINES, SPOT_FAMILY, Machine, plain_family

STATES = ("idle", "running", "preparing", "unusable", "leaving", "preempted")
TYPE = "Microsoft.MachineLearningServices/workspaces/computes"
IDLE_SECONDS = 120.0
_LEAST_PAUSE = 0.02
"""Shortest pause between two allocation attempts, in real seconds, at any scale of the clock."""

_numbers = itertools.count(1)


@dataclass(eq=False)
class Node:
    """One node of a cluster."""

    id: str
    state: str
    images: set[str] = field(default_factory=set)
    """Images that were pulled onto it."""

    job: str | None = None
    """Name of the job that runs on it."""

    uses: int = 0


class Canceled(Exception):
    """The job that waited for nodes was canceled."""


class Cluster:
    """A cluster that keeps the status in its Azure resource up to date. Safe to use from several threads."""

    def __init__(self, azure: Azure, resource: Resource) -> None:
        self.id: str = resource["id"]
        self._azure = azure
        self._changed = threading.Condition()
        self._waiting: list[str] = []
        self._nodes: list[Node] = []
        self._errors: list[dict[str, Any]] = []
        self._target = 0
        self._preempted = 0
        self._gone = False
        self.update(resource)

    def update(self, resource: Resource) -> None:
        """Apply the settings of a PUT."""
        own = resource["properties"].get("properties") or {}
        scale = own.get("scaleSettings") or {}
        with self._changed:
            self._machine = MACHINES[str(own["vmSize"]).lower()]
            self._spot = own.get("vmPriority") == "LowPriority"
            self._least, self._most = int(scale.get("minNodeCount") or 0), int(scale.get("maxNodeCount") or 1)
            idle = scale.get("nodeIdleTimeBeforeScaleDown")
            self._idle = IDLE_SECONDS if idle is None else iso_seconds(idle) or 0.0
            if self._spot and not self._machine.takes_spot:
                # The service creates the cluster all the same, and tells only here that it will never have a node.
                self._errors = [_told(not_for_spot(self._machine))]
            while len(self._nodes) < self._least and not self._errors:
                self._nodes.append(Node(f"tvmps_{next(_numbers):04d}", "idle"))
            self._target = max(self._target, len(self._nodes))
            self._tell()

    def acquire(self, job: str, count: int, canceled: threading.Event) -> list[Node]:
        """Wait for this many nodes, and allocate more up to the cluster's maximum. Raises Canceled, Refused."""
        with self._changed:
            self._waiting.append(job)
        try:
            while True:
                self._wait_for_turn(job, canceled)
                with self._changed:
                    idle = [node for node in self._nodes if node.state == "idle"]
                    if len(idle) >= count:
                        for node in idle[:count]:
                            node.state, node.job = "preparing", job
                        self._errors = []
                        self._tell()
                        return idle[:count]
                    missing = min(count - len(idle), self._most - len(self._nodes))
                if missing <= 0:
                    self._pause(canceled)
                else:
                    self._allocate(missing, canceled)
        finally:
            with self._changed:
                self._waiting.remove(job)
                self._changed.notify_all()

    def start(self, nodes: list[Node]) -> None:
        """Mark nodes as running."""
        self._set(nodes, "running")

    def release(self, nodes: list[Node]) -> None:
        """Mark nodes as idle. After the idle time they are removed down to the cluster's minimum."""
        with self._changed:
            for node in nodes:
                node.state, node.job = "idle", None
                node.uses += 1
            self._tell()
        for node in nodes:
            uses = node.uses
            self._azure.clock.later(self._idle + self._azure.latency.release, lambda n=node, u=uses: self._leave(n, u))  # type: ignore[misc]

    def lose(self, nodes: list[Node]) -> None:
        """Remove preempted nodes."""
        with self._changed:
            self._nodes = [node for node in self._nodes if node not in nodes]
            self._preempted += len(nodes)
            self._tell()

    def remove(self) -> None:
        """Delete the cluster; jobs that wait for it fail."""
        with self._changed:
            self._gone = True
            self._nodes = []
            self._changed.notify_all()

    def nodes(self) -> list[Node]:
        """The current nodes."""
        with self._changed:
            return list(self._nodes)

    def cores_of(self, family: str) -> int:
        """Cores of this cluster that count against the quota of a VM family, or of all spot machines."""
        own = SPOT_FAMILY if self._spot else self._machine.family
        return len(self._nodes) * self._machine.cores if plain_family(own) == plain_family(family) else 0

    def _wait_for_turn(self, job: str, canceled: threading.Event) -> None:
        while True:
            if canceled.is_set():
                raise Canceled
            if self._gone:
                raise Refused(404, "ComputeNotFound", f"The compute {self.id.rsplit('/', 1)[1]!r} was deleted.")
            with self._changed:
                if self._waiting[0] == job:
                    return
                self._changed.wait(_LEAST_PAUSE)

    def _pause(self, canceled: threading.Event) -> None:
        with self._changed:
            if not canceled.is_set():
                self._changed.wait(_LEAST_PAUSE)

    def _allocate(self, missing: int, canceled: threading.Event) -> None:
        """Try once to allocate nodes. After a failure, the resource shows the error, and the job keeps waiting."""
        name = self.id.rsplit("/", 1)[1]
        with self._changed:
            self._target = len(self._nodes) + missing
            self._tell(resizing=True)
        refused = self._refusal(missing)
        fault = self._azure.faults.take("ALLOCATE", TYPE, name)
        refused = refused or (fault.error if fault else None)
        if refused is None and self._azure.clock.wait(self._azure.latency.allocation, canceled):
            with self._changed:
                self._target = len(self._nodes)
                self._tell()
            raise Canceled
        with self._changed:
            if refused is None:
                self._nodes += [Node(f"tvmps_{next(_numbers):04d}", "idle") for _ in range(missing)]
                self._errors = []
            else:
                self._target = len(self._nodes)
                self._errors = [_told(refused)]
            self._tell()
        if refused is not None:
            self._azure.clock.wait(self._azure.latency.allocation, canceled)
            self._pause(canceled)

    def _refusal(self, missing: int) -> Refused | None:
        if self._spot and not self._machine.takes_spot:
            return not_for_spot(self._machine)
        family = SPOT_FAMILY if self._spot else self._machine.family
        limit = self._azure.quota.limit(family)
        needed = missing * self._machine.cores
        if needed <= limit - self.cores_of(family):
            return None
        return Refused(
            400,
            "JobNodeCountExceedsCoreQuota",
            f"The specified subscription has a {family} vCPU quota of {limit} and cannot accomodate for at least "
            f"{missing} requested managed compute nodes which maps to {needed} vCPUs.",
        )

    def _leave(self, node: Node, uses: int) -> None:
        with self._changed:
            if node.state == "idle" and node.uses == uses and node in self._nodes and len(self._nodes) > self._least:
                self._nodes.remove(node)
                self._target = len(self._nodes)
                self._tell()

    def _set(self, nodes: list[Node], state: str) -> None:
        with self._changed:
            for node in nodes:
                node.state = state
            self._tell()

    def _tell(self, *, resizing: bool = False) -> None:
        counts = {f"{state}NodeCount": sum(node.state == state for node in self._nodes) for state in STATES}
        counts["preemptedNodeCount"] = self._preempted
        start = "properties.properties."
        properties: dict[str, Any] = {
            "allocationState": "Resizing" if resizing else "Steady",
            "currentNodeCount": len(self._nodes),
            "targetNodeCount": self._target if resizing else len(self._nodes),
            "nodeStateCounts": counts,
            "errors": self._errors,
            "allocationStateTransitionTime": datetime.now(UTC).isoformat(),
        }
        self._azure.amend(self.id, {start + name: value for name, value in properties.items()})
        self._changed.notify_all()


def not_for_spot(machine: Machine) -> Refused:
    """The error in a spot cluster of a size that has no spot nodes, as reported for the H100 sizes."""
    message = (
        f"The VM size {machine.name.upper()} is not allowed for LowPriority. Please convert to Dedicated or use a "
        "different VM size."
    )
    return Refused(400, "UnsupportedVMSizeForLowPriority", message)


def _told(refused: Refused) -> dict[str, Any]:
    return {"error": {"code": refused.code, "message": refused.message}}
