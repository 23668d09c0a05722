"""The data noun on this machine."""

from typing import TypedDict

import pulumi

from trainup.components import arguments
from trainup.components.resources import Data


class LocalDataArgs(TypedDict):
    """The path of the data."""

    path: pulumi.Input[str]
    """File or folder, relative to the folder of Pulumi.yaml."""


class LocalData(pulumi.ComponentResource):
    """A file or folder, identified by its content: a run that uses it trains again when the content changes.

    Nothing is copied, so it costs nothing; runs must not write to it.
    """

    data_id: pulumi.Output[str]
    """The path."""

    uri: pulumi.Output[str]
    """Address of the data, as input of runs."""

    digest: pulumi.Output[str]
    """Digest of the data: `sha256:…` over names and contents."""

    def __init__(self, name: str, args: LocalDataArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("trainup:index:LocalData", name, {}, opts)
        arguments.check(self, args, LocalDataArgs)

        data = Data(f"{name}-content", {"path": args["path"]}, opts=pulumi.ResourceOptions(parent=self))

        self.data_id = data.id
        self.uri = data.uri
        self.digest = data.digest
        self.register_outputs({"data_id": self.data_id, "uri": self.uri, "digest": self.digest})
