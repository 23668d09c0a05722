"""The cluster noun on Azure."""

from typing import Any, NotRequired, TypedDict

import pulumi
from pulumi_azure_native import machinelearningservices

from trainup.components import arguments
from trainup.components.resources import ClusterRemoval, Quota
from trainup.core.azure_ids import CLUSTER, parse_id
from trainup.core.clusters import IDLE_SECONDS, SERVERLESS, check_nodes
from trainup.core.duration import iso_duration
from trainup.core.gpu_choice import DEFAULT_GPUS, check_gpu
from trainup.core.sizes import DEFAULT, check_spot, find_size

# Azure accepts a change of these properties and then ignores it, so the cluster has to be replaced.
REPLACED_ON = [
    f"properties.properties.{field}"
    for field in (
        "vmSize",
        "vmPriority",
        "subnet",
        "osType",
        "userAccountCredentials",
        "remoteLoginPortPublicAccess",
        "enableNodePublicIp",
        "isolatedNetwork",
    )
]


class GpuClusterArgs(TypedDict):
    """The size and number of the nodes, and how long idle ones stay."""

    location: str
    """Region of the workspace, such as `koreacentral`."""

    workspace_name: pulumi.Input[str]
    """The workspace."""

    resource_group_name: pulumi.Input[str]
    """Resource group of the workspace."""

    identity_id: pulumi.Input[str]
    """ARM id of the identity that the nodes run as. It needs its roles before the cluster is created."""

    cluster_name: NotRequired[str | None]
    """Name of the cluster in its workspace. Defaults to `gpu-cluster`."""

    cluster_id: NotRequired[str | None]
    """ARM id of an existing cluster to attach to. Defaults to a new one."""

    serverless: NotRequired[bool | None]
    """Whether Azure ML provides nodes for each run, without a cluster. Defaults to false."""

    size: NotRequired[str | None]
    """Name (`gpu-small`) or any SKU that the region sells. Defaults to `gpu-small`: one T4, about half a US dollar an
    hour."""

    gpu: NotRequired[str | None]
    """GPU of the nodes, such as `A100`, instead of `size`: the cheapest size with it that the region sells and the
    quota allows. It is found once, and stays until this or the region changes. Defaults to what `size` has."""

    gpus: NotRequired[int | None]
    """How many of `gpu` a node has. Defaults to 1."""

    min_nodes: NotRequired[int | None]
    """Nodes that are always on, and always paid for. Defaults to 0."""

    max_nodes: NotRequired[int | None]
    """The most nodes at once. Defaults to 4."""

    idle_seconds: NotRequired[int | None]
    """Seconds that an idle node stays on. Defaults to 120."""

    spot: NotRequired[bool | None]
    """Whether to use spot nodes, which are cheaper and which Azure may take away. Defaults to false."""

    subnet_id: NotRequired[str | None]
    """ARM id of the subnet for the nodes. Defaults to none."""

    ssh_user: NotRequired[str | None]
    """User who may log in to the nodes over SSH; needs `ssh_public_key`. Defaults to nobody."""

    ssh_public_key: NotRequired[str | None]
    """Public key of that user. Defaults to none."""

    subscription_id: NotRequired[str | None]
    """Subscription whose quota is checked before a cluster is created. Defaults to the variable ARM_SUBSCRIPTION_ID."""

    cloud: NotRequired[str | None]
    """Azure's cloud by name, or the host of one that describes itself. Defaults to what the variables of
    azure-native say, or `public`."""


