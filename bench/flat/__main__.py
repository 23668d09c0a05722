"""The raw resources of the `dev` stack in one flat program: what somebody writes who has no components."""

import uuid
from typing import Any

import pulumi
from pulumi_azure_native import (
    applicationinsights,
    authorization,
    containerregistry,
    keyvault,
    managedidentity,
    operationalinsights,
    resources,
    storage,
)
from pulumi_azure_native import machinelearningservices as ml

ROLES = "/providers/Microsoft.Authorization/roleDefinitions/"
ACR_PULL, BLOB_CONTRIBUTOR = "7f951dda-4ed3-4680-a7ca-43fe172d538d", "ba92f5b4-2d11-453d-a403-e96b0029c9fe"
FILES, SCIENTIST = "69566ab7-960f-475b-8e7c-b3118f30c6bd", "f6c7c914-8db3-469d-8ca1-694a8f32e121"
CONTRIBUTOR = "b24988ac-6180-42a0-ab88-20f7382dd24c"
TAGS = {"managed-by": "hand", "project": pulumi.get_project(), "stack": pulumi.get_stack()}
location = pulumi.Config("azure-native").require("location")
subscription = pulumi.Config("azure-native").require("subscriptionId")


class Raw(pulumi.CustomResource):
    """A resource of the provider `trainup`."""

    reference: pulumi.Output[str]
    metrics: pulumi.Output[Any]
    status: pulumi.Output[str]

    def __init__(self, kind: str, name: str, inputs: dict[str, Any]) -> None:
        super().__init__(f"trainup:index:{kind}", name, {"reference": None, "metrics": None, "status": None, **inputs})


def grant(
    name: str, role: str, scope: pulumi.Output[str], principal: pulumi.Input[str], kind: str = "ServicePrincipal"
) -> None:
    facts = pulumi.Output.all(scope, principal)
    authorization.RoleAssignment(
        name,
        role_assignment_name=facts.apply(lambda both: str(uuid.uuid5(uuid.NAMESPACE_URL, f"{both}|{role}"))),
        role_definition_id=f"/subscriptions/{subscription}{ROLES}{role}",
        scope=scope,
        principal_id=principal,
        principal_type=kind,
    )


group = resources.ResourceGroup("flat-group", location=location, tags=TAGS)
place: dict[str, Any] = {"resource_group_name": group.name, "location": location, "tags": TAGS}
identity = managedidentity.UserAssignedIdentity("flat-nodes", **place)
account = storage.StorageAccount(
    "flatdata",
    kind="StorageV2",
    sku={"name": "Standard_LRS"},
    allow_shared_key_access=False,
    allow_blob_public_access=False,
    is_hns_enabled=False,
    minimum_tls_version="TLS1_2",
    **place,
)
vault = keyvault.Vault(
    "flat-kv",
    properties={
        "sku": {"family": "A", "name": "standard"},
        "tenant_id": identity.tenant_id,
        "enable_rbac_authorization": True,
        "enable_soft_delete": True,
        "soft_delete_retention_in_days": 7,
    },
    **place,
)
logs = operationalinsights.Workspace("flat-logs", sku={"name": "PerGB2018"}, retention_in_days=30, **place)
insights = applicationinsights.Component(
    "flat-insights",
    kind="web",
    application_type="web",
    ingestion_mode="LogAnalytics",
    workspace_resource_id=logs.id,
    **place,
)
registry = containerregistry.Registry(
    "flatregistry", sku={"name": "Basic"}, admin_user_enabled=False, anonymous_pull_enabled=False, **place
)
workspace = ml.Workspace(
    "flat-ml",
    kind="Default",
    identity={"type": "SystemAssigned"},
    storage_account=account.id,
    key_vault=vault.id,
    application_insights=insights.id,
    container_registry=registry.id,
    public_network_access="Enabled",
    system_datastores_auth_mode="Identity",
    **place,
)
grant("flat-nodes-storage", BLOB_CONTRIBUTOR, account.id, identity.principal_id)
grant("flat-nodes-pull", ACR_PULL, registry.id, identity.principal_id)
person = pulumi.Config().require("person")
grant("flat-person-runs", SCIENTIST, workspace.id, person, "User")
grant("flat-person-blobs", BLOB_CONTRIBUTOR, account.id, person, "User")
grant("flat-person-files", FILES, account.id, person, "User")
grant("flat-person-builds", CONTRIBUTOR, registry.id, person, "User")
nodes = {"min_nodes": 0, "max_nodes": 1, "spot": True}
Raw("Quota", "flat-quota", {"location": location, "size": "Standard_NC4as_T4_v3", **nodes})
cluster = ml.Compute(
    "flat-cluster",
    compute_name="gpu-cluster",
    workspace_name=workspace.name,
    identity={"type": "UserAssigned", "user_assigned_identities": [identity.id]},
    properties=ml.AmlComputeArgs(
        compute_type="AmlCompute",
        compute_location=location,
        disable_local_auth=True,
        properties=ml.AmlComputePropertiesArgs(
            vm_size="Standard_NC4as_T4_v3",
            vm_priority="LowPriority",
            os_type="Linux",
            scale_settings=ml.ScaleSettingsArgs(
                min_node_count=0, max_node_count=1, node_idle_time_before_scale_down="PT2M"
            ),
            remote_login_port_public_access="Disabled",
        ),
    ),
    **place,
)
image = Raw(
    "Image",
    "flat-image",
    {
        "builder": "acr",
        "registry_id": registry.id,
        "login_server": registry.login_server,
        "repository": "fastai2",
        "context": "image",
        "platform": "linux/amd64",
    },
)
environment = ml.EnvironmentVersion(
    "flat-environment",
    name="fastai2",
    version=image.reference.apply(lambda reference: str(reference).rpartition(":")[2][:12]),
    resource_group_name=group.name,
    workspace_name=workspace.name,
    properties={"image": image.reference, "os_type": "Linux", "tags": TAGS},
)
run = Raw(
    "Run",
    "flat-run",
    {
        "run": "tiny",
        "target": "azure",
        "workspace": workspace.id,
        "cluster": cluster.id,
        "image": image.reference,
        "environment": environment.id,
        "source": "code",
        "script": "main.py",
    },
)
pulumi.export("workspace", workspace.id)
pulumi.export("image", image.reference)
pulumi.export("metrics", run.metrics)
