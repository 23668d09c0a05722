"""All refusals together: what is looked at before a change is carried out."""

from trainup.simulator.cloud import ml_rules, platform_rules, shape
from trainup.simulator.cloud.address import ML
from trainup.simulator.cloud.refusal import Refused
from trainup.simulator.cloud.rules import COMMON, Put, Resource
from trainup.simulator.cloud.view import View

_RULES = {**platform_rules.RULES, **ml_rules.RULES}


def check(azure: View, put: Put) -> None:
    """Raise what Azure would answer if it would not carry this out."""
    for rule in (*COMMON, *_RULES.get(put.address.type.lower(), ())):
        for refusal in rule(azure, put):
            raise refusal


def check_delete(azure: View, found: Resource) -> None:
    """Raise what Azure would answer if it would not delete this."""
    if found["type"].lower() == "microsoft.authorization/roledefinitions":
        for grant in azure.each("Microsoft.Authorization/roleAssignments"):
            if str(shape.get(grant, "properties.roleDefinitionId")).lower().endswith(found["name"].lower()):
                raise Refused(400, "RoleDefinitionHasAssignments", "There are existing role assignments to this role.")
    if shape.get(found, "properties.isDefault") is True and found["type"].lower() == f"{ML}/datastores".lower():
        raise Refused(400, "UserError", f"The default datastore {found['name']!r} cannot be deleted.")