class GpuCluster(pulumi.ComponentResource):
    """A cluster that starts nodes when runs need them and stops idle ones. Costs nothing while idle."""

    cluster_id: pulumi.Output[str]
    """ARM id of the cluster, or `serverless`."""

    name: pulumi.Output[str]
    """Name of the cluster, or `serverless`."""

    size: pulumi.Output[str]
    """SKU of the nodes; empty for an existing cluster."""

    def __init__(self, name: str, args: GpuClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("trainup:index:GpuCluster", name, {}, opts)
        arguments.check(self, args, GpuClusterArgs)

        if args.get("serverless"):
            self.cluster_id = self.name = pulumi.Output.from_input(SERVERLESS)
            # A run asks for its own number of nodes; that one fits is what can be known here.
            self.size = self._quota(name, args, 0, 1).size
        elif (existing := args.get("cluster_id")) is not None:
            self.cluster_id = pulumi.Output.from_input(existing)
            self.name = pulumi.Output.from_input(parse_id(existing, CLUSTER).name)
            self.size = pulumi.Output.from_input("")
            attached = {"location": args["location"], "attached_id": existing, "cloud": args.get("cloud")}
            Quota(f"{name}-quota", attached, opts=pulumi.ResourceOptions(parent=self))
        else:
            compute = self._create(name, args)
            self.cluster_id = compute.id
            self.name = compute.name
        self.register_outputs({"cluster_id": self.cluster_id, "name": self.name, "size": self.size})

    def _quota(
        self, name: str, args: GpuClusterArgs, least: int, most: int, place: dict[str, pulumi.Input[str]] | None = None
    ) -> Quota:
        """The check of size and quota; `place` names a cluster that the stack creates."""
        gpu, gpus = args.get("gpu"), args.get("gpus")
        if gpu is not None and args.get("size") is not None:
            raise ValueError("`gpu` and `size` exclude each other: keep one of them")
        if gpu is None and gpus is not None:
            raise ValueError("`gpus` says how many of `gpu` a node has: set `gpu`, such as A100")
        spot = args.get("spot") or False
        inputs: dict[str, Any] = {
            "location": args["location"],
            "min_nodes": least,
            "max_nodes": most,
            "spot": spot,
            "subscription_id": args.get("subscription_id"),
            "cloud": args.get("cloud"),
            **(place or {}),
        }
        if gpu is not None:
            inputs |= {"gpu": gpu, "gpus": arguments.value_or(gpus, DEFAULT_GPUS)}
            problem = check_gpu(gpu, inputs["gpus"])
        else:
            size = find_size(args.get("size") or DEFAULT)
            inputs["size"] = size.sku
            problem = check_spot(size) if spot else None
        if problem:
            raise ValueError(problem)
        return Quota(f"{name}-quota", inputs, opts=pulumi.ResourceOptions(parent=self))

    def _create(self, name: str, args: GpuClusterArgs) -> machinelearningservices.Compute:
        least, most = args.get("min_nodes") or 0, arguments.value_or(args.get("max_nodes"), 4)
        if problem := check_nodes(least, most):
            raise ValueError(problem)
        spot, cluster_name = args.get("spot") or False, args.get("cluster_name") or "gpu-cluster"
        user, key, subnet = args.get("ssh_user"), args.get("ssh_public_key"), args.get("subnet_id")
        if user or key:
            arguments.require(self, args, ("ssh_user", "ssh_public_key"), "logging in takes both")
        login = (
            machinelearningservices.UserAccountCredentialsArgs(admin_user_name=user, admin_user_ssh_public_key=key)
            if user
            else None
        )

        place = {"resource_group_name": args["resource_group_name"], "workspace_name": args["workspace_name"]}
        quota = self._quota(name, args, least, most, {**place, "cluster_name": cluster_name})
        # Only a size that is looked for in the preview comes from there: one that is given is known without an engine.
        self.size = quota.size if args.get("gpu") else pulumi.Output.from_input(_sku(args))

        compute = machinelearningservices.Compute(
            f"{name}-compute",
            compute_name=cluster_name,
            location=args["location"],
            resource_group_name=args["resource_group_name"],
            workspace_name=args["workspace_name"],
            identity={"type": "UserAssigned", "user_assigned_identities": [args["identity_id"]]},
            properties=machinelearningservices.AmlComputeArgs(
                compute_type="AmlCompute",
                compute_location=args["location"],
                disable_local_auth=not user,
                properties=machinelearningservices.AmlComputePropertiesArgs(
                    vm_size=self.size,
                    vm_priority="LowPriority" if spot else "Dedicated",
                    os_type="Linux",
                    scale_settings=machinelearningservices.ScaleSettingsArgs(
                        min_node_count=least,
                        max_node_count=most,
                        node_idle_time_before_scale_down=iso_duration(
                            arguments.value_or(args.get("idle_seconds"), IDLE_SECONDS)
                        ),
                    ),
                    subnet=machinelearningservices.ResourceIdArgs(id=subnet) if subnet else None,
                    remote_login_port_public_access="Enabled" if user else "Disabled",
                    user_account_credentials=login,
                    enable_node_public_ip=True,
                    isolated_network=False,
                ),
            ),
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[quota],
                replace_on_changes=REPLACED_ON,
                # The name is fixed, and cannot be used again until the old cluster is deleted.
                delete_before_replace=True,
            ),
        )
        removal = {"cluster_id": compute.id, "cloud": args.get("cloud")}
        ClusterRemoval(f"{name}-removal", removal, opts=pulumi.ResourceOptions(parent=self))
        return compute


def _sku(args: GpuClusterArgs) -> str:
    return find_size(args.get("size") or DEFAULT).sku


def principal_of(cluster_id: str) -> pulumi.Output[str]:
    """Principal id of the identity of an existing cluster's nodes. Raises RunError unless there is just one.

    It is known in a preview.
    """
    cluster = parse_id(cluster_id, CLUSTER)
    workspace, name = cluster.names
    compute = machinelearningservices.get_compute_output(
        resource_group_name=cluster.resource_group, workspace_name=workspace, compute_name=name
    )
    identity: pulumi.Output[Any] = compute.identity
    return identity.apply(lambda value: _principal(name, value))


def _principal(cluster: str, identity: Any) -> str:
    assigned = (identity.user_assigned_identities if identity else None) or {}
    system_assigned = identity.principal_id if identity else None
    principals = [
        principal for principal in (system_assigned, *(one.principal_id for one in assigned.values())) if principal
    ]
    if len(principals) != 1:
        raise pulumi.RunError(
            f"the nodes of the existing cluster {cluster!r} have {len(principals) or 'no'} identities, and "
            "it takes just one to give them the roles that this stack needs, on its registry, on data or on secrets: "
            "give the cluster one (`az ml compute update --identity-type …`), read data with a `key`, or let the stack "
            "make a cluster"
        )
    return str(principals[0])
