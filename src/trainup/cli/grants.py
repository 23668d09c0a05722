"""The roles of a stack as objects, and as commands of the Azure CLI that grant them."""

import shlex
from collections.abc import Iterable, Sequence
from typing import Any

from trainup.core.role_needs import Need, Place, Who
from trainup.core.roles import Role

DEPLOYER = "$DEPLOYER"
"""The shell variable with the object id of who deploys."""


def as_object(need: Need) -> dict[str, Any]:
    """A role for programs. `scope` is empty where the resource is not there yet or has to be asked for."""
    return {
        "who": str(need.who),
        "principal_id": need.principal,
        "role": need.role.shown,
        "role_id": str(need.role),
        "scope": need.place.id,
        "scope_name": need.place.noun,
        "resources": list(need.resources),
        "why": need.why,
        "assigned_by": "up" if need.by_up else "administrator",
        "optional": need.is_optional,
        "assigns": [role.shown for role in need.assigns],
    }


def as_commands(needs: Sequence[Need], stack: str, deployer: str) -> str:
    """A script for a POSIX shell. What `up` assigns itself is commented out, where it can be granted beforehand."""
    granted = to_grant(needs)
    early = [need for need in needs if need.by_up and need.may_exist]
    lines = [
        f"# The roles that stack {stack} needs before its first `up`. DEPLOYER is the object id of who deploys:",
        "# `az ad signed-in-user show --query id --output tsv`, and KIND is User, Group or ServicePrincipal.",
        f"DEPLOYER={shlex.quote(deployer)}" if deployer else 'DEPLOYER="${DEPLOYER:?set it to an object id}"',
        "KIND=${KIND:-User}",
        f"WORKSPACE={shlex.quote(_workspace(needs))}" if _workspace(needs) else "",
    ]
    lines = [line for line in lines if line]
    for need in granted:
        lines += ["", f"# {_plain(need)}", _command(need)]
    if early:
        lines += ["", "# `up` assigns these itself. It leaves what is granted beforehand as it is:"]
        for need in early:
            lines += [f"# {_plain(need)}", f"# {_command(need)}"]
    return "\n".join(lines)


def to_grant(needs: Sequence[Need]) -> list[Need]:
    """The roles that an administrator grants to who deploys before the first `up`."""
    ours = [need for need in needs if not need.by_up and need.may_exist]
    # Who deploys may read already what others have to be allowed to.
    return [need for need in ours if need.who is Who.DEPLOYER or need.role is not Role.READER]


def condition_of(roles: Iterable[Role]) -> str:
    """The condition by which who has the right to assign roles can assign and remove these alone.

    https://learn.microsoft.com/azure/role-based-access-control/delegate-role-assignments-examples, "Constrain roles".
    """
    ids = ", ".join(sorted(roles))

    def only(verb: str, what: str) -> str:
        action = f"Microsoft.Authorization/roleAssignments/{verb}"
        attribute = f"@{what}[Microsoft.Authorization/roleAssignments:RoleDefinitionId]"
        return f"((!(ActionMatches{{'{action}'}})) OR ({attribute} ForAnyOfAnyValues:GuidEquals {{{ids}}}))"

    return f"{only('write', 'Request')} AND {only('delete', 'Resource')}"


def _workspace(needs: Sequence[Need]) -> str:
    return next((need.place.id for need in needs if "/workspaces/" in need.place.id), "")


def _plain(need: Need) -> str:
    optional = "optional: " if need.is_optional else ""
    return f"{optional}{need.role.shown} on {need.place.noun}, for {', '.join(need.resources)}: {need.why}"


def _command(need: Need) -> str:
    """The command that grants a role."""
    if need.principal_of:
        query = "identity.principalId || values(identity.userAssignedIdentities)[0].principalId"
        principal = f'"$(az resource show --ids {shlex.quote(need.principal_of)} --query {shlex.quote(query)} -o tsv)"'
        kind = "ServicePrincipal"
    elif need.principal:
        principal, kind = shlex.quote(need.principal), str(need.kind)
    else:
        principal, kind = f'"{DEPLOYER}"', '"$KIND"'
    words = [
        "az role assignment create",
        f"--assignee-object-id {principal}",
        f"--assignee-principal-type {kind}",
        f"--role {need.role}",
        f"--scope {_scope(need.place)}",
    ]
    if need.assigns:
        words += [f"--condition {shlex.quote(condition_of(need.assigns))}", "--condition-version 2.0"]
    return " ".join(words)


def _scope(place: Place) -> str:
    if place.id:
        return shlex.quote(place.id)
    if place.named_by:
        query = f"properties.{place.named_by}"
        workspace = shlex.quote(place.workspace) if place.workspace else '"$WORKSPACE"'
        return f'"$(az resource show --ids {workspace} --query {query} --output tsv)"'
    return '"/subscriptions/$(az account show --query id --output tsv)"'
