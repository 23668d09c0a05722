"""The cluster noun on this machine."""

from typing import NotRequired, TypedDict

import pulumi

from trainup.components import arguments
from trainup.components.resources import Pool


class LocalClusterArgs(TypedDict):
    """The number of slots for runs on this machine."""

    workspace_id: pulumi.Input[str]
    """The workspace, a folder."""

    cluster_name: NotRequired[pulumi.Input[str] | None]
    """Name of the cluster in its workspace. Defaults to `gpu-cluster`."""

    max_nodes: NotRequired[pulumi.Input[int] | None]
    """Number of slots: a run takes one for each of its nodes. GPUs are distributed over the slots. Defaults to 1."""


class LocalCluster(pulumi.ComponentResource):
    """A queue with slots; first come, first served. Costs nothing while idle."""

    cluster_id: pulumi.Output[str]
    """The cluster, as argument of runs."""

    name: pulumi.Output[str]
    """Name of the cluster."""

    def __init__(self, name: str, args: LocalClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("trainup:index:LocalCluster", name, {}, opts)
        arguments.check(self, args, LocalClusterArgs)

        pool = Pool(
            f"{name}-pool",
            {
                "workspace": args["workspace_id"],
                "name": arguments.value_or(args.get("cluster_name"), "gpu-cluster"),
                "max_nodes": arguments.value_or(args.get("max_nodes"), 1),
            },
            opts=pulumi.ResourceOptions(parent=self),
        )

        self.cluster_id = pool.id
        self.name = pool.id
        self.register_outputs({"cluster_id": self.cluster_id, "name": self.name})
