"""The settings of stacks on Azure. Everything that Azure would refuse and that can be told here is refused here."""

from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from trainup.core import sizes
from trainup.core.azure_ids import WORKSPACE, parse_id
from trainup.core.azure_names import datastore_name
from trainup.core.clouds import CLOUDS
from trainup.core.clusters import MAX_NODES, check_nodes
from trainup.core.duration import parse_duration
from trainup.core.images import ImageBuilder, parse_reference
from trainup.core.roles import PrincipalType
from trainup.infra import workspace_file
from trainup.infra.azure_image_settings import AzureImageSettings
from trainup.infra.azure_provider_settings import ProviderSettings
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
    TagName,
    TagValue,
    WorkspaceId,
    WorkspaceName,
    project_root,
    refuse,
    together,
)
from trainup.infra.sections import UNSHOWN, DataName, LengthOfTime, RunName, RunSettings, SecretName, Section, Text

BUILT_IN_STORES = frozenset(
    f"workspace{store}" for store in ("blobstore", "artifactstore", "workingdirectory", "filestore")
)
"""Datastores that Azure ML makes in every workspace."""

OWN_TAGS = 47
"""Tags of a stack's own; Azure takes 50 on a resource."""

REGISTRY_PASSWORD = "registry_password"
"""The config secret that holds the password of an external registry."""


class AzureWorkspaceSettings(Section):
    """`trainup:workspace`: an existing workspace by `id` or `config`, or what a new one is called."""

    id: WorkspaceId | None = None
    config: str | None = None
    """A `config.json` as Azure ML's studio offers it for download, or the folder to look for one from."""
    name: WorkspaceName | None = None
    resource_group: ResourceGroupName | None = None
    """Existing resource group for a new workspace."""

    @model_validator(mode="after")
    def _is_one_workspace(self) -> "AzureWorkspaceSettings":
        refuse([together(self, "id", "config", "name", "resource_group"), together(self, "config", "name")])
        return self

    @field_validator("config")
    @classmethod
    def _config_is_found(cls, path: str, info: ValidationInfo) -> str:
        return str(workspace_file.read(project_root(info) / path))


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
    """`trainup:cluster`: a new one, an existing one by `id`, or none with `serverless`."""

    id: ClusterId | None = None
    serverless: bool = False
    name: ClusterName = "gpu-cluster"
    size: SizeName = sizes.DEFAULT
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
        return MAX_NODES if self.id or self.serverless else self.max_nodes

    @property
    def idle_seconds(self) -> int:
        """How long a node stays on with nothing to do."""
        return int(parse_duration(self.idle))

    @model_validator(mode="after")
    def _fitstogether(self) -> "AzureClusterSettings":
        nodes = ("name", "min_nodes", "max_nodes", "idle", "spot", "subnet", "ssh_user", "ssh_public_key")
        half = (self.ssh_user is None) != (self.ssh_public_key is None)
        refuse(
            [
                together(self, "id", "serverless", "size", *nodes),
                together(self, "serverless", *nodes) if self.serverless else None,
                check_nodes(self.min_nodes, self.max_nodes),
                sizes.check_spot(sizes.find_size(self.size)) if self.spot else None,
                "logging in to nodes needs both `ssh_user` and `ssh_public_key`" if half else None,
            ]
        )
        return self


class DataSettings(Section):
    """One entry of `trainup:data`: a folder in a storage account."""

    storage: StorageId
    container: ContainerName
    path: str = ""
    version: Text | None = None
    key: SecretName | None = None
    """Name of the config secret with the account's key, where identities cannot be used."""


class AccessSettings(Section):
    """`trainup:access`: who submits runs, by object id."""

    users: list[PrincipalId] = Field(default_factory=list)
    groups: list[PrincipalId] = Field(default_factory=list)
    service_principals: list[PrincipalId] = Field(default_factory=list)

    @model_validator(mode="after")
    def _each_is_one_kind(self) -> "AccessSettings":
        everyone = [principal for kind in (self.users, self.groups, self.service_principals) for principal in set(kind)]
        twice = sorted({principal for principal in everyone if everyone.count(principal) > 1})
        refuse(
            [f"{principal} is in two lists, and an id is of one kind: keep it where it belongs" for principal in twice]
        )
        return self

    @property
    def principals(self) -> dict[str, PrincipalType]:
        """Object id → what it is of."""
        kinds = (
            (self.users, PrincipalType.USER),
            (self.groups, PrincipalType.GROUP),
            (self.service_principals, PrincipalType.SERVICE_PRINCIPAL),
        )
        return {principal: kind for principals, kind in kinds for principal in principals}


