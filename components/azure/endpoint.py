"""The endpoint noun on Azure."""

from typing import NotRequired, TypedDict

import pulumi

from trainup.components.endpoint import declare


class ModelEndpointArgs(TypedDict):
    """What serves, and on which instances."""

    workspace_id: pulumi.Input[str]
    """The Azure ML workspace, by its ARM id."""

    environment_id: pulumi.Input[str]
    """The environment that the image is registered as."""

    source: pulumi.Input[str]
    """Folder of the entry script, relative to the folder of Pulumi.yaml."""

    image: pulumi.Input[str]
    """The image by digest: that of the run which made the model."""

    endpoint_name: NotRequired[pulumi.Input[str] | None]
    """Name of the endpoint, unique in its region. Defaults to the component's name."""

    script: NotRequired[pulumi.Input[str] | None]
    """The entry script, in `source`, with `init()` and `run()`. Defaults to `score.py`."""

    samples: NotRequired[pulumi.Input[str] | None]
    """Folder in `source` with requests that a deployment has to answer before it serves. Defaults to `samples`."""

    model: NotRequired[pulumi.Input[dict[str, pulumi.Input[str]]] | None]
    """`uri` and `digest` of the model, and `path` for a part of it: `AZUREML_MODEL_DIR`. Defaults to none."""

    environment_variables: NotRequired[pulumi.Input[dict[str, pulumi.Input[str]]] | None]
    """Variables of the server. Defaults to none."""

    request_timeout: NotRequired[pulumi.Input[str] | None]
    """How long one request may take, at most `180s`. Defaults to `5s`."""

    instance_type: NotRequired[pulumi.Input[str] | None]
    """Size of an instance. Defaults to `Standard_DS3_v2`."""

    instance_count: NotRequired[pulumi.Input[int] | None]
    """How many instances serve. Defaults to 1."""

    auth_mode: NotRequired[pulumi.Input[str] | None]
    """Who may call it: `aad_token`, who has the right by Entra ID; `key`, who has the key. Defaults to `aad_token`."""

    traffic: NotRequired[pulumi.Input[int] | None]
    """Share of the requests, in percent, that the newest deployment gets; the one before gets the rest. Defaults to
    100."""

    mirror_traffic: NotRequired[pulumi.Input[int] | None]
    """Share of the requests, in percent, that the newest deployment gets a copy of. Defaults to 0."""

    cloud: NotRequired[pulumi.Input[str] | None]
    """Azure's cloud. Defaults to the public one."""

    allow_secrets: NotRequired[list[str] | None]
    """Files (`path` or `path:line`) of the source that only look as if they held a secret. Defaults to none."""


class ModelEndpoint(pulumi.ComponentResource):
    """A managed online endpoint of Azure ML, and the deployment that serves there.

    A new deployment gets requests once it is healthy and has answered its samples; until then the one before serves.
    One that fails is removed, since it would cost. Costs the price of its instances, all day long."""

    url: pulumi.Output[str]
    """The address that takes requests by POST."""

    deployment: pulumi.Output[str]
    """Name of the deployment that serves, by its content."""

    model_version: pulumi.Output[str]
    """The model that serves, by its digest."""

    def __init__(self, name: str, args: ModelEndpointArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("trainup:index:ModelEndpoint", name, {}, opts)
        endpoint = declare(self, name, "azure", args, ModelEndpointArgs)
        self.url = endpoint.url
        self.deployment = endpoint.deployment
        self.model_version = endpoint.model_version
