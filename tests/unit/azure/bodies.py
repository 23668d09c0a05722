"""What azure-native would send for a registered resource, as far as a program decides it."""

from typing import Any

from tests.support.recording import Registered

ML = "Microsoft.MachineLearningServices/workspaces"
TYPES: dict[str, tuple[str, str, str]] = {
    "applicationinsights:Component": ("Microsoft.Insights/components", "2020-02-02", "resourceName"),
    "authorization:RoleAssignment": ("Microsoft.Authorization/roleAssignments", "2022-04-01", "roleAssignmentName"),
    "containerregistry:Registry": ("Microsoft.ContainerRegistry/registries", "2023-01-01-preview", "registryName"),
    "keyvault:Vault": ("Microsoft.KeyVault/vaults", "2024-11-01", "vaultName"),
    "machinelearningservices:Compute": (f"{ML}/computes", "2025-12-01", "computeName"),
    "machinelearningservices:DataVersion": (f"{ML}/data/versions", "2025-12-01", "version"),
    "machinelearningservices:Datastore": (f"{ML}/datastores", "2025-12-01", "name"),
    "machinelearningservices:EnvironmentVersion": (f"{ML}/environments/versions", "2025-12-01", "version"),
    "machinelearningservices:Workspace": (ML, "2025-12-01", "workspaceName"),
    "machinelearningservices:WorkspaceConnection": (f"{ML}/connections", "2025-12-01", "connectionName"),
    "managedidentity:UserAssignedIdentity": (
        "Microsoft.ManagedIdentity/userAssignedIdentities",
        "2023-01-31",
        "resourceName",
    ),
    "operationalinsights:Workspace": ("Microsoft.OperationalInsights/workspaces", "2023-09-01", "workspaceName"),
    "resources:ResourceGroup": ("Microsoft.Resources/resourceGroups", "2024-03-01", "resourceGroupName"),
    "storage:StorageAccount": ("Microsoft.Storage/storageAccounts", "2024-01-01", "accountName"),
}
"""Kind → Azure's type, the version that azure-native speaks by default, and the input that names the resource."""

NOT_IN_THE_BODY = {"resourceGroupName", "workspaceName", "name", "scope", "skipValidation"}
AT_THE_TOP = {"location", "tags", "identity", "kind", "properties"}
RENAMED = {
    "applicationType": "Application_Type",
    "flowType": "Flow_Type",
    "ingestionMode": "IngestionMode",
    "requestSource": "Request_Source",
    "workspaceResourceId": "WorkspaceResourceId",
}
"""Properties that azure-native spells in another way than Azure."""
SKU_INSIDE = {"operationalinsights:Workspace"}


def sent(one: Registered, suffix: str = "1a2b3c4d") -> tuple[str, str, dict[str, Any], str]:
    """Type, version, body and name of the resource; without a name of its own it gets one with a random end."""
    kind = one.type.removeprefix("azure-native:")
    arm, version, naming = TYPES[kind]
    inputs = one.plain
    name = inputs.pop(naming, None) or one.name + suffix
    inputs = {key: value for key, value in inputs.items() if key not in NOT_IN_THE_BODY - {"name"} and key != "name"}
    top = AT_THE_TOP | (set() if kind in SKU_INSIDE else {"sku"})
    body = {key: value for key, value in inputs.items() if key in top}
    inside = {RENAMED.get(key, key): value for key, value in inputs.items() if key not in top}
    if inside:
        body["properties"] = inside
    if "userAssignedIdentities" in (identity := body.get("identity", {})):
        body["identity"] = {**identity, "userAssignedIdentities": {i: {} for i in identity["userAssignedIdentities"]}}
    return arm, version, body, name
