"""The managed identities that a job uses for registries, storage and vaults."""

from collections.abc import Iterable, Mapping
from typing import Any

from trainup.simulator.cloud import roles, shape
from trainup.simulator.cloud.azure import Azure
from trainup.simulator.machines.errors import Failed

WRITERS = (roles.BLOB_CONTRIBUTOR, roles.BLOB_OWNER)


def identities(azure: Azure, job: Mapping[str, Any], cluster: str) -> dict[str, str]:
    """Client id → object id of the identities that a job can use; the client id "" stands for its default.

    A job with `UserIdentity` uses that of its submitter. Any other job uses those of its cluster, or, without a
    cluster, those of its workspace.
    """
    if str(shape.get(job, "identity.identityType")) == "UserIdentity":
        return {"": azure.deployer}
    workspace = cluster.split("/computes/")[0].split("/jobs/")[0]
    object_ids = _of(azure, cluster) or _of(azure, workspace)
    client_id = shape.get(job, "identity.clientId")
    if client_id in object_ids:
        object_ids[""] = object_ids[client_id]
    return object_ids


def check_identity(azure: Azure, workspace: str, cluster: str, allowed: Iterable[str]) -> None:
    """Raise Failed if the workspace reaches its storage by identity, and no identity of the job has a role there.

    Several users report this message, both for a cluster without an identity and for one without a role.
    """
    resource = azure.find(workspace) or {}
    if shape.get(resource, "properties.systemDatastoresAuthMode") != "Identity":
        return
    account = str(shape.get(resource, "properties.storageAccount"))
    if not any(azure.has_role(principal, role, account) for principal in allowed for role in WRITERS):
        raise Failed(f"Identity of the specified managed compute {cluster.rsplit('/', 1)[1]} is not found.")


def principals(azure: Azure, cluster: str) -> list[str]:
    """Object ids of the identities that pull images for a cluster: its own and those of the workspace."""
    return [*_of(azure, cluster).values(), *_of(azure, cluster.split("/computes/")[0].split("/jobs/")[0]).values()]


def _of(azure: Azure, resource_id: str) -> dict[str, str]:
    identity = (azure.find(resource_id) or {}).get("identity") or {}
    own = [item for item in (identity.get("userAssignedIdentities") or {}).values() if item.get("principalId")]
    object_ids = {str(item["clientId"]): str(item["principalId"]) for item in own}
    if system := identity.get("principalId"):
        object_ids[""] = str(system)
    elif len(own) == 1:
        object_ids[""] = str(own[0]["principalId"])
    return object_ids
