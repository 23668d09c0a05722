"""The workspace noun on Azure."""

from typing import NotRequired, TypedDict

import pulumi
from pulumi_azure_native import (
    applicationinsights,
    keyvault,
    machinelearningservices,
    managedidentity,
    operationalinsights,
    resources,
    storage,
)

from trainup.components import arguments
from trainup.core.azure_ids import WORKSPACE, parse_id
from trainup.core.azure_names import stem


class WorkspaceArgs(TypedDict):
    """Location and names of a new workspace, or the existing one to attach to."""

    location: str
    """Region, such as `koreacentral`."""

    workspace_id: NotRequired[str | None]
    """ARM id of an existing workspace to attach to. Defaults to a new one with all it needs."""

    workspace_name: NotRequired[str | None]
    """Name of a new workspace; after its deletion Azure blocks the name for 14 days. Defaults to one with a random
    suffix."""

    resource_group_name: NotRequired[str | None]
    """Existing resource group to build in. Defaults to a new one."""

    registry_id: NotRequired[pulumi.Input[str] | None]
    """Container registry for images that Azure ML builds itself. Defaults to none."""

    has_nodes: NotRequired[bool | None]
    """Whether to create an identity for nodes; not needed where an existing cluster has one. Defaults to true."""

    protect: NotRequired[bool | None]
    """Whether what holds data is protected from deletion, and a deleted vault is kept for 90 days. Defaults to true."""


class Workspace(pulumi.ComponentResource):
    """An Azure ML workspace that is reached by identity, never by key.

    While idle, it costs only the storage of what runs have written.
    """

    workspace_id: pulumi.Output[str]
    """ARM id of the workspace."""

    name: pulumi.Output[str]
    """Name of the workspace."""

    tracking_uri: pulumi.Output[str]
    """MLflow tracking address that scripts log to."""

    resource_group_name: pulumi.Output[str]
    """Resource group of the workspace, for resources that belong to it."""

    storage_id: pulumi.Output[str]
    """ARM id of the storage account that holds code, logs and outputs."""

    vault_id: pulumi.Output[str]
    """ARM id of the key vault."""

    identity_id: pulumi.Output[str]
    """ARM id of the identity for nodes, without any roles; empty where there is none."""

    principal_id: pulumi.Output[str]
    """Principal id of the same identity, which role assignments refer to."""

    def __init__(self, name: str, args: WorkspaceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("trainup:index:Workspace", name, {}, opts)
        arguments.check(self, args, WorkspaceArgs)

        existing = args.get("workspace_id")
        group_name = parse_id(existing, WORKSPACE).resource_group if existing else args.get("resource_group_name")
        if group_name is None:
            group = resources.ResourceGroup(
                stem(name, 90, "group"),
                location=args["location"],
                opts=pulumi.ResourceOptions(parent=self, protect=arguments.value_or(args.get("protect"), True)),
            )
        self.resource_group_name = group.name if group_name is None else pulumi.Output.from_input(group_name)

        self.identity_id = self.principal_id = pulumi.Output.from_input("")
        if arguments.value_or(args.get("has_nodes"), True) or not existing:
            identity = managedidentity.UserAssignedIdentity(
                stem(name, 128, "nodes"),
                location=args["location"],
                resource_group_name=self.resource_group_name,
                # A change would make its principal unknown in a preview, which would show every role as replaced.
                opts=pulumi.ResourceOptions(parent=self, ignore_changes=["tags"]),
            )
            self.identity_id, self.principal_id = identity.id, identity.principal_id

        if existing:
            workspace = machinelearningservices.Workspace.get(
                f"{name}-workspace", existing, opts=pulumi.ResourceOptions(parent=self)
            )
            self.storage_id = workspace.storage_account.apply(str)
            self.vault_id = workspace.key_vault.apply(str)
            # Older engines leave the id of an existing resource unknown in a preview; it is known from the argument.
            self.workspace_id = pulumi.Output.from_input(str(parse_id(existing, WORKSPACE)))
            self.name = pulumi.Output.from_input(parse_id(existing, WORKSPACE).name)
        else:
            workspace = self._create(name, args, identity.tenant_id)
            self.workspace_id, self.name = workspace.id, workspace.name

        self.tracking_uri = workspace.ml_flow_tracking_uri
        self.register_outputs({output: getattr(self, output) for output in Workspace.__annotations__})

    def _create(
        self, name: str, args: WorkspaceArgs, tenant_id: pulumi.Output[str]
    ) -> machinelearningservices.Workspace:
        """Create a workspace and the resources that Azure ML requires for it."""
        location, protect = args["location"], arguments.value_or(args.get("protect"), True)

        account = storage.StorageAccount(
            stem(name, 24, "data", separator=""),
            location=location,
            resource_group_name=self.resource_group_name,
            kind="StorageV2",
            sku={"name": "Standard_LRS"},
            allow_shared_key_access=False,
            allow_blob_public_access=False,
            # Azure ML does not accept an account with a hierarchical namespace as that of a workspace.
            is_hns_enabled=False,
            minimum_tls_version="TLS1_2",
            opts=pulumi.ResourceOptions(parent=self, protect=protect),
        )
        self.storage_id = account.id

        vault = keyvault.Vault(
            stem(name, 24, "kv"),
            location=location,
            resource_group_name=self.resource_group_name,
            properties={
                "sku": {"family": "A", "name": "standard"},
                "tenant_id": tenant_id,
                "enable_rbac_authorization": True,
                "enable_soft_delete": True,
                "soft_delete_retention_in_days": 90 if protect else 7,
                "enable_purge_protection": True if protect else None,
            },
            opts=pulumi.ResourceOptions(
                parent=self,
                protect=protect,
                # Azure does not allow a change of either, and `protect: false` before a destroy would cause one.
                ignore_changes=["properties.softDeleteRetentionInDays", "properties.enablePurgeProtection"],
            ),
        )

        self.vault_id = vault.id

        logs = operationalinsights.Workspace(
            stem(name, 63, "logs"),
            location=location,
            resource_group_name=self.resource_group_name,
            sku={"name": "PerGB2018"},
            retention_in_days=30,
            opts=pulumi.ResourceOptions(parent=self),
        )

        insights = applicationinsights.Component(
            stem(name, 255, "insights"),
            location=location,
            resource_group_name=self.resource_group_name,
            kind="web",
            application_type="web",
            ingestion_mode="LogAnalytics",
            workspace_resource_id=logs.id,
            opts=pulumi.ResourceOptions(parent=self),
        )

        return machinelearningservices.Workspace(
            stem(name, 32, "ml"),
            workspace_name=args.get("workspace_name"),
            location=location,
            resource_group_name=self.resource_group_name,
            kind="Default",
            identity={"type": "SystemAssigned"},
            storage_account=account.id,
            key_vault=vault.id,
            application_insights=insights.id,
            container_registry=args.get("registry_id"),
            public_network_access="Enabled",
            system_datastores_auth_mode="Identity",
            # The service sets it when the network is first used.
            opts=pulumi.ResourceOptions(parent=self, protect=protect, ignore_changes=["managedNetwork"]),
        )


def registry_of(workspace_id: str) -> pulumi.Output[str | None]:
    """ARM id of the container registry of an existing workspace, or None. It is known in a preview."""
    workspace = parse_id(workspace_id, WORKSPACE)
    resource = machinelearningservices.get_workspace_output(
        resource_group_name=workspace.resource_group, workspace_name=workspace.name
    )
    registry: pulumi.Output[str | None] = resource.container_registry
    return registry