class AzureSettings(Section):
    """All of an Azure stack's configuration."""

    target: Literal["azure"] = "azure"
    azure_native: ProviderSettings
    workspace: AzureWorkspaceSettings = AzureWorkspaceSettings()
    registry: RegistrySettings = RegistrySettings()
    cluster: AzureClusterSettings = AzureClusterSettings()
    image: AzureImageSettings
    data: dict[DataName, DataSettings] = Field(default_factory=dict)
    access: AccessSettings = AccessSettings()
    tags: dict[TagName, TagValue] = Field(default_factory=dict)
    protect: bool = True
    """Whether what holds data is protected from deletion."""
    discard: list[Literal["workspace", "storage", "registry"]] = Field(default_factory=list)
    """What of it may be lost by an edit that makes it anew; otherwise such an edit is refused."""
    runs: dict[RunName, RunSettings] = Field(default_factory=dict)

    @field_validator("image")
    @classmethod
    def _image_has_a_registry(cls, image: AzureImageSettings, info: ValidationInfo) -> AzureImageSettings:
        registry = info.data.get("registry")
        if registry is None or registry.server is None:
            return image
        if image.builder is ImageBuilder.ACR:
            raise ValueError(
                f"the builder acr builds in a registry of Azure, and trainup:registry.server is {registry.server!r}: "
                "build with docker, take a prebuilt image, or drop the server"
            )
        if image.reference and (server := parse_reference(image.reference).server) != registry.server:
            raise ValueError(
                f"the image comes from {server!r}, and the login in trainup:registry is for {registry.server!r}: it "
                "would be sent to the wrong registry; make them the same, or drop trainup:registry"
            )
        return image

    def misfits(self) -> list[str]:
        """What does not fit together among sections that are right by themselves."""
        problems = []
        workspace, own = self.existing_workspace or "", self.azure_native.subscription_id
        theirs = parse_id(workspace, WORKSPACE).subscription_id if workspace else own
        if own and theirs and own.lower() != theirs.lower():
            problems.append(
                f"azure-native:subscriptionId: it is {own}, and the workspace in trainup:workspace lies in {theirs}: "
                "make them the same, for what the stack adds is made beside the workspace"
            )
        cluster = self.cluster.id or ""
        home = cluster[: cluster.lower().rfind("/computes/")] if cluster else ""
        if cluster and workspace.lower().rstrip("/") != home.lower():
            problems.append(
                "trainup:cluster.id: the cluster belongs to another workspace than the stack's: set "
                f"trainup:workspace.id to {home}, or let the stack make a cluster"
            )
        if workspace and self.image.has_packages and self._names_azure_registry:
            problems.append(
                "trainup:registry: Azure ML installs packages into the registry of the existing workspace, and into no "
                "other: remove it"
            )
        return problems

    @field_validator("data")
    @classmethod
    def _data_have_stores_of_their_own(cls, data: dict[str, DataSettings]) -> dict[str, DataSettings]:
        stores: dict[str, str] = {}
        for name in data:
            if datastore_name(name).lower() in BUILT_IN_STORES:
                raise ValueError(f"{name!r} is a datastore that every workspace has already: choose another name")
            other = stores.setdefault(datastore_name(name), name)
            if other != name:
                raise ValueError(
                    f"{other!r} and {name!r} differ in dashes and underscores alone, and Azure's datastores have no "
                    "dashes: rename one of them"
                )
        return data

    @field_validator("tags")
    @classmethod
    def _tags_fit_on_a_resource(cls, tags: dict[str, str]) -> dict[str, str]:
        if len(tags) > OWN_TAGS:
            raise ValueError(f"{len(tags)} tags are given: a resource of Azure holds 50, and trainup has 3 of its own")
        return tags

    @property
    def existing_workspace(self) -> str | None:
        """ARM id of the workspace to attach to, if any."""
        return self.workspace.id or self.workspace.config

    @property
    def takes_workspace_registry(self) -> bool:
        """Whether images go to the registry of a workspace that exists."""
        return self.uses_azure_registry and bool(self.existing_workspace) and not self._names_azure_registry

    @property
    def uses_azure_registry(self) -> bool:
        """Whether there is a registry on Azure; an existing image that is used as it is needs none."""
        if self.registry.server is not None:
            return self.image.has_packages  # which Azure ML installs into a registry on Azure
        is_built = self.image.builder is not ImageBuilder.PREBUILT or self.image.has_packages
        return is_built or self._names_azure_registry

    @property
    def unnamed_registry(self) -> str | None:
        """Host of a registry on Azure that an existing image lies in and nothing else tells of, for new nodes."""
        if self.image.reference is None or self._names_azure_registry or self.cluster.id:
            return None
        server = parse_reference(self.image.reference).server
        is_on_azure = any(server.endswith(f".{cloud.registry_suffix}") for cloud in CLOUDS.values())
        return server if is_on_azure and server != self.registry.server else None

    @property
    def _names_azure_registry(self) -> bool:
        return bool(self.registry.model_fields_set & {"id", "name", "sku"})

    @property
    def kept(self) -> dict[str, dict[str, str]]:
        """What the stack makes that holds data → the settings that Azure cannot change on it."""
        workspace = self.existing_workspace
        group = parse_id(workspace, WORKSPACE).resource_group if workspace else self.workspace.resource_group
        place = {"azure-native:location": self.azure_native.location}
        place |= {"trainup:workspace.resource_group": group} if group else {}
        kept = {}
        if workspace is None:
            kept["storage"] = place
            kept["workspace"] = place | ({"trainup:workspace.name": self.workspace.name} if self.workspace.name else {})
        if self.uses_azure_registry and not self.registry.id and not self.takes_workspace_registry:
            kept["registry"] = place | ({"trainup:registry.name": self.registry.name} if self.registry.name else {})
        # Azure's names are the same in any case.
        return {noun: {name: value.lower() for name, value in facts.items()} for noun, facts in kept.items()}

    @property
    def has_secrets(self) -> bool:
        """Whether any run takes secrets."""
        return any(run.secrets for run in self.runs.values())

    @property
    def login_server(self) -> str:
        """Where images come from, as far as it is known without an Azure registry."""
        return self.registry.server or (parse_reference(self.image.reference).server if self.image.reference else "")
