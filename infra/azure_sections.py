"""The sections of an Azure stack's settings: workspace, registry, cluster, data, access."""

from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from trainup.core import sizes
from trainup.core.clusters import MAX_CLUSTER_NODES, check_nodes
from trainup.core.duration import parse_duration
from trainup.core.gpu_choice import DEFAULT_GPUS, check_gpu
from trainup.core.roles import PrincipalType
from trainup.infra import workspace_file
from trainup.infra.azure_keys import REGISTRY_PASSWORD
from trainup.infra.azure_values import (
    ClusterId,
    ClusterName,
    ContainerName,
    PrincipalId,
    RegistryId,
    RegistryName,
    RegistryServer,
    ResourceGroupName,
    SizeName,
    StorageId,
    SubnetId,
    WorkspaceId,
    WorkspaceName,
    project_root,
    refuse,
    together,
)
from trainup.infra.endpoint_settings import EndpointSettings
from trainup.infra.sections import UNSHOWN, JudgedSection, LengthOfTime, SecretName, Section, Text


class AzureWorkspaceSettings(Section):
    """`trainup:workspace`: an existing workspace by `id` or `config`, or the name of a new one."""

    id: WorkspaceId | None = None
    """ARM id of an existing workspace to attach to. Defaults to a new one.

    Replaces: the stack's workspace, registry, cluster and runs.
    """
    config: str | None = None
    """The workspace by a `config.json` from Azure ML's studio, or by the folder from which one is searched for upwards.

    Replaces: the stack's workspace, registry, cluster and runs.
    """
    name: WorkspaceName | None = None
    """Name of a new workspace; after its deletion Azure blocks the name for 14 days. Defaults to one with a random end.

    Replaces: the workspace, which is refused unless `discard` lists it.
    """
    resource_group: ResourceGroupName | None = None
    """Existing resource group for a new workspace. Defaults to a new group.

    Replaces: the workspace and all in it, which is refused unless `discard` lists it.
    """

    @model_validator(mode="after")
    def _is_one_workspace(self) -> "AzureWorkspaceSettings":
        refuse([together(self, "id", "config", "name", "resource_group"), together(self, "config", "name")])
        return self

    @field_validator("config")
    @classmethod
    def _config_is_found(cls, path: str | None, info: ValidationInfo) -> str | None:
        return None if path is None else str(workspace_file.read(project_root(info) / path))


class RegistrySettings(Section):
    """`trainup:registry`: a new one, an existing one by `id`, or one outside of Azure by `server` and `username`."""

    id: RegistryId | None = None
    """ARM id of an existing registry to attach to. Defaults to a new one, or that of an existing workspace.

    Replaces: the image and the runs, since a run knows its image by its whole name.
    """
    name: RegistryName | None = None
    """Name of a new registry, unique in all of Azure. Defaults to one with a random end.

    Replaces: the registry with its images, which is refused unless `discard` lists it, and the runs.
    """
    sku: Literal["Basic", "Standard", "Premium"] = "Basic"
    """Service tier of a new registry.

    Costs: about 5 US dollars a month for Basic, 20 for Standard, 50 for Premium, also while idle.
    """
    server: RegistryServer | None = None
    """Host name of a registry outside of Azure, such as `ghcr.io`; the image goes there, or comes from there.

    Replaces: the login, the image and the runs, since a run knows its image by its whole name.
    """
    username: str | None = None
    """User name at `server`; the password is the config secret `registry_password`."""
    password: Any = None
    """No setting: it is refused here. The config secret `registry_password` holds it."""

    @field_validator("password")
    @classmethod
    def _password_is_no_setting(cls, value: Any) -> None:
        raise PydanticCustomError(
            UNSHOWN,
            "a password does not belong here, in plain text: remove it, and "
            f"`pulumi config set --secret trainup:{REGISTRY_PASSWORD}`",
        )

    @model_validator(mode="after")
    def _is_one_registry(self) -> "RegistrySettings":
        half = (self.server is None) != (self.username is None)
        refuse(
            [
                together(self, "id", "name", "sku", "server", "username"),
                together(self, "server", "name", "sku"),
                "a registry outside of Azure needs both `server` and `username`" if half else None,
            ]
        )
        return self


