"""Properties that Azure Machine Learning fills in."""

import copy
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from trainup.simulator.cloud import shape
from trainup.simulator.cloud.address import ML
from trainup.simulator.cloud.fill import Fill, Resource, first_time, unchanged
from trainup.simulator.cloud.view import View


def _workspace(azure: View, resource: Resource, existing: Resource | None) -> dict[str, Any]:
    api = azure.endpoints.api(str(resource.get("location")))
    resource.setdefault("sku", {"name": "Basic", "tier": "Basic"})
    resource.setdefault("kind", "Default")
    return {
        "workspaceId": unchanged(
            existing, "properties.workspaceId", azure.new_guid(resource["id"], str(len(azure.log)))
        ),
        "discoveryUrl": f"{api}/discovery",
        "mlFlowTrackingUri": f"azureml://{api.removeprefix('https://')}/mlflow/v1.0{resource['id']}",
        "provisioningState": "Succeeded",
        "tenantId": azure.tenant,
        "publicNetworkAccess": "Enabled",
        "storageHnsEnabled": False,
        "hbiWorkspace": False,
        "v1LegacyMode": False,
        "notebookInfo": {"fqdn": f"ml-{resource['name']}.{resource.get('location')}.notebooks.azure.net"},
    }


def _compute(azure: View, resource: Resource, existing: Resource | None) -> dict[str, Any]:
    own: dict[str, Any] = {}
    if existing:  # the service accepts another size without an error and keeps the old one
        for name in ("vmSize", "vmPriority", "subnet", "osType", "enableNodePublicIp", "isolatedNetwork"):
            old = shape.get(existing, f"properties.properties.{name}")
            if old is not None and name in resource["properties"].get("properties", {}):
                resource["properties"]["properties"][name] = old
    nodes = ("idle", "running", "preparing", "unusable", "leaving", "preempted")
    lowest = shape.get(resource, "properties.properties.scaleSettings.minNodeCount") or 0
    own["properties"] = {
        "allocationState": "Steady",
        "currentNodeCount": lowest,
        "targetNodeCount": lowest,
        "nodeStateCounts": {f"{state}NodeCount": lowest if state == "idle" else 0 for state in nodes},
        "osType": "Linux",
        "vmPriority": "Dedicated",
        "enableNodePublicIp": True,
        "remoteLoginPortPublicAccess": "NotSpecified",
    }
    return {
        **own,
        "provisioningState": "Succeeded",
        "createdOn": first_time(existing, "properties.createdOn"),
        "modifiedOn": datetime.now(UTC).isoformat(),
        "isAttachedCompute": False,
        "computeLocation": resource.get("location"),
        "disableLocalAuth": False,
    }


def _version(azure: View, resource: Resource, existing: Resource | None) -> dict[str, Any]:
    return {"isAnonymous": False, "isArchived": False}


def _environment(azure: View, resource: Resource, existing: Resource | None) -> dict[str, Any]:
    own = {"environmentType": "UserCreated", "osType": "Linux", "autoRebuild": "Disabled"}
    return {**_version(azure, resource, existing), **own, "provisioningState": "Succeeded"}


def _container(azure: View, resource: Resource, existing: Resource | None) -> dict[str, Any]:
    return {"isArchived": False}


def _model(azure: View, resource: Resource, existing: Resource | None) -> dict[str, Any]:
    # Official clients fail on an answer without flavors.
    return {
        **_version(azure, resource, existing),
        "flavors": {},
        "modelType": "custom_model",
        "properties": {},
        "tags": {},
    }


def _job(azure: View, resource: Resource, existing: Resource | None) -> dict[str, Any]:
    workspace = resource["id"].rsplit("/jobs/", 1)[0]
    location = shape.get(azure.find(workspace), "location")
    api = azure.endpoints.api(str(location)).removeprefix("https://")
    studio = f"{azure.endpoints.studio}/runs/{resource['name']}?wsid={workspace}&tid={azure.tenant}"
    if existing:  # tags are replaced, other properties are merged
        changes = resource["properties"]
        stored = copy.deepcopy(existing["properties"])
        return {name: value for name, value in stored.items() if name != "tags" or "tags" not in changes}
    own: dict[str, Any] = {
        "status": "NotStarted",
        "experimentName": "Default",
        "displayName": resource["name"],
        "isArchived": False,
        "tags": {},
        "properties": {},
        "inputs": {},
        "environmentVariables": {},
        "services": {
            "Studio": {"jobServiceType": "Studio", "endpoint": studio},
            "Tracking": {"jobServiceType": "Tracking", "endpoint": f"azureml://{api}/mlflow/v1.0{workspace}"},
        },
    }
    if azure.default_output:
        own["outputs"] = {
            "default": {
                "jobOutputType": "uri_folder",
                "mode": "ReadWriteMount",
                "uri": f"azureml://datastores/workspaceartifactstore/ExperimentRun/dcid.{resource['name']}",
            }
        }
    return own


def _datastore(azure: View, resource: Resource, existing: Resource | None) -> dict[str, Any]:
    _hide(resource, "properties.credentials", "secrets")
    return {"isDefault": False}


def _connection(azure: View, resource: Resource, existing: Resource | None) -> dict[str, Any]:
    _hide(resource, "properties", "credentials")
    return {"group": "Azure", "createdByWorkspaceArmId": resource["id"].rsplit("/connections/", 1)[0]}


def _endpoint(azure: View, resource: Resource, existing: Resource | None) -> dict[str, Any]:
    region = str(resource.get("location"))
    base = azure.endpoints.inference(resource["name"], region)
    return {
        "provisioningState": "Succeeded",
        "publicNetworkAccess": "Enabled",
        "scoringUri": f"{base}/score",
        "swaggerUri": f"{base}/swagger.json",
        "traffic": {},
        "mirrorTraffic": {},
        "properties": {},
    }


def _deployment(azure: View, resource: Resource, existing: Resource | None) -> dict[str, Any]:
    # Its server has to start first, and says so itself.
    return {"provisioningState": "Creating", "appInsightsEnabled": False, "properties": {}}


def _schedule(azure: View, resource: Resource, existing: Resource | None) -> dict[str, Any]:
    return {"provisioningState": "Succeeded", "isEnabled": True, "properties": {}, "tags": {}}


def _hide(resource: Resource, parent: str, name: str) -> None:
    """Move a value that Azure never returns to the resource's key `_hidden`."""
    inside = shape.get(resource, parent)
    if isinstance(inside, dict) and name in inside:
        resource["_hidden"] = inside.pop(name)


FILL: Mapping[str, Fill] = {
    ML: _workspace,
    f"{ML}/computes": _compute,
    f"{ML}/environments": _container,
    f"{ML}/environments/versions": _environment,
    f"{ML}/data": _container,
    f"{ML}/data/versions": _version,
    f"{ML}/models": _container,
    f"{ML}/models/versions": _model,
    f"{ML}/codes": _container,
    f"{ML}/codes/versions": _version,
    f"{ML}/jobs": _job,
    f"{ML}/schedules": _schedule,
    f"{ML}/onlineEndpoints": _endpoint,
    f"{ML}/onlineEndpoints/deployments": _deployment,
    f"{ML}/datastores": _datastore,
    f"{ML}/connections": _connection,
}
"""Resource type → function that fills in its properties."""
