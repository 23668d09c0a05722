"""What is deployed to an endpoint, and the contract of endpoints on every target."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from threading import Event
from typing import Any, Protocol

from trainup.core.serving import EndpointInputs
from trainup.jobs.target import Owner, TargetError


class ServingError(TargetError):
    """A deployment does not start, or an endpoint cannot be had; what served before goes on."""


@dataclass(frozen=True)
class Deployment:
    """What serves."""

    name: str
    source: Path
    script: str
    """The entry script, relative to `source`."""
    snapshot: str
    """Digest of the source folder."""
    manifest: Mapping[str, str]
    model: Mapping[str, Any]
    """`uri`, `digest` and perhaps `path`; on this machine the address is absolute. Empty where there is none."""
    image: str
    samples: str = ""
    """Folder of the sample requests, relative to `source`; empty where there are none."""
    variables: Mapping[str, str] = field(default_factory=dict)
    instances: int = 1
    request_seconds: float = 5.0
    """How long one request may take."""


@dataclass(frozen=True)
class Serving:
    """How an endpoint is reached, and what serves there."""

    url: str
    """Takes requests by POST."""
    live: str
    """Name of the deployment that gets all requests, or most of them."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What else its target tells of it, as outputs."""


class Endpoint(Protocol):
    """One endpoint on some target."""

    def problems(self) -> list[tuple[str, str]]:
        """(input, reason) of what is known to be in the way of a deployment. Writes nothing."""
        ...

    def deploy(self, deployment: Deployment) -> Serving:
        """Have it served by this deployment, once it answers its samples; until then the one before goes on.

        Raises ServingError, after which the one before serves still. The same deployment again changes nothing.
        """
        ...

    def read(self) -> Serving | None:
        """What serves; None where there is no such endpoint, or where it takes no requests."""
        ...

    def remove(self) -> bool:
        """End it; False where it belongs to somebody else too, and goes on for them."""
        ...


Open = Callable[[EndpointInputs, Path, Owner, Callable[[str], None], Event | None], Endpoint]


def endpoint_of(
    inputs: EndpointInputs,
    project: Path,
    owner: Owner,
    progress: Callable[[str], None] = lambda text: None,
    stop: Event | None = None,
) -> Endpoint:
    """The endpoint that the inputs name; opening it writes and requests nothing."""
    open_endpoint: Open = import_module(f"trainup.jobs.{inputs.target}.serving.opening").open_endpoint
    return open_endpoint(inputs, project, owner, progress, stop)
