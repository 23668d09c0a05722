"""One role for one principal on one resource."""

import pulumi
from pulumi_azure_native import authorization

from trainup.core.roles import PrincipalType, Role, assignment_name, definition_id


def grant(
    name: str,
    role: Role,
    scope: pulumi.Input[str],
    principal_id: pulumi.Input[str],
    parent: pulumi.ComponentResource,
    principal_type: PrincipalType = PrincipalType.SERVICE_PRINCIPAL,
) -> authorization.RoleAssignment:
    """Assign the role, under a name made of the facts: the same assignment is never made twice."""
    where = pulumi.Output.from_input(scope)
    facts = pulumi.Output.all(scope, principal_id)
    return authorization.RoleAssignment(
        name,
        role_assignment_name=facts.apply(lambda both: assignment_name(both[0], both[1], role)),
        role_definition_id=where.apply(lambda text: definition_id(text.split("/")[2], role)),
        scope=scope,
        principal_id=principal_id,
        principal_type=str(principal_type),
        # The name is made of the facts, so a successor can stand beside what it replaces.
        opts=pulumi.ResourceOptions(parent=parent),
    )
