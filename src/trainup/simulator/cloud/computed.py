"""What Azure adds to a new resource: defaults, read-only properties, and further resources."""

import copy
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from trainup.simulator.cloud import ml_fill, platform_fill, shape
from trainup.simulator.cloud.address import ML, Address, parse
from trainup.simulator.cloud.fill import Resource
from trainup.simulator.cloud.regions import plain_region
from trainup.simulator.cloud.roles import ACR_PULL, AI_ADMINISTRATOR, BLOB_READER
from trainup.simulator.cloud.view import View

_FILL = {kind.lower(): fill for kind, fill in {**platform_fill.FILL, **ml_fill.FILL}.items()}

DATASTORES = {
    "workspaceblobstore": "AzureBlob",
    "workspaceartifactstore": "AzureBlob",
    "workspaceworkingdirectory": "AzureFile",
    "workspacefilestore": "AzureFile",
}
"""Name → type of the datastores that every workspace has; the first is its default."""


def complete(azure: View, address: Address, body: Mapping[str, Any], existing: Resource | None) -> Resource:
    """The resource that results from a PUT of this body, on the existing resource if there is one."""
    now = datetime.now(UTC).isoformat()
    resource: Resource = {**copy.deepcopy(dict(body)), "id": address.id, "name": address.name, "type": address.type}
    if existing:
        resource["id"], resource["name"] = existing["id"], existing["name"]
    if "location" in resource:
        resource["location"] = plain_region(resource["location"])
    _identity(azure, resource)
    fill = _FILL.get(address.type.lower())
    if fill:
        resource["properties"] = shape.merged(fill(azure, resource, existing), resource.get("properties", {}))
    if address.type.lower().startswith(ML.lower()):
        started = shape.get(existing, "systemData.createdAt") if existing else None
        resource["systemData"] = {"createdAt": started or now, "lastModifiedAt": now}
    return resource


def implied(azure: View, resource: Resource) -> list[Resource]:
    """The resources that Azure creates together with a new resource."""
    kind = resource["type"].lower()
    if kind == ML.lower():
        return [*_datastores(azure, resource), *_role_assignments(azure, resource)]
    if kind == f"{ML}/onlineEndpoints".lower():
        return _roles_of_endpoint(azure, resource)
    if kind.startswith(ML.lower()) and kind.endswith("/versions"):
        return [_container_of(azure, resource)]
    return []


def _container_of(azure: View, version: Resource) -> Resource:
    """The container of a new version, with the version as its latest; created when the version is the first."""
    address = parse(version["id"].rsplit("/versions/", 1)[0])
    container = azure.find(address.id)
    if container is None:
        data_type = shape.get(version, "properties.dataType")
        container = complete(azure, address, {"properties": {"dataType": data_type} if data_type else {}}, None)
    number = int(version["name"]) if version["name"].isdigit() else 0
    container["properties"]["latestVersion"] = version["name"]
    following = int(container["properties"].get("nextVersion") or 1)
    container["properties"]["nextVersion"] = str(max(following, number + 1))
    return container


def _identity(azure: View, resource: Resource) -> None:
    identity = resource.get("identity")
    if not isinstance(identity, dict):
        return
    if "systemassigned" in str(identity.get("type", "")).lower():
        identity["principalId"] = azure.new_guid(resource["id"], "principal")
        identity["tenantId"] = azure.tenant
    for key in identity.get("userAssignedIdentities") or {}:
        user_assigned = azure.find(key) or {}
        own = user_assigned.get("properties", {})
        identity["userAssignedIdentities"][key] = {name: own.get(name) for name in ("principalId", "clientId")}


def _datastores(azure: View, workspace: Resource) -> list[Resource]:
    account = parse(str(shape.get(workspace, "properties.storageAccount")))
    guid = shape.get(workspace, "properties.workspaceId")
    by_key = shape.get(azure.find(account.id), "properties.allowSharedKeyAccess") is not False
    by_key = by_key and shape.get(workspace, "properties.systemDatastoresAuthMode") in (None, "AccessKey")
    datastores = []
    for name, kind in DATASTORES.items():
        part = {"containerName": _container_name(name, guid)} if kind == "AzureBlob" else {"fileShareName": name}
        properties: dict[str, Any] = {"datastoreType": kind, "accountName": account.name, **part}
        properties |= {"isDefault": name == "workspaceblobstore", "protocol": "https"}
        properties |= {"endpoint": azure.endpoints.storage_suffix, "serviceDataAccessAuthIdentity": "None"}
        properties |= {"subscriptionId": azure.subscription, "resourceGroup": account.id.split("/")[4]}
        properties["credentials"] = {"credentialsType": "AccountKey" if by_key else "None"}
        where = f"{workspace['id']}/datastores/{name}"
        datastores.append({"id": where, "name": name, "type": f"{ML}/datastores", "properties": properties})
    return datastores


def _container_name(datastore: str, guid: Any) -> str:
    return "azureml" if datastore == "workspaceartifactstore" else f"azureml-blobstore-{guid}"


def _roles_of_endpoint(azure: View, endpoint: Resource) -> list[Resource]:
    """The roles that the service assigns to the system-assigned identity of an online endpoint.

    https://learn.microsoft.com/azure/machine-learning/concept-endpoints-online-auth
    """
    principal = shape.get(endpoint, "identity.principalId")
    workspace = azure.find(endpoint["id"].rsplit("/onlineEndpoints/", 1)[0])
    scopes = {ACR_PULL: "containerRegistry", BLOB_READER: "storageAccount"}
    return [
        _assignment(azure, str(scope), str(principal), role)
        for role, part in scopes.items()
        if principal and (scope := shape.get(workspace, f"properties.{part}"))
    ]


def _role_assignments(azure: View, workspace: Resource) -> list[Resource]:
    """The role on the resource group that the service assigns to a workspace's system-assigned identity."""
    principal = shape.get(workspace, "identity.principalId")
    group = parse(workspace["id"]).group
    if not principal or not group:
        return []
    return [_assignment(azure, group, principal, AI_ADMINISTRATOR)]


def _assignment(azure: View, scope: str, principal: str, role: str) -> Resource:
    name = azure.new_guid(scope, principal, role)
    kind = "Microsoft.Authorization/roleAssignments"
    definition = f"{azure.root}/providers/Microsoft.Authorization/roleDefinitions/{role}"
    properties = {"scope": scope, "roleDefinitionId": definition, "principalId": principal}
    properties["principalType"] = "ServicePrincipal"
    return {"id": f"{scope}/providers/{kind}/{name}", "name": name, "type": kind, "properties": properties}
