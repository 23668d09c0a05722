"""All rules together: they decide whether Azure would refuse a change."""

from trainup.simulator.cloud import endpoint_rules, ml_rules, platform_rules, shape
from trainup.simulator.cloud.address import ML
from trainup.simulator.cloud.refusal import Refused
from trainup.simulator.cloud.rules import COMMON, Put, Resource
from trainup.simulator.cloud.view import View

_RULES = {**platform_rules.RULES, **ml_rules.RULES, **endpoint_rules.RULES}


def check(azure: View, put: Put) -> None:
    """Raise the Refused with which Azure would answer this PUT, if any rule forbids it."""
    for rule in (*COMMON, *_RULES.get(put.address.type.lower(), ())):
        for refusal in rule(azure, put):
            raise refusal


def check_delete(azure: View, resource: Resource, action: str = "") -> None:
    """Raise the Refused with which Azure would answer this DELETE, if it would not delete the resource.

    `action` is the parameter `underlyingResourceAction` of the request.
    """
    actions = ("Delete", "Detach") if azure.asks_how_to_delete else ("Delete", "Detach", "")
    if resource["type"].lower() == f"{ML}/computes".lower() and action not in actions:
        message = "The query parameter underlyingResourceAction has to be Delete or Detach."
        raise Refused(400, "InvalidQueryParameterValue", message)
    if resource["type"].lower() == "microsoft.authorization/roledefinitions":
        for assignment in azure.each("Microsoft.Authorization/roleAssignments"):
            if str(shape.get(assignment, "properties.roleDefinitionId")).lower().endswith(resource["name"].lower()):
                raise Refused(400, "RoleDefinitionHasAssignments", "There are existing role assignments to this role.")
    if resource["type"].lower() == endpoint_rules.DEPLOYMENTS.lower():
        for refusal in endpoint_rules.check_delete(azure, resource):
            raise refusal
    if shape.get(resource, "properties.isDefault") is True and resource["type"].lower() == f"{ML}/datastores".lower():
        raise Refused(400, "UserError", f"The default datastore {resource['name']!r} cannot be deleted.")
