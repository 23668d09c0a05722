"""The settings of stacks on Azure. What Azure would refuse is refused here, as far as it can be known before."""

from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationInfo, field_validator

from trainup.core import sizes
from trainup.core.azure_ids import WORKSPACE, parse_id
from trainup.core.azure_names import datastore_name
from trainup.core.clouds import CLOUDS
from trainup.core.images import ImageBuilder, parse_reference
from trainup.infra import image_fit, job_images
from trainup.infra.azure_image_settings import AzureImageSettings
from trainup.infra.azure_provider_settings import ProviderSettings
from trainup.infra.azure_sections import (
    AccessSettings,
    AzureClusterSettings,
    AzureEndpointSettings,
    AzureWorkspaceSettings,
    DataSettings,
    RegistrySettings,
)
from trainup.infra.azure_values import TagName, TagValue
from trainup.infra.cost_settings import CostSettings
from trainup.infra.endpoint_settings import EndpointName
from trainup.infra.model_settings import GateSettings, ModelName, RegisteredModelSettings
from trainup.infra.plain_secrets import in_files_of_image
from trainup.infra.run_settings import RunSettings
from trainup.infra.sections import DataName, RunName, Section
from trainup.infra.target_settings import SettingsDeclaration

BUILT_IN_STORES = frozenset(
    f"workspace{store}" for store in ("blobstore", "artifactstore", "workingdirectory", "filestore")
)
"""The datastores that Azure ML creates in every workspace."""

OWN_TAGS = 47
"""The most tags that a stack may set: Azure allows 50 on a resource, and trainup sets 3."""


