"""The platform on Azure. Access is by identity, and while idle only storage costs anything."""

from pathlib import Path

import pulumi
from pulumi.runtime import get_root_directory

from trainup.components.azure.cluster import GpuCluster
from trainup.components.azure.data import DataAsset
from trainup.components.azure.endpoint import ModelEndpoint, ModelEndpointArgs
from trainup.components.azure.image import CustomImage
from trainup.components.azure.registry import ContainerRegistry, ExternalRegistry, ExternalRegistryArgs
from trainup.components.azure.workspace import Workspace, registry_of
from trainup.components.resources import Keep, Quota
from trainup.core.choices import QueueTier
from trainup.core.sizes import find_size
from trainup.infra import azure_access, azure_costs, azure_images, azure_readiness
from trainup.infra.azure_keys import REGISTRY_PASSWORD
from trainup.infra.azure_settings import AzureSettings
from trainup.infra.image_fit import fit_of, without_server
from trainup.infra.job_images import job_images
from trainup.infra.platforms import DataReference, ImageReference, Platform
from trainup.infra.stack_config import StackConfig
from trainup.infra.tags import tag_everything

NOBODY = "00000000-0000-0000-0000-000000000000"
"""The placeholder for the subscription in a new stack file."""


def serve(name: str, args: ModelEndpointArgs, platform: Platform) -> ModelEndpoint:
    """Declare an endpoint, whose deployments upload code as runs do."""
    args = {"environment_id": platform.environment_id, **args, "cloud": platform.cloud}
    return ModelEndpoint(name, args, pulumi.ResourceOptions(depends_on=platform.first))


def build(settings: AzureSettings, config: StackConfig) -> Platform:
    """Compose the components on Azure."""
    _warn(settings)
    tag_everything(settings.tags)
    stack, location = f"{pulumi.get_project()}-{pulumi.get_stack()}", settings.azure_native.location

    keep = Keep("keep", {"kept": settings.immutable_settings, "discard": settings.discard, "stack": pulumi.get_stack()})
    # `Keep` refuses an edit that would lose data; in a preview nothing is lost, so nothing waits for it.
    after_keep = pulumi.ResourceOptions(depends_on=[] if pulumi.runtime.is_dry_run() else [keep])

    # Workspace and registry refer to each other: the workspace needs the registry's id for the images that Azure ML
    # builds, and the registry lies in the workspace's resource group.
    registry_id: pulumi.Output[str] | None = None
    # Deferred only where the registry resolves it below: the program would wait forever for an unresolved output.
    if settings.uses_azure_registry and not settings.existing_workspace:
        registry_id, resolve_registry_id = pulumi.deferred_output()  # type: ignore[var-annotated]
    workspace = Workspace(
        stack,
        {
            "location": location,
            "workspace_id": settings.existing_workspace,
            "workspace_name": settings.workspace.name,
            "resource_group_name": settings.workspace.resource_group,
            "registry_id": registry_id,
            "has_nodes": settings.cluster.id is None,
            "protect": settings.protect,
        },
        opts=after_keep,
    )
    cloud = settings.azure_native.cloud

    image_args = azure_images.image_args(settings.image, workspace)
    image_args["cloud"] = cloud
    logins: list[pulumi.Resource] = []
    login_server = pulumi.Output.from_input(settings.login_server)
    pull_registry_id: pulumi.Output[str] | None = None
    if settings.uses_azure_registry:
        registry = ContainerRegistry(
            f"{stack}-registry",
            {
                "location": location,
                "resource_group_name": workspace.resource_group_name,
                "registry_id": _existing_registry_id(settings),
                "registry_name": settings.registry.name,
                "sku": settings.registry.sku,
                "protect": settings.protect,
            },
            opts=after_keep,
        )
        if registry_id is not None:
            resolve_registry_id(registry.registry_id)
        pull_registry_id = registry.registry_id
    if settings.registry.server is not None:
        password = config.secret(REGISTRY_PASSWORD)
        login: ExternalRegistryArgs = {
            "workspace_name": workspace.name,
            "resource_group_name": workspace.resource_group_name,
            "server": settings.registry.server,
            "username": settings.registry.username or "",
            "password": password,
        }
        logins = [ExternalRegistry(f"{stack}-registry", login)]
        image_args["username"], image_args["password"] = settings.registry.username, password
    elif pull_registry_id is not None:
        image_args["registry_id"], login_server = pull_registry_id, registry.login_server
    image_args["login_server"] = login_server

    submitter_access = azure_access.submitter_access(settings, workspace, image_args.get("registry_id"), cloud)
    node_access = azure_access.node_access(settings, workspace, pull_registry_id, cloud)

    cluster = GpuCluster(
        "cluster",
        {
            "workspace_name": workspace.name,
            "resource_group_name": workspace.resource_group_name,
            "location": location,
            "identity_id": node_access[0].identity_id if node_access else "",
            "cluster_name": settings.cluster.name,
            "cluster_id": settings.cluster.id,
            "serverless": settings.cluster.serverless,
            "size": settings.cluster.size if settings.cluster.gpu is None else None,
            "gpu": settings.cluster.gpu,
            "gpus": settings.cluster.gpus,
            "min_nodes": settings.cluster.min_nodes,
            "max_nodes": settings.cluster.max_nodes,
            "idle_seconds": settings.cluster.idle_seconds,
            "spot": settings.cluster.spot,
            "subnet_id": settings.cluster.subnet,
            "ssh_user": settings.cluster.ssh_user,
            "ssh_public_key": settings.cluster.ssh_public_key,
            "subscription_id": settings.azure_native.subscription_id,
            "cloud": cloud,
        },
    )

    _check_sizes_of_runs(settings)
    root = Path(get_root_directory())
    costs = azure_costs.cost_estimate(settings, cluster, root)
    azure_readiness.readiness(settings, workspace, cluster, root)

    image = CustomImage(
        "image",
        image_args,
        # Who uses the image waits for the login as well.
        opts=pulumi.ResourceOptions(depends_on=logins),
    )

    own_images = job_images(settings.runs, Path(get_root_directory()))
    built = {
        own: CustomImage(
            f"image-{own.name}",
            azure_images.job_image_args(settings.image, own, image_args),
            opts=pulumi.ResourceOptions(depends_on=logins),
        )
        for own in sorted(set(own_images.values()), key=lambda own: own.name)
    }

    data = {
        name: DataAsset(
            f"data-{name}",
            {
                "workspace_name": workspace.name,
                "resource_group_name": workspace.resource_group_name,
                "storage_id": asset.storage,
                "container": asset.container,
                "path": asset.path or None,
                "data_name": name,
                "version": asset.version,
                "account_key": config.secret(asset.key) if asset.key else None,
                "storage_suffix": settings.azure_native.storage_suffix,
            },
        )
        for name, asset in settings.data.items()
    }

    return Platform(
        target="azure",
        location=location,
        workspace_id=workspace.workspace_id,
        tracking_uri=workspace.tracking_uri,
        login_server=login_server,
        cluster_id=cluster.cluster_id,
        image=image.reference,
        environment_id=image.environment_id,
        job_images={
            job: ImageReference(built[own].reference, built[own].environment_id) for job, own in own_images.items()
        },
        data={name: DataReference(asset.uri, asset.digest) for name, asset in data.items()},
        cloud=cloud,
        size=_size_of_runs(settings, cluster),
        # Starting a run uploads its code, which needs one of these roles; and no run starts above a ceiling.
        first=[*submitter_access, *node_access, costs],
    )


