"""How long things take, on a clock that can run faster than ours."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Latency:
    """Seconds of the service's time."""

    create: Mapping[str, float] = field(default_factory=dict)
    """Lower-case resource type → time until a new resource is ready."""

    delete: Mapping[str, float] = field(default_factory=dict)
    """Lower-case resource type → time until a deleted resource is gone."""

    allocation: float = 0
    """A node from nothing to ready."""

    release: float = 0
    """An idle node to gone, after the cluster's own idle time."""

    image_build: float = 0
    image_pull: float = 0
    """The first job on a node with an image."""

    start: float = 0
    """A job on a node that has the image."""

    finalizing: float = 0
    role: float = 0
    """From a role assignment to the first time that it counts."""

    request: float = 0
    """Every request over HTTPS."""


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
    role=120,
    request=0.1,
)
"""A middling day, from what users and documentation report; only our belief about the service."""


class Clock:
    """Waits as long as the service would, times `scale`: 0 is no time at all, 1 is ours, 0.001 an hour in 3.6 s."""

    def __init__(self, scale: float = 0.0) -> None:
        self.scale = scale

    def wait(self, seconds: float, interrupted: threading.Event | None = None) -> bool:
        """Wait; True when the event was set before the time was over."""
        real = seconds * self.scale
        if interrupted is not None:
            return interrupted.wait(real) if real > 0 else interrupted.is_set()
        if real > 0:
            time.sleep(real)
        return False

    def until(self, seconds: float) -> float:
        """The moment, on `time.monotonic`, at which this many seconds of the service will be over."""
        return time.monotonic() + seconds * self.scale

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        """Call after a while; at once when no time passes."""
        real = seconds * self.scale
        if real <= 0:
            call()
            return
        timer = threading.Timer(real, call)
        timer.daemon = True
        timer.start()