class AzureSettings(Section):
    """All of an Azure stack's configuration."""

    target: Literal["azure"] = "azure"
    """Where the stack's runs run.

    Replaces: everything.
    """
    azure_native: ProviderSettings
    """The settings of Pulumi's provider for Azure that trainup reads too; keys of the namespace `azure-native`."""
    workspace: AzureWorkspaceSettings = AzureWorkspaceSettings()
    """The Azure ML workspace: a new one with all it needs, or one that exists.

    Costs: nothing but the storage of what runs have written, about 2 US cents a month for each GB.
    """
    registry: RegistrySettings = RegistrySettings()
    """The container registry of the images: a new one, one that exists, or one outside of Azure."""
    cluster: AzureClusterSettings = AzureClusterSettings()
    """The nodes of the runs: a new cluster, one that exists, or none.

    Costs: nothing while no node is on.
    """
    image: AzureImageSettings
    """The container image of the runs, and the environment that it is registered as."""
    data: dict[DataName, DataSettings] = Field(default_factory=dict)
    """Data by name, as inputs of runs: folders in storage accounts. Nothing is copied."""
    access: AccessSettings = AccessSettings()
    """Who submits runs, by object id. Each gets the least roles that this takes; `roles.md` lists them."""
    costs: CostSettings = CostSettings()
    """Ceilings that stop a preview before anything is made, and the currency of prices."""
    tags: dict[TagName, TagValue] = Field(default_factory=dict)
    """Tags of every resource that can have some, besides `managed-by`, `project` and `stack`; at most 47."""
    protect: bool = True
    """Whether what holds data is protected from deletion, and a deleted vault is kept for 90 days rather than 7."""
    discard: list[Literal["workspace", "storage", "registry"]] = Field(default_factory=list)
    """Resources with data that an edit may replace, and their data with them; other such edits are refused."""
    runs: dict[RunName, RunSettings] = Field(default_factory=dict)
    """The training runs by name."""
    models: dict[ModelName, RegisteredModelSettings] = Field(default_factory=dict)
    """Models by name: outputs of runs as versions of registered models."""
    gates: dict[RunName, GateSettings] = Field(default_factory=dict)
    """Gates by name: which version of a model is live."""
    endpoints: dict[EndpointName, AzureEndpointSettings] = Field(default_factory=dict)
    """Endpoints by name: what serves the models of the runs.

    Costs: the price of their instances, day and night.
    """
    allow_secrets: list[str] = Field(default_factory=list)
    """Settings outside of runs and the image that only look as if they held a secret, such as `tags.owner`."""

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
        """Problems between sections that are valid by themselves."""
        problems = []
        workspace, own = self.existing_workspace or "", self.azure_native.subscription_id
        theirs = parse_id(workspace, WORKSPACE).subscription_id if workspace else own
        if own and theirs and own.lower() != theirs.lower():
            problems.append(
                f"azure-native:subscriptionId: it is {own}, and the workspace in trainup:workspace lies in {theirs}: "
                "make them the same, since the stack creates its resources beside the workspace"
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

    def file_problems(self, root: Path, stack: str) -> list[str]:
        """Problems in files that no resource checks: likely secrets in the image's, images that this stack cannot
        build, and packages that the GPUs cannot run."""
        images = job_images.job_images(self.runs, root)
        return [
            *in_files_of_image(root, self.image),
            *job_images.problems_of(self.runs, images, self.image.builder),
            *job_images.misfits_of(self.runs, images, root, self.node_sku),
            *image_fit.fit_of(self.image, self.node_sku, root).problems,
        ]

    @property
    def node_sku(self) -> str | None:
        """SKU of the nodes; None where it is that of an existing cluster, or no size of Azure."""
        if self.cluster.id:
            return None
        try:
            return sizes.find_size(self.cluster.size).sku
        except ValueError:
            return None

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
            raise ValueError(f"{len(tags)} tags are given: a resource of Azure has at most 50, and trainup sets 3")
        return tags

    @property
    def node_limit(self) -> int:
        """The most nodes that one run can have."""
        return self.cluster.node_limit

    @property
    def existing_workspace(self) -> str | None:
        """ARM id of the workspace to attach to, if any."""
        return self.workspace.id or self.workspace.config

    @property
    def takes_workspace_registry(self) -> bool:
        """Whether images go to the registry of a workspace that exists."""
        return self.uses_azure_registry and bool(self.existing_workspace) and not self._names_azure_registry

    @property
    def makes_registry(self) -> bool:
        """Whether the stack creates a registry on Azure."""
        return self.uses_azure_registry and not self.registry.id and not self.takes_workspace_registry

    @property
    def uses_azure_registry(self) -> bool:
        """Whether there is a registry on Azure; an existing image that is used as it is needs none."""
        if self.registry.server is not None:
            return self.image.has_packages  # which Azure ML installs into a registry on Azure
        is_built = self.image.builder is not ImageBuilder.PREBUILT or self.image.has_packages
        return is_built or self._names_azure_registry

    @property
    def unnamed_registry(self) -> str | None:
        """Server of a registry on Azure that holds an existing image and that the settings do not name, or None."""
        if self.image.reference is None or self._names_azure_registry or self.cluster.id:
            return None
        server = parse_reference(self.image.reference).server
        is_on_azure = any(server.endswith(f".{cloud.registry_suffix}") for cloud in CLOUDS.values())
        return server if is_on_azure and server != self.registry.server else None

    @property
    def _names_azure_registry(self) -> bool:
        return bool(self.registry.model_fields_set & {"id", "name", "sku"})

    @property
    def immutable_settings(self) -> dict[str, dict[str, str]]:
        """Resource with data that the stack creates → its settings that cannot change without replacing it."""
        workspace = self.existing_workspace
        group = parse_id(workspace, WORKSPACE).resource_group if workspace else self.workspace.resource_group
        location = {"azure-native:location": self.azure_native.location}
        location |= {"trainup:workspace.resource_group": group} if group else {}
        resources = {}
        if workspace is None:
            resources["storage"] = location
            resources["workspace"] = location | (
                {"trainup:workspace.name": self.workspace.name} if self.workspace.name else {}
            )
        if self.makes_registry:
            resources["registry"] = location | (
                {"trainup:registry.name": self.registry.name} if self.registry.name else {}
            )
        # Azure ignores the case of names.
        return {noun: {name: value.lower() for name, value in settings.items()} for noun, settings in resources.items()}

    @property
    def has_secrets(self) -> bool:
        """Whether any run uses secrets."""
        return any(run.secrets for run in self.runs.values())

    @property
    def login_server(self) -> str:
        """The server of the images; empty where it is that of a registry on Azure, which is known only later."""
        return self.registry.server or (parse_reference(self.image.reference).server if self.image.reference else "")


DECLARATION = SettingsDeclaration(
    AzureSettings, {"image": AzureImageSettings, "data": DataSettings}, AzureEndpointSettings
)
