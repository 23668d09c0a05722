"""The platform on this machine: no cloud, no Docker, no secrets."""

import pulumi

from trainup.components.local.cluster import LocalCluster
from trainup.components.local.data import LocalData
from trainup.components.local.endpoint import LocalEndpoint, LocalEndpointArgs
from trainup.components.local.image import LocalImage
from trainup.components.local.registry import LocalRegistry
from trainup.components.local.workspace import LocalWorkspace
from trainup.infra.local_settings import LocalSettings
from trainup.infra.platforms import DataReference, Platform
from trainup.infra.stack_config import StackConfig


def serve(name: str, args: LocalEndpointArgs, platform: Platform) -> LocalEndpoint:
    """Declare an endpoint."""
    return LocalEndpoint(name, args)


def build(settings: LocalSettings, config: StackConfig) -> Platform:
    """Compose the local components, none of which needs a secret of the configuration."""
    path = settings.workspace.path or f".trainup/{pulumi.get_stack()}"
    workspace = LocalWorkspace("workspace", {"path": path, "tracking": settings.workspace.tracking})
    registry = LocalRegistry("registry", {"workspace_id": workspace.workspace_id})
    cluster = LocalCluster(
        "cluster",
        {
            "workspace_id": workspace.workspace_id,
            "cluster_name": settings.cluster.name,
            "max_nodes": settings.cluster.max_nodes,
        },
    )
    image = LocalImage(
        "image",
        {
            "workspace_id": workspace.workspace_id,
            "requirements": settings.image.requirements,
            "python": settings.image.python,
            "allow_secrets": settings.image.allow_secrets,
        },
    )
    data = {name: LocalData(f"data-{name}", {"path": asset.path}) for name, asset in settings.data.items()}
    return Platform(
        target="local",
        location="this machine",
        workspace_id=workspace.workspace_id,
        tracking_uri=workspace.tracking_uri,
        login_server=registry.login_server,
        cluster_id=cluster.cluster_id,
        image=image.reference,
        environment_id=image.environment_id,
        data={name: DataReference(asset.uri, asset.digest) for name, asset in data.items()},
    )
