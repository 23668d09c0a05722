"""The workspace noun on this machine."""

from typing import NotRequired, TypedDict

import pulumi

from trainup.components import arguments
from trainup.components.resources import Server


class LocalWorkspaceArgs(TypedDict):
    """The folder of a local workspace, and how its runs are tracked."""

    path: pulumi.Input[str]
    """Folder of the workspace, relative to the folder of Pulumi.yaml."""

    tracking: NotRequired[pulumi.Input[str] | None]
    """`server` (an MLflow server of its own), `none`, or the address of another MLflow server. Defaults to `server`."""


class LocalWorkspace(pulumi.ComponentResource):
    """A folder with the record of all runs and an MLflow server. Costs nothing."""

    workspace_id: pulumi.Output[str]
    """The folder, as argument of other components."""

    name: pulumi.Output[str]
    """The folder's name."""

    tracking_uri: pulumi.Output[str]
    """MLflow tracking address, which is also that of its pages; empty without tracking."""

    def __init__(self, name: str, args: LocalWorkspaceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("trainup:index:LocalWorkspace", name, {}, opts)
        arguments.check(self, args, LocalWorkspaceArgs)

        server = Server(
            f"{name}-mlflow",
            {"workspace": args["path"], "tracking": arguments.value_or(args.get("tracking"), "server")},
            opts=pulumi.ResourceOptions(parent=self),
        )

        self.workspace_id = server.id
        self.name = pulumi.Output.from_input(args["path"]).apply(lambda path: path.rstrip("/").rsplit("/", 1)[-1])
        self.tracking_uri = server.tracking_uri
        self.register_outputs({"workspace_id": self.workspace_id, "name": self.name, "tracking_uri": self.tracking_uri})
