"""A small program: group, registry, the parts of a workspace, cluster, environment."""

TRAINING = """\
import json, os
import pulumi
import pulumi_azure_native as azure
from pulumi_azure_native import (
    applicationinsights, authorization, containerregistry, keyvault, machinelearningservices as ml,
    managedidentity, operationalinsights, resources, storage,
)

edit = json.loads(os.environ.get("EDIT", "{}"))
client = authorization.get_client_config_output()
tags = {"team": "vision", **edit.get("tags", {})}
group = resources.ResourceGroup("ml", location=edit.get("location", "westeurope"), tags=tags)
place = {"resource_group_name": group.name}
identity = managedidentity.UserAssignedIdentity("trainer", **place)
registry = containerregistry.Registry(
    "images", sku={"name": edit.get("registry_sku", "Basic")}, admin_user_enabled=False, **place
)
account = storage.StorageAccount(
    "store", kind="StorageV2", sku={"name": "Standard_LRS"}, allow_shared_key_access=False, **place
)
vault = keyvault.Vault("kv", properties={
    "tenant_id": client.tenant_id, "sku": {"family": "A", "name": "standard"}, "enable_rbac_authorization": True,
    "soft_delete_retention_in_days": 7,
}, **place)
retention = edit.get("retention", 30)
logs = operationalinsights.Workspace("logs", sku={"name": "PerGB2018"}, retention_in_days=retention, **place)
insights = applicationinsights.Component(
    "insights", kind="web", application_type="web", ingestion_mode="LogAnalytics",
    workspace_resource_id=logs.id, **place,
)
pull = authorization.RoleAssignment(
    "pull", scope=registry.id, principal_id=identity.principal_id, principal_type="ServicePrincipal",
    role_definition_id=pulumi.Output.concat(
        "/subscriptions/", client.subscription_id,
        "/providers/Microsoft.Authorization/roleDefinitions/7f951dda-4ed3-4680-a7ca-43fe172d538d",
    ),
)
workspace = ml.Workspace(
    "vision", identity={"type": "SystemAssigned"}, storage_account=account.id, key_vault=vault.id,
    application_insights=insights.id, container_registry=registry.id, friendly_name=edit.get("friendly_name"), **place,
)
inside = {**place, "workspace_name": workspace.name}
cluster = ml.Compute(
    "gpu-cluster", location=group.location,
    identity={"type": "UserAssigned", "user_assigned_identities": [identity.id]},
    properties={"compute_type": "AmlCompute", "properties": {
        "vm_size": edit.get("size", "Standard_NC4as_T4_v3"), "vm_priority": "Dedicated",
        "scale_settings": {"min_node_count": 0, "max_node_count": edit.get("nodes", 4),
                           "node_idle_time_before_scale_down": "PT2M"},
    }},
    opts=pulumi.ResourceOptions(
        depends_on=[pull], replace_on_changes=["properties.properties.vmSize"], delete_before_replace=True
    ),
    **inside,
)
image = edit.get("image", "example.azurecr.io/fastai@sha256:" + "0" * 64)
environment = ml.EnvironmentVersion(
    "fastai-v", name="fastai", version=edit.get("version", "1"),
    properties={"image": image, "os_type": "Linux"}, **inside,
)
if edit.get("secret", True):
    ml.WorkspaceConnection(
        "private",
        properties=ml.UsernamePasswordAuthTypeWorkspaceConnectionPropertiesArgs(
            auth_type="UsernamePassword", category="ContainerRegistry", target="registry.example.org",
            credentials=ml.WorkspaceConnectionUsernamePasswordArgs(
                username="reader", password=pulumi.Output.secret("planted-password-7f3a")
            ),
        ),
        **inside,
    )
pulumi.export("registry", registry.login_server)
pulumi.export("tracking", workspace.ml_flow_tracking_uri)
pulumi.export("vault", vault.properties.vault_uri)
pulumi.export("size", cluster.properties)
"""
