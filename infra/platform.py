"""What a run needs to know of the place it runs in, the same for every target."""

from dataclasses import dataclass

import pulumi


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
