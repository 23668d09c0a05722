"""Azure's built-in roles, the names of role assignments, and which principal needs which role."""

import uuid
from enum import StrEnum


class Role(StrEnum):
    """Built-in roles by the id that is the same in every tenant."""

    ACR_PULL = "7f951dda-4ed3-4680-a7ca-43fe172d538d"
    ACR_PUSH = "8311e382-0749-4cb8-b61a-304f252e45ec"
    BLOB_DATA_CONTRIBUTOR = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"
    BLOB_DATA_READER = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"
    FILE_DATA_PRIVILEGED_CONTRIBUTOR = "69566ab7-960f-475b-8e7c-b3118f30c6bd"
    ML_DATA_SCIENTIST = "f6c7c914-8db3-469d-8ca1-694a8f32e121"
    SECRETS_OFFICER = "b86a8fe4-44ce-4948-aee5-eccb2c155cd7"
    SECRETS_USER = "4633458b-17de-408a-b874-0445c86b69e6"
    CONTRIBUTOR = "b24988ac-6180-42a0-ab88-20f7382dd24c"
    READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
    RBAC_ADMINISTRATOR = "f58310d9-a9f6-439a-9e8d-f62e7b41a168"
    ML_COMPUTE_OPERATOR = "e503ece1-11d0-4e8e-8e2c-7a6c3bf38815"
    IDENTITY_CONTRIBUTOR = "e40ec5ca-96e0-45a2-b4ff-59039f2c2b59"
    IDENTITY_OPERATOR = "f1a07417-d97a-45cb-824c-7a7467783830"
    NETWORK_CONTRIBUTOR = "4d97b98b-1d4f-4787-a291-c67834d212e7"

    @property
    def shown(self) -> str:
        """The name that Azure shows."""
        return TITLES[self]


TITLES = {
    Role.ACR_PULL: "AcrPull",
    Role.ACR_PUSH: "AcrPush",
    Role.BLOB_DATA_CONTRIBUTOR: "Storage Blob Data Contributor",
    Role.BLOB_DATA_READER: "Storage Blob Data Reader",
    Role.FILE_DATA_PRIVILEGED_CONTRIBUTOR: "Storage File Data Privileged Contributor",
    Role.ML_DATA_SCIENTIST: "AzureML Data Scientist",
    Role.SECRETS_OFFICER: "Key Vault Secrets Officer",
    Role.SECRETS_USER: "Key Vault Secrets User",
    Role.CONTRIBUTOR: "Contributor",
    Role.READER: "Reader",
    Role.RBAC_ADMINISTRATOR: "Role Based Access Control Administrator",
    Role.ML_COMPUTE_OPERATOR: "AzureML Compute Operator",
    Role.IDENTITY_CONTRIBUTOR: "Managed Identity Contributor",
    Role.IDENTITY_OPERATOR: "Managed Identity Operator",
    Role.NETWORK_CONTRIBUTOR: "Network Contributor",
}
"""Role → the name that Azure shows (https://learn.microsoft.com/azure/role-based-access-control/built-in-roles)."""


class PrincipalType(StrEnum):
    """The kind of principal. Without it, Azure may not find an identity that was just created."""

    USER = "User"
    GROUP = "Group"
    SERVICE_PRINCIPAL = "ServicePrincipal"


class Scope(StrEnum):
    """The resource that a role is assigned on."""

    WORKSPACE = "workspace"
    STORAGE = "storage"
    REGISTRY = "registry"
    VAULT = "vault"
    DATA = "data"
    """A storage account beside the workspace's own."""


NODE_ROLES = {
    Scope.STORAGE: Role.BLOB_DATA_CONTRIBUTOR,
    Scope.VAULT: Role.SECRETS_USER,
    Scope.REGISTRY: Role.ACR_PULL,
    Scope.DATA: Role.BLOB_DATA_READER,
}
"""The least roles that nodes need on each resource that a run uses."""


def submitter_roles(*, registry: bool, cloud_build: bool, secrets: bool = False) -> tuple[tuple[Role, Scope], ...]:
    """The least roles for a principal that submits runs.

    registry: the stack's image goes to an Azure registry; cloud_build: the registry also builds it; secrets: runs have
    secrets, which go into the workspace's vault.
    """
    roles = [
        (Role.ML_DATA_SCIENTIST, Scope.WORKSPACE),
        (Role.BLOB_DATA_CONTRIBUTOR, Scope.STORAGE),
        # Notebooks and shares, in a workspace that hands out no keys.
        (Role.FILE_DATA_PRIVILEGED_CONTRIBUTOR, Scope.STORAGE),
    ]
    if registry:
        # Nothing narrower than Contributor may upload a build's context and start it.
        roles.append((Role.CONTRIBUTOR if cloud_build else Role.ACR_PUSH, Scope.REGISTRY))
    if secrets:
        roles.append((Role.SECRETS_OFFICER, Scope.VAULT))
    return tuple(roles)


def definition_id(subscription_id: str, role: str) -> str:
    """The ARM id of a role as a subscription knows it."""
    return f"/subscriptions/{subscription_id}/providers/Microsoft.Authorization/roleDefinitions/{role}"


_NAMESPACE = uuid.UUID("7d1b2f3a-5c1e-5b60-9d0a-4f4f0a9e7c55")


def assignment_name(scope: str, principal_id: str, role: str, owner: str = "") -> str:
    """The name of a role assignment, a GUID: equal arguments have equal names; the case of ids does not matter.

    `owner` distinguishes assignments that are equal but belong to different owners.
    """
    parts = [scope.lower().rstrip("/"), principal_id.lower(), role, *([owner] if owner else [])]
    return str(uuid.uuid5(_NAMESPACE, "|".join(parts)))
