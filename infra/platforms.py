"""What a run needs to know of the place it runs in, the same for every target."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi


@dataclass(frozen=True)
class DataReference:
    """Where data lies, and what it is."""

    uri: pulumi.Output[str]
    digest: pulumi.Output[str]


@dataclass(frozen=True)
class Platform:
    """The seam between a target's components and the runs."""

    target: str
    location: str
    workspace_id: pulumi.Output[str]
    tracking_uri: pulumi.Output[str]
    login_server: pulumi.Output[str]
    cluster_id: pulumi.Output[str]
    image: pulumi.Output[str]
    environment_id: pulumi.Output[str]
    data: Mapping[str, DataReference] = field(default_factory=dict)
    """The data assets by name."""
    cloud: str | None = None
    """Which Azure: its name, or the host that describes it."""
    size: str | None = None
    """Size of the nodes, where no cluster decides it."""
    first: Sequence[pulumi.Resource] = ()
    """What has to be there before the first run, though no run names it."""

    def exported(self) -> dict[str, Any]:
        """The platform as a stack output."""
        outputs = {name: value for name, value in vars(self).items() if name not in ("cloud", "size", "first")}
        return {**outputs, "data": {name: reference.uri for name, reference in self.data.items()}}
