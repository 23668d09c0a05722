"""Faults that a test or a rehearsal injects into resources, requests and machines. All are in one queue.

    faults.add(
        Fault("PUT", "*/computes", Refused(409, "AllocationFailed", "…")),    # a resource, through any client
        Fault("GET", path="*/runs/*/details", error=throttled(2), times=3),   # a request over HTTPS
        Fault(path="*", skip=41, cut=Cut.AFTER),                              # the 42nd request from now
        Fault(path="*", skip=41, call=process.kill),
        Fault(path="*/std_log.txt", short=True),                              # half of the requested range
        Fault("ALLOCATE", error=Refused(409, "AllocationFailed", "…"), times=1000),
        Fault("BUILD", error=…), Fault("PULL", error=Refused(403, …)),        # an image
        Fault("RUN", name="pets-*", line=10),                                 # eviction at the tenth line of the log
    )

Other conditions are attributes of `Azure`: quota (`azure.quota`), what the deployer may do (`azure.may.roles`), the
tenant's policies (`azure.policies`), the tenant of the login (`azure.login_tenant`), whether the DELETE of a compute
needs its parameter (`azure.asks_how_to_delete`), the lifetime of tokens and signatures (`azure.tokens`,
`azure.signatures`), the delay until a role is in effect (`azure.latency.role`), and what Azure may do and nobody has
confirmed (`azure.possible`). To imitate a user in the studio, call `machines.cancel` or `azure.delete`. A PUT that is
refused and leaves a resource in the state Failed is a fault with `Refused(…, is_left=True)`.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase

from trainup.simulator.cloud.refusal import Refused


class Cut(StrEnum):
    """When a request's connection is reset."""

    BEFORE = "before"
    """Before the request is processed."""
    MIDDLE = "middle"
    """After it was processed, with half of the response sent."""
    AFTER = "after"
    """After it was processed, before the response is sent."""


@dataclass(frozen=True)
class Fault:
    """One failure. It strikes where all its patterns match (`*` matches anything).

    Without a `path` it strikes operations on resources, through any client. With a `path` it strikes HTTPS requests:
    `Fault(path="*", skip=n, …)` lets n requests pass and strikes the next.
    """

    method: str = "*"
    """HTTP method; for machines `ALLOCATE` (a cluster), `BUILD` and `PULL` (an environment), `RUN` (a job)."""

    type: str = "*"
    """Resource type."""

    error: Refused | None = None
    """The error response. None if the request is to be processed, for a fault with another effect."""

    name: str = "*"
    """Name of the resource."""

    path: str | None = None
    """Pattern for the path of an HTTPS request, such as `*/runs/*/details`."""

    times: int = 1
    """How many times it strikes."""

    skip: int = 0
    """How many matching requests succeed first."""

    is_created: bool = False
    """Whether the resource is created in spite of the error, as when a long-running operation fails at its end."""

    cut: Cut | None = None
    """Reset the connection at this point."""

    short: bool = False
    """Answer a range request with half of the range."""

    call: Callable[[], None] | None = None
    """Called first when the fault strikes, for example to kill a client or to change a resource concurrently."""

    line: int = 0
    """For `RUN`: strike once the job's log has this many lines."""


class Faults:
    """The faults that have not struck yet. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[tuple[Fault, list[int]]] = []

    def add(self, *faults: Fault) -> None:
        """Queue faults."""
        with self._lock:
            self._waiting += [(fault, [fault.skip, fault.times]) for fault in faults]

    def take(self, method: str, kind: str, name: str) -> Fault | None:
        """The fault that strikes an operation on a resource, if any; it is counted as used."""
        return self._take(
            lambda fault: (
                fault.path is None
                and _matches(method, fault.method)
                and _matches(kind, fault.type)
                and fnmatchcase(name, fault.name)
            )
        )

    def take_request(self, method: str, path: str) -> Fault | None:
        """The fault that strikes an HTTPS request, if any; it is counted as used."""
        return self._take(
            lambda fault: fault.path is not None and _matches(method, fault.method) and _matches(path, fault.path)
        )

    def _take(self, strikes: Callable[[Fault], bool]) -> Fault | None:
        struck = None
        with self._lock:
            for fault, left in self._waiting:
                if left[1] == 0 or not strikes(fault):
                    continue
                if left[0]:
                    left[0] -= 1
                    continue
                left[1] -= 1
                struck = fault
                break
        if struck and struck.call:
            struck.call()
        return struck

    def clear(self) -> None:
        """Remove all faults."""
        with self._lock:
            self._waiting.clear()

    def unused(self) -> list[Fault]:
        """Faults that have not struck as often as they should; a test can assert that none is left."""
        with self._lock:
            return [fault for fault, left in self._waiting if left[1]]


def _matches(text: str, pattern: str) -> bool:
    return fnmatchcase(text.lower(), pattern.lower())
