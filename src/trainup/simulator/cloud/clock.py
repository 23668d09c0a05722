"""How long the service's operations take, on a clock that can run faster than real time."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Latency:
    """Durations in seconds of the service's time."""

    create: Mapping[str, float] = field(default_factory=dict)
    """Lower-case resource type → time until a new resource is ready."""

    delete: Mapping[str, float] = field(default_factory=dict)
    """Lower-case resource type → time until a deleted resource is gone."""

    allocation: float = 0
    """From the request for a node until it is ready."""

    release: float = 0
    """From the end of the cluster's idle time until the node is released."""

    image_build: float = 0
    image_pull: float = 0
    """Time that the first job with an image on a node waits for the pull."""

    start: float = 0
    """Start of a job on a node that has the image."""

    finalizing: float = 0
    role: float = 0
    """From the creation of a role assignment until it is in effect."""

    request: float = 0
    """Time for each HTTPS request."""


REAL = Latency(
    create={
        "microsoft.storage/storageaccounts": 20,
        "microsoft.keyvault/vaults": 20,
        "microsoft.insights/components": 10,
        "microsoft.operationalinsights/workspaces": 20,
        "microsoft.containerregistry/registries": 15,
        "microsoft.machinelearningservices/workspaces": 60,
        "microsoft.machinelearningservices/workspaces/computes": 30,
        "microsoft.machinelearningservices/workspaces/onlineendpoints": 300,
    },
    delete={
        "microsoft.resources/resourcegroups": 60,
        "microsoft.machinelearningservices/workspaces": 30,
        "microsoft.machinelearningservices/workspaces/computes": 60,
    },
    allocation=300,
    release=60,
    image_build=900,
    image_pull=300,
    start=20,
    finalizing=15,
    role=900,
    request=0.1,
)
"""Durations of an average day, estimated from documentation and reports by users; they were not measured. Roles take as
long as the latest that users report."""


class Clock:
    """Scales the service's time: with `scale` 0 nothing waits, 1 is real time, 0.001 turns an hour into 3.6 s."""

    def __init__(self, scale: float = 0.0) -> None:
        self.scale = scale

    def wait(self, seconds: float, interrupted: threading.Event | None = None) -> bool:
        """Wait for this many seconds of the service's time; True when the event was set before they were over."""
        real = seconds * self.scale
        if interrupted is not None:
            return interrupted.wait(real) if real > 0 else interrupted.is_set()
        if real > 0:
            time.sleep(real)
        return False

    def until(self, seconds: float) -> float:
        """The time on `time.monotonic`, in seconds, at which this many seconds of the service's time will be over."""
        return time.monotonic() + seconds * self.scale

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        """Call a function after this many seconds of the service's time; immediately when the scale is 0."""
        real = seconds * self.scale
        if real <= 0:
            call()
            return
        timer = threading.Timer(real, call)
        timer.daemon = True
        timer.start()
