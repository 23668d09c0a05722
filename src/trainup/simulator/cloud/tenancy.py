"""What differs between subscriptions: the deployer's roles, the tenant's policies, and the login's default tenant."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from trainup.simulator.cloud import shape
from trainup.simulator.cloud.address import Address
from trainup.simulator.cloud.refusal import Refused
from trainup.simulator.cloud.rights import ACTIONS, Granted, action_of, linked_actions

ROLES = {
    "Owner": frozenset({"write", "assign"}),
    "Contributor": frozenset({"write"}),
    "Role Based Access Control Administrator": frozenset({"assign"}),
    "User Access Administrator": frozenset({"assign"}),
    "Reader": frozenset[str](),
}
"""Built-in role of a deployer → what it allows: to change resources, and to assign roles."""

ASSIGNMENTS = "microsoft.authorization/roleassignments"


@dataclass
class Policies:
    """Policies of the tenant. All are off by default, because a new subscription has none."""

    closes_storage: bool = False
    """Whether new storage accounts get `publicNetworkAccess: Disabled`, without an error, whatever the request says."""
    forbids_shared_keys: bool = False
    """Whether new storage accounts get `allowSharedKeyAccess: false`, likewise."""
    forbids_arm_tokens: bool = False
    """Whether registries refuse tokens that are for the resource manager."""


@dataclass
class Registrations:
    """The resource providers that the subscription is not registered for. Namespaces are compared in any case.

    All that trainup uses are registered here; in a new subscription they are not.
    """

    missing: set[str] = field(default_factory=set)

    def state(self, namespace: str) -> str:
        """The registration state as the resource manager tells it."""
        return "NotRegistered" if self._is_missing(namespace) else "Registered"

    def check(self, namespace: str) -> None:
        """Raise the Refused with which the resource manager answers a PUT in a namespace that is not registered."""
        if self._is_missing(namespace):
            raise Refused(
                409,
                "MissingSubscriptionRegistration",
                f"The subscription is not registered to use namespace '{namespace}'. See https://aka.ms/rps-not-found "
                "for how to register subscriptions.",
            )

    def _is_missing(self, namespace: str) -> bool:
        return namespace.lower() in {name.lower() for name in self.missing}


@dataclass
class Deployer:
    """What the principal that deploys may do."""

    roles: set[str] = field(default_factory=lambda: {"Owner"})
    """Roles on the whole subscription."""

    granted: list[Granted] | None = None
    """Roles on scopes, in place of `roles`."""

    def permissions(self, scope: str = "") -> list[dict[str, list[str]]]:
        """The permissions on a scope as the resource manager lists them."""
        if self.granted is not None:
            names = [one.role for one in self.granted if f"{scope.lower()}/".startswith(f"{one.scope.lower()}/")]
            return [{"actions": list(ACTIONS[name][0]), "notActions": list(ACTIONS[name][1])} for name in names]
        actions = {
            "write": {"actions": ["*"], "notActions": ["Microsoft.Authorization/*/Write"]},
            "assign": {"actions": ["*/read", "Microsoft.Authorization/roleAssignments/*"], "notActions": []},
        }
        allowed = sorted({name for role in self.roles for name in ROLES[role]})
        return [actions[name] for name in allowed] or [{"actions": ["*/read"], "notActions": []}]

    def check(self, method: str, address: Address, principal: str, body: Mapping[str, Any] | None = None) -> None:
        """Raise the Refused with which the resource manager answers a request that these roles do not allow.

        Reading is allowed to everybody who has `roles`, and checked for those who have roles on scopes.
        """
        needed = "assign" if address.type.lower() == ASSIGNMENTS else "write"
        scope = address.scope if needed == "assign" else address.id
        if self.granted is not None:
            assigned = str(shape.get(dict(body or {}), "properties.roleDefinitionId") or "").rsplit("/", 1)[-1]
            linked = linked_actions(address.type, body or {}) if method == "PUT" else []
            for action, where in [(action_of(method, address.type), scope), *linked]:
                self.act(action, where, principal, assigned)
            return
        if method in ("GET", "HEAD") or any(needed in ROLES[role] for role in self.roles):
            return
        raise _refusal(action_of(method, address.type), scope, principal)

    def act(self, action: str, scope: str, principal: str, assigned: str = "") -> None:
        """Raise Refused where roles on scopes do not allow an action; `assigned` is the GUID of a role to assign."""
        if self.granted is not None and not any(one.allows(action, scope, assigned) for one in self.granted):
            raise _refusal(action, scope, principal)


def _refusal(action: str, scope: str, principal: str) -> Refused:
    return Refused(
        403,
        "AuthorizationFailed",
        f"The client '{principal}' with object id '{principal}' does not have authorization to perform action "
        f"'{action}' over scope '{scope}' or the scope is invalid. If access was recently granted, please refresh your "
        "credentials.",
    )
