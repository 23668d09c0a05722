"""The platform on Azure: reached by identity, and idle at the cost of what is stored."""

import os
from pathlib import Path

import pulumi
from pulumi.runtime import get_root_directory

from trainup.components.azure.access import Access, AccessArgs, NodeAccess, NodeAccessArgs
from trainup.components.azure.cluster import GpuCluster, principal_of
from trainup.components.azure.data import DataAsset
from trainup.components.azure.image import CustomImage, CustomImageArgs
from trainup.components.azure.registry import ContainerRegistry, ExternalRegistry, ExternalRegistryArgs
from trainup.components.azure.workspace import Workspace, registry_of
from trainup.components.resources import Keep
from trainup.core.images import ImageBuilder, conda_from_pip
from trainup.core.texts import decode
from trainup.infra.azure_image_settings import AzureImageSettings
from trainup.infra.azure_sections import REGISTRY_PASSWORD
from trainup.infra.azure_settings import AzureSettings
from trainup.infra.platforms import DataSource, Platform
from trainup.infra.stack_config import StackConfig
from trainup.infra.tags import tag_everything

NOBODY = "00000000-0000-0000-0000-000000000000"
"""The subscription in a stack file that nobody has edited yet."""


def build(wanted: AzureSettings, config: StackConfig) -> Platform:
    """Compose the components on Azure."""
    _warn(wanted)
    tag_everything(wanted.tags)
    stack, location = f"{pulumi.get_project()}-{pulumi.get_stack()}", wanted.azure_native.location

    keep = Keep("keep", {"kept": wanted.kept, "discard": wanted.discard, "stack": pulumi.get_stack()})
    # A preview makes nothing, and need not wait for the answer.
    kept = pulumi.ResourceOptions(depends_on=[] if pulumi.runtime.is_dry_run() else [keep])

    # Workspace and registry need each other: one its group, the other a place for images.
    registry_id: pulumi.Output[str] | None = None
    # One that nobody resolved would keep the program waiting.
    if wanted.uses_azure_registry and not wanted.existing_workspace:
        registry_id, resolve_registry_id = pulumi.deferred_output()  # type: ignore[var-annotated]
    workspace = Workspace(
        stack,
        {
            "location": location,
            "workspace_id": wanted.existing_workspace,
            "workspace_name": wanted.workspace.name,
            "resource_group_name": wanted.workspace.resource_group,
            "registry_id": registry_id,
            "has_nodes": wanted.cluster.id is None,
            "protect": wanted.protect,
        },
        opts=kept,
    )
    cloud = wanted.azure_native.cloud

    image_args = _image(wanted.image, workspace)
    image_args["cloud"] = cloud
    logins: list[pulumi.Resource] = []
    login_server = pulumi.Output.from_input(wanted.login_server)
    pulled_from: pulumi.Output[str] | None = None
    if wanted.uses_azure_registry:
        registry = ContainerRegistry(
            f"{stack}-registry",
            {
                "location": location,
                "resource_group_name": workspace.resource_group_name,
                "registry_id": _existing_registry(wanted),
                "registry_name": wanted.registry.name,
                "sku": wanted.registry.sku,
                "protect": wanted.protect,
            },
            opts=kept,
        )
        if registry_id is not None:
            resolve_registry_id(registry.registry_id)
        pulled_from = registry.registry_id
    if wanted.registry.server is not None:
        password = config.secret(REGISTRY_PASSWORD)
        login: ExternalRegistryArgs = {
            "workspace_name": workspace.name,
            "resource_group_name": workspace.resource_group_name,
            "server": wanted.registry.server,
            "username": wanted.registry.username or "",
            "password": password,
        }
        logins = [ExternalRegistry(f"{stack}-registry", login)]
        image_args["username"], image_args["password"] = wanted.registry.username, password
    elif pulled_from is not None:
        image_args["registry_id"], login_server = pulled_from, registry.login_server
    image_args["login_server"] = login_server

    people = _people_access(wanted, workspace, image_args.get("registry_id"), cloud)
    nodes = _node_access(wanted, workspace, pulled_from, cloud)

    cluster = GpuCluster(
        "cluster",
        {
            "workspace_name": workspace.name,
            "resource_group_name": workspace.resource_group_name,
            "location": location,
            "identity_id": nodes[0].identity_id if nodes else "",
            "cluster_name": wanted.cluster.name,
            "cluster_id": wanted.cluster.id,
            "serverless": wanted.cluster.serverless,
            "size": wanted.cluster.size,
            "min_nodes": wanted.cluster.min_nodes,
            "max_nodes": wanted.cluster.max_nodes,
            "idle_seconds": wanted.cluster.idle_seconds,
            "spot": wanted.cluster.spot,
            "subnet_id": wanted.cluster.subnet,
            "ssh_user": wanted.cluster.ssh_user,
            "ssh_public_key": wanted.cluster.ssh_public_key,
            "subscription_id": wanted.azure_native.subscription_id,
            "cloud": cloud,
        },
    )

    image = CustomImage(
        "image",
        image_args,
        # Whoever takes the image needs the login as well.
        opts=pulumi.ResourceOptions(depends_on=logins),
    )

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
                "storage_suffix": wanted.azure_native.storage_suffix,
            },
        )
        for name, asset in wanted.data.items()
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
        data={name: DataSource(asset.uri, asset.digest) for name, asset in data.items()},
        cloud=cloud,
        size=wanted.cluster.size if wanted.cluster.serverless else None,
        # Whoever deploys uploads the runs' code, for which one of these roles is needed.
        first=[*people, *nodes],
    )


