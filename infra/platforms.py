"""What a run needs to know of the place it runs in, the same for every target."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi


@dataclass(frozen=True)
class DataSource:
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
    data: Mapping[str, DataSource] = field(default_factory=dict)
    """The data assets by name."""
    cloud: str | None = None
    """Which Azure: its name, or the host that describes it."""
    size: str | None = None
    """Size of the nodes, where no cluster decides it."""
    first: Sequence[pulumi.Resource] = ()
    """What has to be there before the first run, though no run names it."""

    def exported(self) -> dict[str, Any]:
        """The platform as a stack output."""
        told = {name: value for name, value in vars(self).items() if name not in ("cloud", "size", "first")}
        return {**told, "data": {name: source.uri for name, source in self.data.items()}}
