"""The registered model, on every target."""

from typing import Any, NotRequired, TypedDict

import pulumi

from trainup.components import arguments
from trainup.components.resources import ModelVersion


class ModelArgs(TypedDict):
    """Which files become a model, and where it is registered."""

    target: str
    """Where it is registered: `local` (the MLflow server of the workspace) or `azure` (the workspace of Azure ML)."""

    workspace_id: pulumi.Input[str]
    """The workspace that has the registry."""

    model_name: NotRequired[str | None]
    """Name of the model: letters, digits, dashes and underscores. Defaults to the component's name."""

    run: NotRequired[pulumi.Input[str] | None]
    """The attempt that leaves the model behind: `name` of a `TrainingRun`."""

    run_digest: NotRequired[pulumi.Input[str] | None]
    """`digest` of that run; when it changes, another version is registered."""

    run_status: NotRequired[pulumi.Input[str] | None]
    """`status` of that run; of one that did not complete nothing is registered."""

    path: NotRequired[pulumi.Input[str] | None]
    """The file or folder among the outputs of the run, such as `model.pkl`."""

    promoted: NotRequired[pulumi.Input[str] | None]
    """In the place of a run: the version of another stack, `<workspace>/models/<name>/versions/<version>`."""

    type: NotRequired[pulumi.Input[str] | None]
    """`custom_model`, `mlflow_model` or `triton_model`. Defaults to `custom_model`."""

    description: NotRequired[pulumi.Input[str] | None]
    """What the model is for. Defaults to nothing."""

    tags: NotRequired[pulumi.Input[dict[str, pulumi.Input[str]]] | None]
    """Tags of the version. Defaults to none."""

    cloud: NotRequired[str | None]
    """Which Azure: `public`, `usgovernment`, `china`, or the host that describes another. Defaults to what
    the variables of azure-native say, or `public`."""


class Model(pulumi.ComponentResource):
    """What a run left behind, as a version of a registered model, named by its content: equal content is one version.

    Its run, data, image and git commit are kept with it. Former versions stay, also when this is deleted: one of them
    may be live. There is no argument for files from elsewhere, since a pickled model runs code when it is loaded: a
    model is from a run of this stack, or from one of another stack of yours. Costs storage for its files.
    """

    model_id: pulumi.Output[str]
    """What the target calls the version: on Azure its ARM id, on this machine `models:/<name>/<number>`."""

    version: pulumi.Output[str]
    """The first twelve digits of the digest over its content; empty where the run did not complete."""

    uri: pulumi.Output[str]
    """The folder with its files."""

    registered: pulumi.Output[dict[str, Any]]
    """All that is known of the version, which a `Gate` takes as its candidate: `name`, `version`, `id`, `uri`, `path`,
    `digest`, `run`, `run_digest`, `image`, `commit`, `data` and `metrics`."""

    def __init__(self, name: str, args: ModelArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("trainup:index:Model", name, {}, opts)
        arguments.check(self, args, ModelArgs)

        inputs = {
            "target": args["target"],
            "workspace": args["workspace_id"],
            "model": arguments.value_or(args.get("model_name"), name),
            "run": args.get("run"),
            "digest": args.get("run_digest"),
            "status": args.get("run_status"),
            **{key: args.get(key) for key in ("path", "promoted", "type", "description", "tags", "cloud")},
        }
        version = ModelVersion(
            f"{name}-version",
            {key: value for key, value in inputs.items() if value is not None},
            opts=pulumi.ResourceOptions(parent=self),
        )

        self.model_id = version.model_id
        self.version = version.version
        self.uri = version.uri
        self.registered = version.registered
        self.register_outputs({output: getattr(self, output) for output in Model.__annotations__})
