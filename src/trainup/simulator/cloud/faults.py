"""Faults that a test or a rehearsal asks for: one queue for resources, requests and machines.

    faults.add(
        Fault("PUT", "*/computes", Refused(409, "AllocationFailed", "…")),    # a resource, whoever asks: CLI or client
        Fault("GET", path="*/runs/*/details", error=throttled(2), times=3),   # a request over HTTPS
        Fault(path="*", skip=41, cut=Cut.AFTER),                              # the 42nd request from now
        Fault(path="*", skip=41, call=process.kill),
        Fault(path="*/std_log.txt", short=True),                              # a range with half of what there is
        Fault("ALLOCATE", error=Refused(409, "AllocationFailed", "…"), times=1000),
        Fault("BUILD", error=…), Fault("PULL", error=Refused(403, …)),        # an image
        Fault("RUN", name="pets-*", line=10),                                 # eviction at the tenth line of the log
    )

Not here, because they are states of the world: quota (`azure.quota`), how long tokens and signatures are good for
(`azure.tokens`, `azure.signatures`), how long a role takes to count (`azure.latency.role`), what somebody does in the
studio (`machines.cancel`, `azure.delete`).
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase

from trainup.simulator.cloud.refusal import Refused


class Cut(StrEnum):
    """When the connection of a request is reset."""

    BEFORE = "before"
    """Before the request is carried out."""
    MIDDLE = "middle"
    """After it was carried out, with half of the answer sent."""
    AFTER = "after"
    """After it was carried out, before the answer."""


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong, where all its patterns match (`*` for any).

    Without a `path` it strikes what happens to a resource, whoever asks for it. With one it strikes requests over
    HTTPS; `Fault(path="*", skip=n, …)` is for the n-th from now.
    """

    method: str = "*"
    """Of HTTP; for machines `ALLOCATE` (a cluster), `BUILD` and `PULL` (an environment), `RUN` (a job)."""

    type: str = "*"
    """Resource type."""

    error: Refused | None = None
    """What is answered. None lets the request be carried out, for a fault that does something else."""

    name: str = "*"
    """The resource's name."""

    path: str | None = None
    """Path of a request, such as `*/runs/*/details`."""

    times: int = 1
    """How often it happens before the service is well again."""

    skip: int = 0
    """How many matching requests go well first."""

    made: bool = False
    """Whether the resource exists afterwards all the same, as when a long operation fails at its end."""

    cut: Cut | None = None
    """Reset the connection."""

    short: bool = False
    """Answer a request for a range with half of what there is."""

    call: Callable[[], None] | None = None
    """Called when the fault strikes, before anything else: to kill a client, or to change the world meanwhile."""

    line: int = 0
    """For `RUN`: strike once the job's log has this many lines."""


class Faults:
    """The faults still to come."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[tuple[Fault, list[int]]] = []

    def add(self, *faults: Fault) -> None:
        """Script faults."""
        with self._lock:
            self._waiting += [(fault, [fault.skip, fault.times]) for fault in faults]

    def take(self, method: str, kind: str, name: str) -> Fault | None:
        """The fault that strikes a resource, counted off."""
        return self._take(
            lambda fault: (
                fault.path is None
                and _matches(method, fault.method)
                and _matches(kind, fault.type)
                and fnmatchcase(name, fault.name)
            )
        )

    def take_request(self, method: str, path: str) -> Fault | None:
        """The fault that strikes a request, counted off."""
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
        """Let the service be well from now on."""
        with self._lock:
            self._waiting.clear()

    def unused(self) -> list[Fault]:
        """Faults that never struck: a test that scripts one should see it happen."""
        with self._lock:
            return [fault for fault, left in self._waiting if left[1]]


def _matches(text: str, pattern: str) -> bool:
    return fnmatchcase(text.lower(), pattern.lower())
