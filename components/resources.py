"""The kinds of resources of the provider as Pulumi resources; components consist of them."""

from typing import Any

import pulumi


class Run(pulumi.CustomResource):
    """`trainup:index:Run`: one training run."""

    digest: pulumi.Output[str]
    name: pulumi.Output[str]
    status: pulumi.Output[str]
    metrics: pulumi.Output[dict[str, float]]
    best: pulumi.Output[dict[str, float]]
    duration_seconds: pulumi.Output[float]
    attempts: pulumi.Output[int]
    phases: pulumi.Output[dict[str, float]]
    outputs_uri: pulumi.Output[str]
    log_uri: pulumi.Output[str]
    web_url: pulumi.Output[str]
    cost: pulumi.Output[float]

    def __init__(self, name: str, inputs: dict[str, Any], opts: pulumi.ResourceOptions) -> None:
        super().__init__("trainup:index:Run", name, {**_outputs(Run), **inputs}, opts)


class Sweep(pulumi.CustomResource):
    """`trainup:index:Sweep`: the trials of a sweep."""

    status: pulumi.Output[str]
    best: pulumi.Output[dict[str, Any] | None]
    digest: pulumi.Output[str]
    outputs_uri: pulumi.Output[str]
    trials: pulumi.Output[list[dict[str, Any]]]

    def __init__(self, name: str, inputs: dict[str, Any], opts: pulumi.ResourceOptions) -> None:
        super().__init__("trainup:index:Sweep", name, {**_outputs(Sweep), **inputs}, opts)


class Image(pulumi.CustomResource):
    """`trainup:index:Image`: an environment named by its content."""

    reference: pulumi.Output[str]
    environment_id: pulumi.Output[str]

    def __init__(self, name: str, inputs: dict[str, Any], opts: pulumi.ResourceOptions) -> None:
        super().__init__("trainup:index:Image", name, {**_outputs(Image), **inputs}, opts)


class ModelVersion(pulumi.CustomResource):
    """`trainup:index:ModelVersion`: what a run left behind, as a version of a registered model."""

    model_id: pulumi.Output[str]
    version: pulumi.Output[str]
    uri: pulumi.Output[str]
    registered: pulumi.Output[dict[str, Any]]

    def __init__(self, name: str, inputs: dict[str, Any], opts: pulumi.ResourceOptions) -> None:
        super().__init__("trainup:index:ModelVersion", name, {**_outputs(ModelVersion), **inputs}, opts)


class LiveModel(pulumi.CustomResource):
    """`trainup:index:LiveModel`: judges a candidate, and says which version of a model is live."""

    live: pulumi.Output[dict[str, Any]]
    passed: pulumi.Output[bool]
    reasons: pulumi.Output[list[str]]

    def __init__(self, name: str, inputs: dict[str, Any], opts: pulumi.ResourceOptions) -> None:
        super().__init__("trainup:index:LiveModel", name, {**_outputs(LiveModel), **inputs}, opts)


class Data(pulumi.CustomResource):
    """`trainup:index:Data`: a file or folder on this machine by its content."""

    digest: pulumi.Output[str]
    uri: pulumi.Output[str]

    def __init__(self, name: str, inputs: dict[str, Any], opts: pulumi.ResourceOptions) -> None:
        super().__init__("trainup:index:Data", name, {**_outputs(Data), **inputs}, opts)


class Pool(pulumi.CustomResource):
    """`trainup:index:Pool`: the slots of a local cluster."""

    gpus: pulumi.Output[int]

    def __init__(self, name: str, inputs: dict[str, Any], opts: pulumi.ResourceOptions) -> None:
        super().__init__("trainup:index:Pool", name, {**_outputs(Pool), **inputs}, opts)


class SharedRoleAssignment(pulumi.CustomResource):
    """`trainup:index:Grant`: a role assignment to a principal who may have it already, from elsewhere."""

    made: pulumi.Output[bool]
    """Whether this stack created the assignment, and so deletes it."""

    def __init__(self, name: str, inputs: dict[str, Any], opts: pulumi.ResourceOptions) -> None:
        super().__init__("trainup:index:Grant", name, {**_outputs(SharedRoleAssignment), **inputs}, opts)


class Keep(pulumi.CustomResource):
    """`trainup:index:Keep`: refuses, in the preview, an edit that would delete resources with data."""

    def __init__(self, name: str, inputs: dict[str, Any], opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("trainup:index:Keep", name, inputs, opts)


class Quota(pulumi.CustomResource):
    """`trainup:index:Quota`: checks, in the preview, that a cluster can be created and the quota allows its nodes."""

    size: pulumi.Output[str]
    """The SKU of the nodes, also where only their GPU was asked for. Known in a preview."""

    def __init__(self, name: str, inputs: dict[str, Any], opts: pulumi.ResourceOptions) -> None:
        super().__init__("trainup:index:Quota", name, {**_outputs(Quota), **inputs}, opts)


class CostEstimate(pulumi.CustomResource):
    """`trainup:index:CostEstimate`: tells, in the preview, what a stack can cost, and keeps its ceilings."""

    def __init__(self, name: str, inputs: dict[str, Any], opts: pulumi.ResourceOptions) -> None:
        super().__init__("trainup:index:CostEstimate", name, inputs, opts)


class Readiness(pulumi.CustomResource):
    """`trainup:index:Readiness`: checks, in the preview, that the subscription lets the stack be created."""

    def __init__(self, name: str, inputs: dict[str, Any], opts: pulumi.ResourceOptions) -> None:
        super().__init__("trainup:index:Readiness", name, inputs, opts)


class ClusterRemoval(pulumi.CustomResource):
    """`trainup:index:ClusterRemoval`: deletes a cluster of the stack in the way that Azure defines."""

    def __init__(self, name: str, inputs: dict[str, Any], opts: pulumi.ResourceOptions) -> None:
        super().__init__("trainup:index:ClusterRemoval", name, inputs, opts)


class Endpoint(pulumi.CustomResource):
    """`trainup:index:Endpoint`: a model behind an address."""

    url: pulumi.Output[str]
    deployment: pulumi.Output[str]
    model_version: pulumi.Output[str]

    def __init__(self, name: str, inputs: dict[str, Any], opts: pulumi.ResourceOptions) -> None:
        super().__init__("trainup:index:Endpoint", name, {**_outputs(Endpoint), **inputs}, opts)


class Server(pulumi.CustomResource):
    """`trainup:index:Server`: the MLflow server of a local workspace."""

    tracking_uri: pulumi.Output[str]

    def __init__(self, name: str, inputs: dict[str, Any], opts: pulumi.ResourceOptions) -> None:
        super().__init__("trainup:index:Server", name, {**_outputs(Server), **inputs}, opts)


def _outputs(kind: type) -> dict[str, None]:
    """The outputs of a kind with the value None, by which a preview takes them for unknown and not for missing."""
    return dict.fromkeys(kind.__annotations__)