def _size_of_runs(settings: AzureSettings, cluster: GpuCluster) -> pulumi.Input[str] | None:
    """The size that runs ask for, where there is no cluster that has one."""
    if not settings.cluster.serverless:
        return None
    # As it is written: it is part of what identifies a run.
    return settings.cluster.size if settings.cluster.gpu is None else cluster.size


def _check_sizes_of_runs(settings: AzureSettings) -> None:
    """Have the quota checked for runs without a cluster whose nodes are others than the stack's."""
    if not settings.cluster.serverless:
        return
    own = settings.cluster.size if settings.cluster.gpu is None else None
    for name, run in settings.runs.items():
        keys = run.model_dump(mode="json", exclude_none=True)
        nodes, size, is_spot = keys.get("nodes", 1), keys.get("size", own), keys.get("queue_tier") == QueueTier.SPOT
        if size is None or (size == own and not is_spot and nodes * run.trials_at_once == 1):
            continue
        inputs = {
            "location": settings.azure_native.location,
            "size": find_size(size).sku,
            "min_nodes": nodes,
            "max_nodes": nodes * run.trials_at_once,
            "spot": is_spot,
            "subscription_id": settings.azure_native.subscription_id,
            "cloud": settings.azure_native.cloud,
        }
        Quota(f"{name}-quota", inputs, pulumi.ResourceOptions())


def _existing_registry_id(settings: AzureSettings) -> pulumi.Input[str] | None:
    """The ARM id of the registry to attach to; None for a new one. RunError where a workspace has none."""
    workspace = settings.existing_workspace
    if workspace is None or not settings.takes_workspace_registry:
        return settings.registry.id

    def is_there(registry_id: str | None) -> str:
        if registry_id is None:
            raise pulumi.RunError(
                f"images go to the container registry of the workspace {workspace}, which has none yet: give it one "
                "(`az ml workspace update --container-registry …`)"
                + ("" if settings.image.has_packages else ", or set trainup:registry.name to make one for this stack")
            )
        return registry_id

    return registry_of(workspace).apply(is_there)


def _warn(settings: AzureSettings) -> None:
    file = f"Pulumi.{pulumi.get_stack()}.yaml"
    if settings.azure_native.subscription_id == NOBODY:
        pulumi.log.warn(f"{file} still has the placeholder as azure-native:subscriptionId: put your own there")
    for warning in fit_of(settings.image, settings.node_sku, Path(get_root_directory())).warnings:
        pulumi.log.warn(warning)
    if settings.endpoints and (lack := without_server(settings.image, Path(get_root_directory()))):
        pulumi.log.warn(lack)
    if not settings.access.principals:
        pulumi.log.warn(
            f"{file} names nobody in trainup:access: only people who got these roles elsewhere can submit runs"
        )
    if server := settings.unnamed_registry:
        pulumi.log.warn(
            f"the image is in {server}, and nodes may pull only from the registry in trainup:registry.id: set it, or "
            "give them the role AcrPull in another way"
        )
