"""The endpoint noun on this machine."""

from typing import NotRequired, TypedDict

import pulumi

from trainup.components.endpoint import declare


class LocalEndpointArgs(TypedDict):
    """What serves, and where on this machine."""

    workspace_id: pulumi.Input[str]
    """The workspace, a folder."""

    source: pulumi.Input[str]
    """Folder of the entry script, relative to the folder of Pulumi.yaml."""

    image: pulumi.Input[str]
    """The image by digest: that of the run which made the model."""

    endpoint_name: NotRequired[pulumi.Input[str] | None]
    """Name of the endpoint. Defaults to the component's name."""

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

    instance_count: NotRequired[pulumi.Input[int] | None]
    """How many requests are worked on at once, each by a process. Defaults to 1."""

    port: NotRequired[pulumi.Input[int] | None]
    """Port of this machine. Defaults to a free one, which stays."""

    allow_secrets: NotRequired[list[str] | None]
    """Files (`path` or `path:line`) of the source that only look as if they held a secret. Defaults to none."""


class LocalEndpoint(pulumi.ComponentResource):
    """The same `score.py` that an online endpoint of Azure ML runs, behind a port of this machine.

    A new deployment takes over once it has answered its samples, and no request is lost. Costs nothing; programs of
    other users of this machine can call it."""

    url: pulumi.Output[str]
    """The address that takes requests by POST."""

    deployment: pulumi.Output[str]
    """Name of the deployment that serves, by its content."""

    model_version: pulumi.Output[str]
    """The model that serves, by its digest."""

    def __init__(self, name: str, args: LocalEndpointArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("trainup:index:LocalEndpoint", name, {}, opts)
        endpoint = declare(self, name, "local", args, LocalEndpointArgs)
        self.url = endpoint.url
        self.deployment = endpoint.deployment
        self.model_version = endpoint.model_version
