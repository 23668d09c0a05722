"""Rules by which Azure refuses storage accounts, registries, vaults, monitoring and role assignments."""

from collections.abc import Iterator, Mapping

from trainup.simulator.cloud import shape
from trainup.simulator.cloud.address import parse
from trainup.simulator.cloud.refusal import Refused
from trainup.simulator.cloud.rules import Put, Rule, needs, role_exists
from trainup.simulator.cloud.view import View

PREMIUM = {
    "properties.zoneRedundancy": "Enabled",
    "properties.policies.retentionPolicy.status": "enabled",
    "properties.policies.trustPolicy.status": "enabled",
    "properties.dataEndpointEnabled": True,
    "properties.publicNetworkAccess": "Disabled",
}
"""Property → value that only the Premium tier of a registry supports."""


def _storage(azure: View, put: Put) -> Iterator[Refused]:
    is_hns_enabled = put("properties.isHnsEnabled")
    if (
        put.existing
        and is_hns_enabled is not None
        and is_hns_enabled != bool(shape.get(put.existing, "properties.isHnsEnabled"))
    ):
        yield Refused(400, "AccountPropertyCannotBeUpdated", "isHnsEnabled cannot change on an existing account.")


def _registry(azure: View, put: Put) -> Iterator[Refused]:
    tier = put("sku.name")
    for path, value in PREMIUM.items():
        if put(path) == value and tier != "Premium":
            name = path.removeprefix("properties.")
            yield Refused(400, "FeatureNotSupported", f"{name} = {value!r} is not supported in the {tier} tier.")


def _vault(azure: View, put: Put) -> Iterator[Refused]:
    days = put("properties.softDeleteRetentionInDays")
    if days is not None and not 7 <= days <= 90:
        yield Refused(400, "BadRequest", f"softDeleteRetentionInDays is {days}: it has to be between 7 and 90.")
    if put("properties.enablePurgeProtection") is False:
        yield Refused(400, "BadRequest", 'The property "enablePurgeProtection" cannot be set to false.')
    if put("properties.enableSoftDelete") is False:
        yield Refused(400, "BadRequest", 'The property "enableSoftDelete" cannot be set to false.')
    old = put.existing and shape.get(put.existing, "properties.softDeleteRetentionInDays")
    if old is not None and days is not None and old != days:
        yield Refused(400, "BadRequest", 'The property "softDeleteRetentionInDays" has been set already.')
    if put("properties.createMode") == "recover" and not put.existing:
        key = f"microsoft.keyvault/vaults/{put.address.name}".lower()
        if key not in azure.deleted:
            yield Refused(404, "VaultNotFound", f"There is no deleted vault {put.address.name!r} to recover.")
    if put("properties.tenantId") != azure.tenant:
        yield Refused(400, "BadRequest", f"The tenant {put('properties.tenantId')!r} is not the subscription's.")


def _logs(azure: View, put: Put) -> Iterator[Refused]:
    days, tier = put("properties.retentionInDays"), str(put("properties.sku.name") or "PerGB2018")
    if days is not None and tier.lower() == "pergb2018" and not 30 <= days <= 730:
        yield Refused(
            400, "InvalidParameter", f"'RetentionInDays' property is {days}: the PerGB2018 tier takes 30 to 730."
        )


def _insights(azure: View, put: Put) -> Iterator[Refused]:
    workspace = put("properties.WorkspaceResourceId")
    if not workspace:
        yield Refused(
            400, "BadRequest", "Classic Application Insights is retired: WorkspaceResourceId has to be given."
        )
    yield from needs(azure, workspace)


def _assignment(azure: View, put: Put) -> Iterator[Refused]:
    principal = put("properties.principalId")
    role = str(put("properties.roleDefinitionId"))
    scope = put.address.scope
    if not role_exists(azure, role):
        yield Refused(400, "RoleDefinitionDoesNotExist", f"The specified role definition '{role}' does not exist.")
    if scope.lower() != azure.root.lower() and azure.find(scope) is None:
        parsed = parse(scope)
        yield Refused(404, "ResourceNotFound", f"The scope '{parsed.type}/{parsed.name}' was not found.")
    yield from _principal(azure, put, principal)
    if put.existing:
        for name in ("principalId", "roleDefinitionId"):
            if str(shape.get(put.existing, f"properties.{name}")).lower() != str(put(f"properties.{name}")).lower():
                yield Refused(
                    400,
                    "RoleAssignmentUpdateNotPermitted",
                    "Tenant ID, application ID, principal ID, and scope are not allowed to be updated.",
                )
        return
    for other in azure.each(put.address.type):
        same = (
            shape.get(other, "properties.principalId") == principal
            and str(shape.get(other, "properties.roleDefinitionId")).lower() == role.lower()
            and str(shape.get(other, "properties.scope")).lower() == scope.lower()
        )
        if same:
            yield Refused(
                409,
                "RoleAssignmentExists",
                f"The role assignment already exists. The ID of the existing role assignment is {other['name']}.",
            )


def _principal(azure: View, put: Put, principal: str) -> Iterator[Refused]:
    machines = {
        shape.get(identity, "properties.principalId")
        for identity in azure.each("Microsoft.ManagedIdentity/userAssignedIdentities")
    } | {
        principal_id
        for principal_id in (shape.get(other, "identity.principalId") for other in azure.each("*"))
        if principal_id
    }
    kind = put("properties.principalType")
    if principal in machines:
        if kind is None:
            yield Refused(
                400,
                "PrincipalNotFound",
                f"Principal {principal} does not exist in the directory {azure.tenant}. If you recently created this "
                "principal, set the role assignment principalType property to 'ServicePrincipal'.",
            )
        elif kind != "ServicePrincipal":
            yield Refused(
                400,
                "UnmatchedPrincipalType",
                f"The PrincipalId '{principal}' has type 'ServicePrincipal', which is different from specified "
                f"PrinciaplType '{kind}'.",
            )
    elif principal not in azure.principals | {azure.deployer}:
        yield Refused(
            400, "PrincipalNotFound", f"Principal {principal} does not exist in the directory {azure.tenant}."
        )


RULES: Mapping[str, tuple[Rule, ...]] = {
    "microsoft.storage/storageaccounts": (_storage,),
    "microsoft.containerregistry/registries": (_registry,),
    "microsoft.keyvault/vaults": (_vault,),
    "microsoft.operationalinsights/workspaces": (_logs,),
    "microsoft.insights/components": (_insights,),
    "microsoft.authorization/roleassignments": (_assignment,),
}
"""Lower-case type → its rules."""
