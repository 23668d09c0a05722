"""Properties that Azure fills in for groups, storage, vaults, monitoring, identities, registries and roles."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from trainup.simulator.cloud.address import parse
from trainup.simulator.cloud.fill import Fill, Resource, first_time, unchanged
from trainup.simulator.cloud.view import View


def _group(azure: View, resource: Resource, existing: Resource | None) -> dict[str, Any]:
    return {"provisioningState": "Succeeded"}


def _storage(azure: View, resource: Resource, existing: Resource | None) -> dict[str, Any]:
    # Policies with the effect "modify" change the request, and nobody is told.
    if azure.policies.closes_storage:
        resource["properties"]["publicNetworkAccess"] = "Disabled"
    if azure.policies.forbids_shared_keys:
        resource["properties"]["allowSharedKeyAccess"] = False
    return {
        "provisioningState": "Succeeded",
        "publicNetworkAccess": "Enabled",
        "creationTime": first_time(existing, "properties.creationTime"),
        "primaryLocation": resource.get("location"),
        "statusOfPrimary": "available",
        "supportsHttpsTrafficOnly": True,
        "primaryEndpoints": {
            part: f"{azure.endpoints.storage(resource['name'], part)}/"
            for part in ("blob", "dfs", "file", "queue", "table")
        },
    }


def _vault(azure: View, resource: Resource, existing: Resource | None) -> dict[str, Any]:
    return {
        "vaultUri": f"{azure.endpoints.vault(resource['name'])}/",
        "provisioningState": "Succeeded",
        "enableSoftDelete": True,
        "softDeleteRetentionInDays": 90,
        "publicNetworkAccess": "Enabled",
    }


def _logs(azure: View, resource: Resource, existing: Resource | None) -> dict[str, Any]:
    return {
        "provisioningState": "Succeeded",
        "customerId": azure.new_guid(resource["id"], "customer"),
        "createdDate": first_time(existing, "properties.createdDate"),
        "modifiedDate": datetime.now(UTC).isoformat(),
        "retentionInDays": 30,
        "sku": {"name": "PerGB2018"},
    }


def _insights(azure: View, resource: Resource, existing: Resource | None) -> dict[str, Any]:
    key, app = azure.new_guid(resource["id"], "key"), azure.new_guid(resource["id"], "app")
    return {
        "AppId": app,
        "ApplicationId": resource["name"],
        "Name": resource["name"],
        "InstrumentationKey": key,
        "ConnectionString": f"InstrumentationKey={key};ApplicationId={app}",
        "CreationDate": first_time(existing, "properties.CreationDate"),
        "TenantId": azure.tenant,
        "provisioningState": "Succeeded",
    }


def _user_identity(azure: View, resource: Resource, existing: Resource | None) -> dict[str, Any]:
    return {
        "tenantId": azure.tenant,
        # As in Entra, an identity that is deleted and created again has another principal.
        "principalId": unchanged(
            existing, "properties.principalId", azure.new_guid(resource["id"], "p", str(len(azure.log)))
        ),
        "clientId": unchanged(
            existing, "properties.clientId", azure.new_guid(resource["id"], "c", str(len(azure.log)))
        ),
    }


def _registry(azure: View, resource: Resource, existing: Resource | None) -> dict[str, Any]:
    return {
        "loginServer": azure.endpoints.registry(resource["name"]),
        "creationDate": first_time(existing, "properties.creationDate"),
        "provisioningState": "Succeeded",
        "adminUserEnabled": False,
        "anonymousPullEnabled": False,
        "publicNetworkAccess": "Enabled",
        "networkRuleBypassOptions": "AzureServices",
        "zoneRedundancy": "Disabled",
    }


def _assignment(azure: View, resource: Resource, existing: Resource | None) -> dict[str, Any]:
    scope = parse(resource["id"]).scope
    now = datetime.now(UTC).isoformat()
    own = {"scope": scope, "principalType": "User", "createdBy": azure.deployer, "updatedBy": azure.deployer}
    return {**own, "createdOn": first_time(existing, "properties.createdOn"), "updatedOn": now}


FILL: Mapping[str, Fill] = {
    "Microsoft.Resources/resourceGroups": _group,
    "Microsoft.Storage/storageAccounts": _storage,
    "Microsoft.KeyVault/vaults": _vault,
    "Microsoft.OperationalInsights/workspaces": _logs,
    "Microsoft.Insights/components": _insights,
    "Microsoft.ManagedIdentity/userAssignedIdentities": _user_identity,
    "Microsoft.ContainerRegistry/registries": _registry,
    "Microsoft.Authorization/roleAssignments": _assignment,
}
"""Resource type → function that fills in its properties."""
