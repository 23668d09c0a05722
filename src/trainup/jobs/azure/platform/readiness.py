"""Asks Azure whether a subscription lets a stack be created; what the answers mean is in `core/readiness.py`.

Every function may raise AzureError, and waits no longer than a preview can.
"""

from collections.abc import Iterable

from trainup.core import readiness
from trainup.core.azure_ids import WORKSPACE, parse_id
from trainup.jobs.azure.http.client import AzureClient, AzureError
from trainup.jobs.azure.platform.quota import hasty
from trainup.jobs.transfers import side_by_side

PROVIDERS_VERSION = "2021-04-01"
VERSIONS = {
    "storage": ("Microsoft.Storage", "Microsoft.Storage/storageAccounts", "2024-01-01"),
    "registry": ("Microsoft.ContainerRegistry", "Microsoft.ContainerRegistry/registries", "2023-07-01"),
    "vault": ("Microsoft.KeyVault", "Microsoft.KeyVault/vaults", "2024-11-01"),
}
"""Kind of name → namespace, type and version of the request that tells whether it is free."""
DELETED_WORKSPACES_VERSION = "2024-10-01"
AT_ONCE = 8


def registrations(client: AzureClient, subscription_id: str, namespaces: Iterable[str]) -> dict[str, str]:
    """Namespace → the state of its registration; empty text where Azure does not tell. Raises AzureError."""
    quick = hasty(client)
    quick.token()  # log in once, before the threads would each do it

    def state(namespace: str) -> tuple[str, str]:
        address = f"/subscriptions/{subscription_id}/providers/{namespace}"
        answer = quick.find(address, version=PROVIDERS_VERSION) or {}
        return namespace, str(answer.get("registrationState") or "")

    return dict(side_by_side(state, namespaces, AT_ONCE))


def unregistered_problem(client: AzureClient, subscription_id: str, namespaces: Iterable[str]) -> str | None:
    """That resource providers are not registered, with the commands that do it; or None. Raises AzureError."""
    return readiness.unregistered_problem(registrations(client, subscription_id, namespaces), subscription_id)


def name_problem(client: AzureClient, subscription_id: str, kind: str, name: str, location: str) -> str | None:
    """Why a new storage account, registry or vault (`kind` of `readiness.THINGS`) cannot have this name, or None.

    Raises AzureError.
    """
    namespace, type_name, version = VERSIONS[kind]
    quick, root = hasty(client), f"/subscriptions/{subscription_id}/providers"
    if kind == "vault":
        address = f"{root}/Microsoft.KeyVault/locations/{location}/deletedVaults/{name}"
        if problem := readiness.deleted_vault_problem(name, location, quick.find(address, version=version)):
            return problem
    answer = quick.post(f"{root}/{namespace}/checkNameAvailability", {"name": name, "type": type_name}, version=version)
    return readiness.taken_problem(kind, name, answer)


def workspace_problem(client: AzureClient, workspace_id: str) -> str | None:
    """Why no workspace can be created under this id, or None. Raises AzureError."""
    quick, place = hasty(client), parse_id(workspace_id, WORKSPACE)
    if quick.find(workspace_id) is not None:
        return (
            f"there is a workspace {place.name!r} in the resource group {place.resource_group} already: attach to it "
            f"(trainup:workspace.id: {workspace_id}), or choose another name"
        )
    return deleted_workspace_problem(client, workspace_id)


def deleted_workspace_problem(client: AzureClient, workspace_id: str) -> str | None:
    """That a deleted workspace still has the name of this id, or None. Raises nothing.

    The list of deleted workspaces is documented nowhere, and not every subscription has it: silence proves nothing.
    """
    subscription = parse_id(workspace_id, WORKSPACE).subscription_id
    address = f"/subscriptions/{subscription}/providers/Microsoft.MachineLearningServices/deletedWorkspaces"
    try:
        deleted = list(hasty(client).pages(address, version=DELETED_WORKSPACES_VERSION))
    except AzureError:
        return None
    return readiness.deleted_workspace_problem(workspace_id, [*deleted])
