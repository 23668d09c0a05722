"""Who may do what on an Azure stack: the people who submit runs, and the nodes."""

import pulumi

from trainup.components.azure.access import Access, AccessArgs, NodeAccess, NodeAccessArgs
from trainup.components.azure.cluster import principal_of
from trainup.components.azure.workspace import Workspace
from trainup.core.images import ImageBuilder
from trainup.infra.azure_settings import AzureSettings


def submitter_access(
    settings: AzureSettings, workspace: Workspace, registry_id: pulumi.Input[str] | None, cloud: str | None
) -> list[Access]:
    """The roles of the people who submit runs; none where the settings name nobody."""
    if not settings.access.principals:
        return []
    builder = settings.image.builder
    args: AccessArgs = {
        "principals": settings.access.principals,
        "workspace_id": workspace.workspace_id,
        "storage_id": workspace.storage_id,
        "registry_id": registry_id if builder is not ImageBuilder.PREBUILT else None,
        "vault_id": workspace.vault_id if settings.has_secrets else None,
        "builds_in_registry": builder is ImageBuilder.ACR,
        "cloud": cloud,
    }
    return [Access("access", args)]


def node_access(
    settings: AzureSettings, workspace: Workspace, registry_id: pulumi.Input[str] | None, cloud: str | None
) -> list[NodeAccess]:
    """The roles of the nodes. Those of an existing cluster have the workspace's roles already and get the others."""
    vault_id = workspace.vault_id if settings.has_secrets else None
    data_ids = [asset.storage for asset in settings.data.values() if not asset.key]
    if settings.cluster.id is not None and settings.takes_workspace_registry:
        registry_id = None
    if settings.cluster.id is not None and vault_id is None and not data_ids and registry_id is None:
        return []
    args: NodeAccessArgs = {
        "principal_id": workspace.principal_id if settings.cluster.id is None else principal_of(settings.cluster.id),
        "vault_id": vault_id,
        "data_ids": data_ids,
        "registry_id": registry_id,
    }
    if settings.cluster.id is None:
        args["identity_id"], args["storage_id"] = workspace.identity_id, workspace.storage_id
    else:
        args["cloud"] = cloud
    return [NodeAccess("nodes", args)]
