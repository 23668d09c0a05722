"""Assigns one role to one principal on one resource."""

import pulumi
from pulumi_azure_native import authorization

from trainup.components.resources import SharedRoleAssignment
from trainup.core.roles import PrincipalType, Role, assignment_name, definition_id


def assign(
    name: str,
    role: Role,
    scope: pulumi.Input[str],
    principal_id: pulumi.Input[str],
    parent: pulumi.ComponentResource,
) -> authorization.RoleAssignment:
    """Assign the role to an identity that the stack created: nobody else can have assigned it already."""
    resource_id = pulumi.Output.from_input(scope)
    names = pulumi.Output.all(scope, principal_id)
    return authorization.RoleAssignment(
        name,
        role_assignment_name=names.apply(lambda both: assignment_name(both[0], both[1], role)),
        role_definition_id=resource_id.apply(lambda text: definition_id(text.split("/")[2], role)),
        scope=scope,
        principal_id=principal_id,
        principal_type=str(PrincipalType.SERVICE_PRINCIPAL),
        # The name is derived from scope, principal and role, so a replacement can exist beside the old assignment.
        opts=pulumi.ResourceOptions(parent=parent, delete_before_replace=False),
    )


def assign_shared(
    name: str,
    role: Role,
    scope: pulumi.Input[str],
    principal_id: pulumi.Input[str],
    parent: pulumi.ComponentResource,
    principal_type: PrincipalType = PrincipalType.SERVICE_PRINCIPAL,
    cloud: str | None = None,
) -> SharedRoleAssignment:
    """Assign the role to a principal who may have it already, from another stack or by hand."""
    return SharedRoleAssignment(
        name,
        {
            "scope": scope,
            "principal_id": principal_id,
            "principal_type": str(principal_type),
            "role": str(role),
            "cloud": cloud,
        },
        opts=pulumi.ResourceOptions(parent=parent),
    )
