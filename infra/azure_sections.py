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
from trainup.infra.sections import UNSHOWN, JudgedSection, LengthOfTime, SecretName, Section, Text


class AzureWorkspaceSettings(Section):
    """`trainup:workspace`: an existing workspace by `id` or `config`, or the name of a new one."""

    id: WorkspaceId | None = None
    config: str | None = None
    """A `config.json` from Azure ML's studio, or the folder from which to search for one upwards."""
    name: WorkspaceName | None = None
    resource_group: ResourceGroupName | None = None
    """Existing resource group for a new workspace."""

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
    name: RegistryName | None = None
    sku: Literal["Basic", "Standard", "Premium"] = "Basic"
    server: RegistryServer | None = None
    username: str | None = None
    password: Any = None

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
    serverless: bool = False
    name: ClusterName = "gpu-cluster"
    size: SizeName = sizes.DEFAULT
    gpu: Text | None = None
    """Instead of `size`: the cheapest size with this GPU that the region sells and the quota allows."""
    gpus: int | None = None
    """How many of `gpu` a node has; 1 if it is not set."""
    min_nodes: int = 0
    max_nodes: int = 4
    idle: LengthOfTime = "2m"
    spot: bool = False
    subnet: SubnetId | None = None
    ssh_user: str | None = None
    ssh_public_key: str | None = None

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
    container: ContainerName
    path: str = ""
    version: Text | None = None
    key: SecretName | None = None
    """Name of the config secret with the account's key, where identities cannot be used."""


class AccessSettings(Section):
    """`trainup:access`: the people, groups and services that submit runs, by object id."""

    users: list[PrincipalId] = Field(default_factory=list)
    groups: list[PrincipalId] = Field(default_factory=list)
    service_principals: list[PrincipalId] = Field(default_factory=list)

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
