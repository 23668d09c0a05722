"""What a subscription tells before anything is created: registered resource providers, and which names are free."""

from datetime import UTC, datetime, timedelta
from typing import Any

from trainup.simulator.cloud.address import ML
from trainup.simulator.cloud.azure import Azure, Resource
from trainup.simulator.cloud.refusal import Refused
from trainup.simulator.rest.arm import paged, version_of
from trainup.simulator.rest.routing import SUBSCRIPTION, Request, Response, Route

KINDS = {
    "microsoft.storage": "Microsoft.Storage/storageAccounts",
    "microsoft.containerregistry": "Microsoft.ContainerRegistry/registries",
    "microsoft.keyvault": "Microsoft.KeyVault/vaults",
}
"""Namespace → the kind of resource whose names are unique in all of Azure."""
VAULTS = "Microsoft.KeyVault/vaults"
KEPT = {VAULTS: 90, ML: 14}
"""Kind → how many days a deleted one is kept, if it says nothing else."""


def _subscription(azure: Azure, request: Request) -> Response:
    version_of(request)
    azure.tokens.check(request.headers.get("authorization"))
    own = request.parts["subscription"]
    if own.lower() != azure.subscription.lower():
        raise Refused(404, "SubscriptionNotFound", f"The subscription '{own}' could not be found.")
    state = {"displayName": "Simulated", "state": azure.subscription_state, "tenantId": azure.tenant}
    return Response(200, {"id": azure.root, "subscriptionId": azure.subscription, **state})


def _provider(azure: Azure, request: Request) -> Response:
    version_of(request)
    namespace = request.parts["namespace"]
    return Response(
        200,
        {
            "id": f"{azure.root}/providers/{namespace}",
            "namespace": namespace,
            "registrationPolicy": "RegistrationRequired",
            "registrationState": azure.registrations.state(namespace),
            "resourceTypes": [],
        },
    )


def _name_is_free(azure: Azure, request: Request) -> Response:
    """Whether a name is free in all of Azure. A deleted vault's name is not, and the answer says so."""
    version_of(request)
    name, kind = str(request.json().get("name", "")), KINDS[request.parts["namespace"].lower()]
    if any(item["name"].lower() == name.lower() for item in azure.each(kind)):
        what = kind.rsplit("/", 1)[-1]
        message = f"The name {name} is already in use ({what})."
        return Response(200, {"nameAvailable": False, "reason": "AlreadyExists", "message": message})
    if any(item["name"].lower() == name.lower() for item in _deleted(azure, kind)):
        message = f"The name '{name}' is already in use by a vault in deleted state."
        return Response(200, {"nameAvailable": False, "reason": "AlreadyExists", "message": message})
    return Response(200, {"nameAvailable": True})


def _deleted_vault(azure: Azure, request: Request) -> Response:
    version_of(request)
    name = request.parts["name"]
    for item in _deleted(azure, VAULTS):
        if item["name"].lower() == name.lower():
            return Response(200, _gone(azure, item, VAULTS))
    raise Refused(404, "DeletedVaultNotFound", f"The specified deleted vault '{name}' does not exist.")


def _deleted_workspaces(azure: Azure, request: Request) -> Response:
    version_of(request)
    return paged(azure, request, [_gone(azure, item, ML) for item in _deleted(azure, ML)])


def _deleted(azure: Azure, kind: str) -> list[Resource]:
    return [item for item in list(azure.deleted.values()) if str(item["type"]).lower() == kind.lower()]


def _gone(azure: Azure, item: Resource, kind: str) -> dict[str, Any]:
    now, namespace = datetime.now(UTC), kind.split("/")[0]
    days = int((item.get("properties") or {}).get("softDeleteRetentionInDays") or KEPT[kind])
    kind_name = "deletedVaults" if kind == VAULTS else "deletedWorkspaces"
    return {
        "id": f"{azure.root}/providers/{namespace}/locations/{item.get('location')}/{kind_name}/{item['name']}",
        "name": item["name"],
        "type": f"{namespace}/{kind_name}",
        "properties": {
            "vaultId" if kind == VAULTS else "workspaceId": item["id"],
            "location": item.get("location"),
            "deletionDate": now.isoformat(),
            "scheduledPurgeDate": (now + timedelta(days=days)).isoformat(),
        },
    }


ROUTES = (
    Route("GET", SUBSCRIPTION, _subscription),
    Route("GET", f"{SUBSCRIPTION}/providers/{{namespace}}", _provider),
    Route("POST", f"{SUBSCRIPTION}/providers/{{namespace:{'|'.join(KINDS)}}}/checkNameAvailability", _name_is_free),
    Route(
        "GET",
        f"{SUBSCRIPTION}/providers/Microsoft.KeyVault/locations/{{location}}/deletedVaults/{{name}}",
        _deleted_vault,
    ),
    Route("GET", f"{SUBSCRIPTION}/providers/Microsoft.MachineLearningServices/deletedWorkspaces", _deleted_workspaces),
)
