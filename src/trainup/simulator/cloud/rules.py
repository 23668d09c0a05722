"""Rules by which Azure refuses any type of resource: names, regions, tags, missing references."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from trainup.simulator.cloud import shape
from trainup.simulator.cloud.address import ML, Address, parse
from trainup.simulator.cloud.refusal import Refused, not_found
from trainup.simulator.cloud.regions import REGIONS, plain_region
from trainup.simulator.cloud.roles import BUILT_IN
from trainup.simulator.cloud.view import View

Resource = dict[str, Any]


@dataclass(frozen=True)
class Put:
    """A PUT that has not been applied yet."""

    address: Address
    body: Mapping[str, Any]
    existing: Resource | None

    def __call__(self, path: str) -> Any:
        """The body's value at a path; None when there is none."""
        return shape.get(self.body, path)


Rule = Callable[[View, Put], Iterator[Refused]]

NAMES = {
    "Microsoft.Resources/resourceGroups": r"[\w.()-]{0,89}[\w()-]",
    "Microsoft.Storage/storageAccounts": r"[a-z0-9]{3,24}",
    "Microsoft.KeyVault/vaults": r"(?!.*--)[a-zA-Z](?=.{2,23}$)[a-zA-Z0-9-]*[a-zA-Z0-9]",
    "Microsoft.OperationalInsights/workspaces": r"(?=.{4,63}$)[A-Za-z0-9][A-Za-z0-9-]+[A-Za-z0-9]",
    "Microsoft.ManagedIdentity/userAssignedIdentities": r"[A-Za-z0-9][A-Za-z0-9_-]{2,127}",
    "Microsoft.ContainerRegistry/registries": r"[a-zA-Z0-9]{5,50}",
    "Microsoft.Authorization/roleAssignments": r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}",
    "Microsoft.Authorization/roleDefinitions": r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}",
    ML: r"[a-zA-Z0-9][a-zA-Z0-9_-]{2,31}",
    f"{ML}/connections": r"[a-zA-Z0-9][a-zA-Z0-9_-]{2,32}",
    f"{ML}/computes": r"(?!.*-\d+$)[a-zA-Z][a-zA-Z0-9-]{2,23}",
    f"{ML}/environments": r"(?!AzureML-|Microsoft)[a-zA-Z0-9][a-zA-Z0-9_.-]{0,254}",
    f"{ML}/data": r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,254}",
    f"{ML}/datastores": r"[a-zA-Z0-9_]{1,255}",
    f"{ML}/jobs": r"[a-zA-Z0-9][a-zA-Z0-9_-]{0,254}",
    f"{ML}/schedules": r"[a-zA-Z0-9][a-zA-Z0-9_-]{0,254}",
    f"{ML}/codes": r"[a-zA-Z0-9][a-zA-Z0-9_-]{0,254}",
    f"{ML}/onlineEndpoints": r"[a-zA-Z](?=.{2,31}$)[a-zA-Z0-9-]*[a-zA-Z0-9]",
    f"{ML}/onlineEndpoints/deployments": r"[a-zA-Z](?=.{2,31}$)[a-zA-Z0-9-]*[a-zA-Z0-9]",
    f"{ML}/models": r"[a-zA-Z0-9][a-zA-Z0-9_-]{0,254}",
}
"""Resource type → regular expression for its names."""

_NAMES = {kind.lower(): re.compile(pattern) for kind, pattern in NAMES.items()}

GLOBALLY_UNIQUE = {
    "microsoft.storage/storageaccounts": (
        "StorageAccountAlreadyTaken",
        "The storage account named {name} is already taken.",
    ),
    "microsoft.containerregistry/registries": ("AlreadyInUse", "The registry DNS name {name}.azurecr.io is in use."),
    "microsoft.keyvault/vaults": ("VaultAlreadyExists", "The vault name '{name}' is already in use."),
}
"""Types whose names are globally unique → code and message of the error for a name that is in use."""

SOFT_DELETED = {
    "microsoft.keyvault/vaults": (
        409,
        "ConflictError",
        "A vault with the same name already exists in deleted state. "
        "You need to either recover or purge existing key vault.",
    ),
    ML.lower(): (
        400,
        "BadRequest",
        "Soft-deleted workspace exists. Please purge or recover it. https://aka.ms/wsoftdelete",
    ),
}
"""Types that are soft-deleted and keep their name → the error for using that name again."""


def reserved(resource: Mapping[str, Any]) -> str:
    """Key of what a soft-deleted resource reserves: its id, or its name where names are globally unique."""
    kind = str(resource["type"]).lower()
    return f"{kind}/{resource['name']}".lower() if kind in GLOBALLY_UNIQUE else str(resource["id"]).lower()


