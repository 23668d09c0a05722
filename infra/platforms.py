"""What a run needs to know about its platform, the same for every target."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi


@dataclass(frozen=True)
class DataReference:
    """The address of data, and the digest that identifies its content or version."""

    uri: pulumi.Output[str]
    digest: pulumi.Output[str]


@dataclass(frozen=True)
class ImageReference:
    """An image by digest, and the environment that it is registered as."""

    reference: pulumi.Output[str]
    environment_id: pulumi.Output[str]


@dataclass(frozen=True)
class Platform:
    """What a target's components hand over to the runs."""

    target: str
    location: str
    workspace_id: pulumi.Output[str]
    tracking_uri: pulumi.Output[str]
    login_server: pulumi.Output[str]
    cluster_id: pulumi.Output[str]
    image: pulumi.Output[str]
    environment_id: pulumi.Output[str]
    job_images: Mapping[str, ImageReference] = field(default_factory=dict)
    """Job file → the image that is built for it, where it is not the stack's."""
    data: Mapping[str, DataReference] = field(default_factory=dict)
    """The data assets by name."""
    cloud: str | None = None
    """Azure's cloud by name, or the host that describes another one."""
    size: pulumi.Input[str] | None = None
    """Size of the nodes, where there is no cluster that has one."""
    first: Sequence[pulumi.Resource] = ()
    """Resources that runs wait for, though no run refers to them."""

    def exported(self) -> dict[str, Any]:
        """The platform as a stack output."""
        outputs = {
            name: value for name, value in vars(self).items() if name not in ("cloud", "size", "first", "job_images")
        }
        return {**outputs, "data": {name: reference.uri for name, reference in self.data.items()}}
