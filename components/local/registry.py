"""The registry noun on this machine."""

from typing import TypedDict

import pulumi

from trainup.components import arguments


class LocalRegistryArgs(TypedDict):
    """Which workspace the store belongs to."""

    workspace_id: pulumi.Input[str]
    """The workspace, a folder."""


class LocalRegistry(pulumi.ComponentResource):
    """The workspace's content-addressed store of built environments. Costs disk space: the three last used are kept."""

    registry_id: pulumi.Output[str]
    """The folder of the store."""

    login_server: pulumi.Output[str]
    """The same folder: on this machine there is no server."""

    def __init__(self, name: str, args: LocalRegistryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("trainup:index:LocalRegistry", name, {}, opts)
        arguments.check(self, args, LocalRegistryArgs)

        self.registry_id = pulumi.Output.concat(args["workspace_id"], "/store")
        self.login_server = self.registry_id
        self.register_outputs({"registry_id": self.registry_id, "login_server": self.login_server})
