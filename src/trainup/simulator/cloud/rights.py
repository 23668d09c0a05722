"""What the built-in roles of a deployer allow, by action and scope.

The patterns are those of https://learn.microsoft.com/azure/role-based-access-control/built-in-roles, as far as they
matter for what a stack creates.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trainup.simulator.cloud import shape

ML = "Microsoft.MachineLearningServices/workspaces"
IDENTITY = "Microsoft.ManagedIdentity/userAssignedIdentities"

ACTIONS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "Owner": (("*",), ()),
    "Contributor": (("*",), ("Microsoft.Authorization/*/Delete", "Microsoft.Authorization/*/Write")),
    "Role Based Access Control Administrator": (
        ("Microsoft.Authorization/roleAssignments/write", "Microsoft.Authorization/roleAssignments/delete", "*/read"),
        (),
    ),
    "User Access Administrator": (("*/read", "Microsoft.Authorization/*"), ()),
    "Reader": (("*/read",), ("Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read",)),
    "Storage Blob Data Reader": (("Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read",), ()),
    "AzureML Data Scientist": (
        (f"{ML}/*/read", f"{ML}/*/action", f"{ML}/*/delete", f"{ML}/*/write"),
        (f"{ML}/delete", f"{ML}/write", f"{ML}/computes/*/write", f"{ML}/computes/*/delete", f"{ML}/listKeys/action"),
    ),
    "AzureML Compute Operator": ((f"{ML}/computes/*",), ()),
    "Managed Identity Contributor": ((f"{IDENTITY}/read", f"{IDENTITY}/write", f"{IDENTITY}/delete"), ()),
    "Managed Identity Operator": ((f"{IDENTITY}/*/read", f"{IDENTITY}/*/assign/action"), ()),
    "AcrPush": (
        ("Microsoft.ContainerRegistry/registries/pull/read", "Microsoft.ContainerRegistry/registries/push/write"),
        (),
    ),
    "Network Contributor": (("Microsoft.Network/*",), ()),
}
"""Role → the actions that it allows, and those of them that it does not."""


@dataclass(frozen=True)
class Granted:
    """A role on a scope."""

    role: str
    scope: str
    only: frozenset[str] = frozenset()
    """GUIDs of the only roles that it may assign and remove, by a condition; empty for all."""

    def allows(self, action: str, resource_id: str, assigned: str = "") -> bool:
        """Whether it allows an action on a resource; `assigned` is the GUID of a role that is assigned by it."""
        if not f"{resource_id.lower().rstrip('/')}/".startswith(f"{self.scope.lower().rstrip('/')}/"):
            return False
        if self.only and assigned and assigned.lower() not in self.only:
            return False
        granted, denied = ACTIONS[self.role]
        return any(_covers(one, action) for one in granted) and not any(_covers(one, action) for one in denied)


def action_of(method: str, kind: str) -> str:
    """The action of a request for a resource of a type."""
    verbs = {"GET": "read", "HEAD": "read", "DELETE": "delete", "POST": "action"}
    return f"{kind}/{verbs.get(method, 'write')}"


def linked_actions(kind: str, body: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Actions, and their scopes, that a PUT takes on other resources: to use an identity, or to join a subnet."""
    if kind.lower() != f"{ML}/computes".lower():
        return []
    identities = shape.get(dict(body), "identity.userAssignedIdentities") or {}
    subnet = shape.get(dict(body), "properties.properties.subnet.id")
    joined = [("Microsoft.Network/virtualNetworks/subnets/join/action", str(subnet))] if subnet else []
    return [*((f"{IDENTITY}/assign/action", str(identity)) for identity in identities), *joined]


def _covers(pattern: str, action: str) -> bool:
    """Whether a pattern covers an action: `*` stands for any text, and `/*/` for a single slash as well."""
    words = ".*".join(re.escape(part) for part in pattern.split("*")).replace("/.*/", "/(.*/)?")
    return re.fullmatch(words, action, re.IGNORECASE) is not None
