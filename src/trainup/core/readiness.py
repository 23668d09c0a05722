"""Whether a subscription lets a stack be created: registered resource providers, names that are free.

A problem has to be certain; what could still work is a warning.
"""

from collections.abc import Mapping
from typing import Any

BASE = ("Microsoft.MachineLearningServices", "Microsoft.ManagedIdentity")
WORKSPACE = ("Microsoft.Storage", "Microsoft.KeyVault", "Microsoft.Insights", "Microsoft.OperationalInsights")
REGISTRY = ("Microsoft.ContainerRegistry",)
NAMESPACES = (*BASE, *WORKSPACE, *REGISTRY)
"""The resource providers of all that a stack can create. `Microsoft.Authorization` and `Microsoft.Resources` are in
every subscription (`registrationPolicy: RegistrationFree`)."""

REGISTERED = frozenset({"registered", "registering"})
"""States of a registration with which resources can be created, or soon can."""


def namespaces_of(*, workspace: bool, registry: bool) -> tuple[str, ...]:
    """The resource providers that a stack needs; it makes a workspace, or a registry, of its own."""
    return (*BASE, *(WORKSPACE if workspace else ()), *(REGISTRY if registry else ()))


def unregistered_problem(states: Mapping[str, str], subscription_id: str) -> str | None:
    """A problem with these registrations (namespace → Azure's word for its state), or None.

    A namespace without a state was not told, which proves nothing.
    """
    missing = sorted(name for name, state in states.items() if state and state.lower() not in REGISTERED)
    if not missing:
        return None
    commands = "; ".join(f"az provider register -n {name} --subscription {subscription_id}" for name in missing)
    return (
        f"the subscription {subscription_id} is not registered for {', '.join(missing)}, and creates nothing of that "
        f"kind until it is: {commands} (it takes minutes, and a Contributor of the subscription)"
    )


THINGS = {"storage": "storage account", "registry": "container registry", "vault": "key vault"}
"""Kind of name in `azure_names.RULES` → what has it; these names are unique in all of Azure."""


def taken_problem(kind: str, name: str, answer: Mapping[str, Any]) -> str | None:
    """A problem with a new resource's name by Azure's answer to `checkNameAvailability`, or None."""
    if answer.get("nameAvailable") is not False:
        return None
    why = str(answer.get("message") or answer.get("reason") or "").rstrip(".")
    said = f" ({why})" if why else ""
    return (
        f"{name!r} is no free name for a {THINGS[kind]}{said}: such names are unique in all of Azure; choose another, "
        "or attach to the one that is there by its `id`"
    )


def deleted_vault_problem(name: str, location: str, answer: Mapping[str, Any] | None) -> str | None:
    """A problem with a new vault's name where a deleted vault still has it; `answer` is that vault, or None."""
    if answer is None:
        return None
    until = str((answer.get("properties") or {}).get("scheduledPurgeDate") or "")[:10]
    return (
        f"a deleted key vault has the name {name!r}, which stays taken{f' until {until}' if until else ''}: "
        f"az keyvault purge --name {name} --location {location}, or choose another name"
    )


def deleted_workspace_problem(workspace_id: str, answers: list[Mapping[str, Any]]) -> str | None:
    """A problem with a new workspace's name where a deleted workspace of the same resource group still has it.

    `answers` are the subscription's deleted workspaces. Azure keeps them for 14 days.
    """
    for answer in answers:
        inner = answer.get("properties") or {}
        if str(inner.get("workspaceId") or inner.get("resourceId") or "").lower() == workspace_id.lower():
            until = str(inner.get("scheduledPurgeDate") or "")[:10]
            return (
                f"a deleted workspace still has the name {workspace_id.rsplit('/', 1)[-1]!r}, and Azure keeps it for "
                f"14 days{f', until {until}' if until else ''}: purge or recover it in the portal (Machine Learning, "
                "Recently deleted), or choose another name"
            )
    return None