def _name(azure: View, put: Put) -> Iterator[Refused]:
    kind = put.address.type.removesuffix("/versions")
    pattern = _NAMES.get(kind.lower())
    name = put.address.name if kind == put.address.type else put.address.id.split("/")[-3]
    if pattern and not pattern.fullmatch(name):
        code = "AccountNameInvalid" if "storageAccounts" in kind else "InvalidResourceName"
        yield Refused(400, code, f"{name!r} is no name for {kind}: it has to match {pattern.pattern}")


def _parents(azure: View, put: Put) -> Iterator[Refused]:
    group = put.address.group
    if group and azure.find(group) is None:
        name = parse(group).name
        yield Refused(404, "ResourceGroupNotFound", f"Resource group '{name}' could not be found.")
    above = put.address.parent
    # Azure creates the container of a version with the version, and blob services with the account.
    above = above if above is None or not put.address.type.endswith("/versions") else parse(above).parent
    above = above.rsplit("/blobServices/", 1)[0] if above and "/blobServices/" in above else above
    if above and azure.find(above) is None:
        yield Refused(
            404,
            "ParentResourceNotFound",
            f"Failed to perform 'write' on resource(s) of type '{put.address.type}', because the parent resource "
            f"'{above}' could not be found.",
        )


def _region(azure: View, put: Put) -> Iterator[Refused]:
    region = put("location")
    if region is None:
        return
    if plain_region(region) not in REGIONS:
        yield Refused(
            400,
            "LocationNotAvailableForResourceType",
            f"The provided location '{region}' is not available for resource type '{put.address.type}'. "
            f"List of available regions for the resource type is '{','.join(sorted(REGIONS))}'.",
        )
    old = put.existing and put.existing.get("location")
    if old and plain_region(old) != plain_region(region):
        yield Refused(
            409,
            "InvalidResourceLocation",
            f"The resource '{put.address.name}' already exists in location '{old}'. "
            f"A resource with the same name cannot be created in location '{region}'.",
        )


def _tags(azure: View, put: Put) -> Iterator[Refused]:
    tags = put("tags") or {}
    if len(tags) > 50:
        yield Refused(400, "InvalidTags", f"{len(tags)} tags were given: a resource can have at most 50.")
    for key, value in tags.items():
        if len(key) > 512 or len(str(value)) > 256 or set(key) & set("<>%&\\?/"):
            yield Refused(400, "InvalidTagNameCharacters", f"The tag {key!r} has an invalid name or is too long.")


def _unique(azure: View, put: Put) -> Iterator[Refused]:
    kind = put.address.type.lower()
    if put.existing is not None:
        return
    if kind in GLOBALLY_UNIQUE:
        code, message = GLOBALLY_UNIQUE[kind]
        if any(other["name"].lower() == put.address.name.lower() for other in azure.each(put.address.type)):
            yield Refused(409, code, message.format(name=put.address.name))
    if kind in SOFT_DELETED:
        key = reserved({"type": put.address.type, "name": put.address.name, "id": put.address.id})
        if key in azure.deleted and put("properties.createMode") != "recover":
            yield Refused(*SOFT_DELETED[kind])


def _identity(azure: View, put: Put) -> Iterator[Refused]:
    ids = list(put("identity.userAssignedIdentities") or {})
    kind = str(put("identity.type") or "None")
    if ids and "UserAssigned" not in kind:
        yield Refused(400, "InvalidIdentityType", f"The identity type {kind!r} takes no user-assigned identities.")
    if "UserAssigned" in kind and not ids:
        yield Refused(400, "MissingIdentityIds", "The identity type 'UserAssigned' needs at least one identity.")
    for identity_id in ids:
        if azure.find(identity_id) is None:
            yield Refused(
                400,
                "FailedIdentityOperation",
                f"Identity operation failed: the identity '{identity_id}' was not found.",
            )


COMMON: tuple[Rule, ...] = (_name, _parents, _region, _tags, _unique, _identity)
"""Rules for every resource type, in the service's order."""


def needs(azure: View, resource_id: str | None) -> Iterator[Refused]:
    """The error for a reference to a resource that does not exist."""
    if resource_id and azure.find(resource_id) is None:
        group = parse(resource_id).group
        yield not_found(resource_id, group and parse(group).name)


def role_exists(azure: View, definition: str) -> bool:
    """Whether a role definition id is that of a built-in role or of an existing custom one."""
    guid = definition.rsplit("/", 1)[-1].lower()
    own_roles = (role["name"].lower() for role in azure.each("Microsoft.Authorization/roleDefinitions"))
    return guid in BUILT_IN or guid in own_roles