class AzureClusterSettings(Section):
    """`trainup:cluster`: a new cluster, an existing one by `id`, or none with `serverless`."""

    id: ClusterId | None = None
    """ARM id of an existing cluster to attach to. Defaults to a new one.

    Replaces: nothing; the stack's own cluster is removed.
    """
    serverless: bool = False
    """Whether Azure ML finds nodes for each run, without a cluster.

    Replaces: nothing; the stack's own cluster is removed.
    Costs: nodes while runs have them.
    """
    name: ClusterName = "gpu-cluster"
    """Name of a new cluster in its workspace.

    Replaces: the cluster.
    """
    size: SizeName = sizes.DEFAULT
    """Nodes by name (`gpu-small`), or any SKU that the region sells.

    Replaces: the cluster; without one (`serverless`) the runs.
    Costs: the price of the size for each node and hour; a preview shows it.
    """
    gpu: Text | None = None
    """Instead of `size`: the cheapest size with this GPU that the region sells and the quota allows. Found once.

    Replaces: the cluster, where another size is found.
    """
    gpus: int | None = None
    """How many of `gpu` a node has; 1 if it is not set.

    Replaces: the cluster, where another size is found.
    """
    min_nodes: int = 0
    """Nodes that are always on.

    Costs: their price around the clock; 0 costs nothing while idle.
    """
    max_nodes: int = 4
    """The most nodes at once; runs beyond that wait in a queue."""
    idle: LengthOfTime = "2m"
    """How long an idle node stays on, such as `90s` or `10m`.

    Costs: the nodes for that time after each run.
    """
    spot: bool = False
    """Whether to use spot nodes, which Azure may take away; `on_preemption` of a run says what happens then.

    Replaces: the cluster.
    Costs: often a fifth to a half of the price of dedicated nodes.
    """
    subnet: SubnetId | None = None
    """ARM id of the subnet for the nodes. Defaults to none.

    Replaces: the cluster.
    """
    ssh_user: str | None = None
    """User who may log in to the nodes over SSH; needs `ssh_public_key`. Defaults to nobody.

    Replaces: the cluster.
    """
    ssh_public_key: str | None = None
    """Public key of `ssh_user`. Defaults to none.

    Replaces: the cluster.
    """

    @property
    def node_limit(self) -> int:
        """The most nodes that one run can have."""
        return MAX_CLUSTER_NODES if self.id or self.serverless else self.max_nodes

    @property
    def idle_seconds(self) -> int:
        """Seconds that an idle node stays on."""
        return int(parse_duration(self.idle))

    @model_validator(mode="after")
    def _fits_together(self) -> "AzureClusterSettings":
        nodes = ("name", "min_nodes", "max_nodes", "idle", "spot", "subnet", "ssh_user", "ssh_public_key")
        half = (self.ssh_user is None) != (self.ssh_public_key is None)
        refuse(
            [
                together(self, "id", "serverless", "size", "gpu", "gpus", *nodes),
                together(self, "gpu", "size"),
                "`gpus` says how many of `gpu` a node has: set `gpu`, such as A100"
                if self.gpu is None and self.gpus is not None
                else None,
                check_gpu(self.gpu, DEFAULT_GPUS if self.gpus is None else self.gpus) if self.gpu is not None else None,
                together(self, "serverless", *nodes) if self.serverless else None,
                check_nodes(self.min_nodes, self.max_nodes),
                sizes.check_spot(sizes.find_size(self.size)) if self.spot and self.gpu is None else None,
                "logging in to nodes needs both `ssh_user` and `ssh_public_key`" if half else None,
            ]
        )
        return self


class DataSettings(JudgedSection):
    """One entry of `trainup:data`: a folder in a storage account."""

    storage: StorageId
    """ARM id of the storage account that holds the data. Nodes get the role Storage Blob Data Reader on it.

    Replaces: the runs that read it.
    """
    container: ContainerName
    """Blob container in the account.

    Replaces: the runs that read it.
    """
    path: str = ""
    """Folder in the container. Defaults to all of it.

    Replaces: the runs that read it.
    """
    version: Text | None = None
    """What the data is; anything new here trains again. Defaults to the data's location alone.

    Replaces: the runs that read it.
    """
    key: SecretName | None = None
    """Name of the config secret with the account's key, where nodes cannot read it by identity. Defaults to none."""


class AccessSettings(Section):
    """`trainup:access`: the people, groups and services that submit runs, by object id."""

    users: list[PrincipalId] = Field(default_factory=list)
    """Object ids of people (`az ad signed-in-user show --query id --output tsv`)."""
    groups: list[PrincipalId] = Field(default_factory=list)
    """Object ids of groups."""
    service_principals: list[PrincipalId] = Field(default_factory=list)
    """Object ids of services, such as the one of a CI job."""

    @model_validator(mode="after")
    def _each_is_one_kind(self) -> "AccessSettings":
        everyone = [principal for kind in (self.users, self.groups, self.service_principals) for principal in set(kind)]
        twice = sorted({principal for principal in everyone if everyone.count(principal) > 1})
        refuse(
            [
                f"{principal} is in two lists, and an id belongs to one kind of principal: remove it from the wrong one"
                for principal in twice
            ]
        )
        return self

    @property
    def principals(self) -> dict[str, PrincipalType]:
        """Object id → whether it is a user, a group or a service principal."""
        kinds = (
            (self.users, PrincipalType.USER),
            (self.groups, PrincipalType.GROUP),
            (self.service_principals, PrincipalType.SERVICE_PRINCIPAL),
        )
        return {principal: kind for principals, kind in kinds for principal in principals}


class AzureEndpointSettings(EndpointSettings):
    """One entry of `trainup:endpoints`: a managed online endpoint."""

    instance_type: str | None = None
    """Size of an instance; `Standard_DS3_v2` when not given.

    Costs: the price of the instances, day and night.
    """
    auth_mode: Literal["aad_token", "key"] | None = None
    """Who may call it: `aad_token` (the default), who has the right by Entra ID; `key`, who has the key."""
    traffic: int | None = Field(default=None, ge=0, le=100)
    """Share of the requests, in percent, that the newest deployment gets; the one before keeps the rest, and goes with
    100, which is the default."""
    mirror_traffic: int | None = Field(default=None, ge=0, le=50)
    """Share of the requests, in percent, that the newest deployment gets a copy of, and whose answers nobody sees."""