def _existing_registry(wanted: AzureSettings) -> pulumi.Input[str] | None:
    """The registry to attach to, if any."""
    workspace = wanted.existing_workspace
    if workspace is None or not wanted.takes_workspace_registry:
        return wanted.registry.id

    def is_there(registry_id: str | None) -> str:
        if registry_id is None:
            raise pulumi.RunError(
                f"images go to the container registry of the workspace {workspace}, which has none yet: give it one "
                "(`az ml workspace update --container-registry …`)"
                + ("" if wanted.image.has_packages else ", or set trainup:registry.name to make one for this stack")
            )
        return registry_id

    return registry_of(workspace).apply(is_there)


def _people_access(
    wanted: AzureSettings, workspace: Workspace, registry_id: pulumi.Input[str] | None, cloud: str | None
) -> list[Access]:
    """The roles of those who submit runs, if any are named."""
    if not wanted.access.principals:
        return []
    builder = wanted.image.builder
    args: AccessArgs = {
        "principals": wanted.access.principals,
        "workspace_id": workspace.workspace_id,
        "storage_id": workspace.storage_id,
        "registry_id": registry_id if builder is not ImageBuilder.PREBUILT else None,
        "vault_id": workspace.vault_id if wanted.has_secrets else None,
        "builds_in_registry": builder is ImageBuilder.ACR,
        "cloud": cloud,
    }
    return [Access("access", args)]


def _node_access(
    wanted: AzureSettings, workspace: Workspace, registry_id: pulumi.Input[str] | None, cloud: str | None
) -> list[NodeAccess]:
    """The roles of the nodes. Those of an existing cluster have what its workspace asks for, and get the rest."""
    vault_id = workspace.vault_id if wanted.has_secrets else None
    data_ids = [asset.storage for asset in wanted.data.values() if not asset.key]
    if wanted.cluster.id is not None and wanted.takes_workspace_registry:
        registry_id = None
    if wanted.cluster.id is not None and vault_id is None and not data_ids and registry_id is None:
        return []
    args: NodeAccessArgs = {
        "principal_id": workspace.principal_id if wanted.cluster.id is None else principal_of(wanted.cluster.id),
        "vault_id": vault_id,
        "data_ids": data_ids,
        "registry_id": registry_id,
    }
    if wanted.cluster.id is None:
        args["identity_id"], args["storage_id"] = workspace.identity_id, workspace.storage_id
    else:
        args["cloud"] = cloud
    return [NodeAccess("nodes", args)]


def _image(wanted: AzureImageSettings, workspace: Workspace) -> CustomImageArgs:
    """The image's own settings as the component takes them, with the text of what is given as a file."""
    root, context, dockerfile = Path(get_root_directory()), wanted.folder, wanted.dockerfile_path
    if wanted.builder is ImageBuilder.DOCKER:
        # That provider knows the program's folder and not the project's.
        context, dockerfile = (os.path.relpath(root / path) for path in (context, dockerfile))
    conda = decode((root / wanted.conda).read_bytes()) if wanted.conda else None
    return {
        "workspace_name": workspace.name,
        "resource_group_name": workspace.resource_group_name,
        "builder": wanted.builder,
        "environment_name": wanted.environment,
        "repository": wanted.repository,
        "context": context,
        "dockerfile": None if wanted.dockerfile_text else dockerfile,
        "dockerfile_text": wanted.dockerfile_text,
        "arguments": wanted.arguments,
        "timeout": wanted.timeout,
        "on_interrupt": wanted.on_interrupt,
        "allow_secrets": wanted.allow_secrets,
        "reference": wanted.reference,
        "conda": conda_from_pip(wanted.pip) if wanted.pip else conda,
    }


def _warn(wanted: AzureSettings) -> None:
    file = f"Pulumi.{pulumi.get_stack()}.yaml"
    if wanted.azure_native.subscription_id == NOBODY:
        pulumi.log.warn(f"{file} still has the placeholder as azure-native:subscriptionId: put your own there")
    if not wanted.access.principals:
        pulumi.log.warn(
            f"{file} names nobody in trainup:access: only who has these roles from elsewhere can submit runs"
        )
    if server := wanted.unnamed_registry:
        pulumi.log.warn(
            f"the image lies in {server}, and the nodes get the right to pull from a registry that "
            "trainup:registry.id names: set it, or see to that right in another way"
        )
