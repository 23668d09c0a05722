"""Operations on Azure ML's assets, datastores and clusters that other resources do not have."""

import uuid
from datetime import UTC, datetime
from typing import Any

from trainup.simulator.cloud import roles, shape
from trainup.simulator.cloud.address import ML
from trainup.simulator.cloud.azure import Azure, Resource
from trainup.simulator.cloud.possible import UploadAnswer
from trainup.simulator.cloud.refusal import Refused
from trainup.simulator.cloud.signatures import SharedAccess
from trainup.simulator.rest.arm import paged, version_of
from trainup.simulator.rest.routing import WORKSPACE, Request, Response, Route


def _versions(azure: Azure, request: Request) -> Response:
    """List the versions of an asset; with `hash`, the versions of any code asset with that content hash."""
    version_of(request)
    azure.get(request.workspace)
    kind, under = request.parts["kind"].lower(), f"{request.workspace}/{request.parts['kind']}/{request.parts['name']}"
    content_hash = request.query.get("hash")
    if kind == "codes" and content_hash is not None:
        versions = [
            item
            for item in azure.resources(f"{ML}/codes/versions", request.workspace)
            if not azure.unread.hides(item["id"])
            and shape.get(item, "properties.properties.hash_sha256") == content_hash
            and str(shape.get(item, "properties.properties.hash_version")) == request.query.get("hashVersion")
        ]
        return paged(azure, request, versions)
    if kind != "codes":
        azure.get(under)
    versions = listed(request, azure.resources(f"{ML}/{kind}/versions", under))
    newest_first = request.query.get("$orderBy", request.query.get("orderBy", "")).lower()
    if newest_first.startswith(("createdtime", "createdat")):
        versions.sort(key=lambda item: str(shape.get(item, "systemData.createdAt")), reverse="desc" in newest_first)
    return paged(azure, request, versions)


def _containers(azure: Azure, request: Request) -> Response:
    version_of(request)
    azure.get(request.workspace)
    return paged(azure, request, listed(request, azure.resources(f"{ML}/{request.parts['kind']}", request.workspace)))


def listed(request: Request, items: list[Resource]) -> list[Resource]:
    """The items that a list shows: those that are not archived, unless `listViewType` says otherwise."""
    view = request.query.get("listViewType", "ActiveOnly")
    shown = {"ActiveOnly": (False,), "ArchivedOnly": (True,)}.get(view, (False, True))
    return [item for item in items if bool(shape.get(item, "properties.isArchived")) in shown]


def _start_upload(azure: Azure, request: Request) -> Response:
    """Create a container for the files of a new version, and return a signed URL for uploads to it."""
    version_of(request)
    workspace = azure.get(request.workspace)
    _check_storage_role(azure, workspace)
    if request.json().get("pendingUploadType") not in (None, "TemporaryBlobReference"):
        raise Refused(400, "UserError", "pendingUploadType has to be TemporaryBlobReference.")
    account_id = str(shape.get(workspace, "properties.storageAccount"))
    account = azure.get(account_id)
    container = f"{shape.get(workspace, 'properties.workspaceId')}-{uuid.uuid4().hex[:22]}"
    azure.storage.create(account["name"], container)
    # Without account keys the signature is a user delegation: the caller's own roles limit it.
    by_key = shape.get(account, "properties.allowSharedKeyAccess") is not False
    claims = azure.tokens.check(request.headers.get("authorization"))
    signature = azure.signatures.issue(
        SharedAccess(account["name"], container, None, "racwl", None if by_key else claims["oid"])
    )
    uri = f"{azure.endpoints.storage(account['name'])}/{container}"
    reference = {
        "blobUri": uri,
        "storageAccountArmId": account_id,
        "credential": {"credentialType": "SAS", "sasUri": f"{uri}?{signature}"},
    }
    return Response(
        200,
        {
            "pendingUploadId": str(uuid.uuid4()),
            "pendingUploadType": "TemporaryBlobReference",
            "blobReferenceForConsumption": _answered(
                reference, azure.possible.upload_answer if azure.signs else UploadAnswer.NO_CREDENTIAL
            ),
        },
    )


def _answered(reference: dict[str, Any], answer: UploadAnswer) -> dict[str, Any] | None:
    """What is returned of the reference to the container."""
    match answer:
        case UploadAnswer.SIGNED:
            return reference
        case UploadAnswer.NO_CREDENTIAL:
            return {**reference, "credential": None}
        case UploadAnswer.NO_SIGNATURE:
            return {**reference, "credential": {"credentialType": "NoCredentials", "sasUri": None}}
        case UploadAnswer.NO_ADDRESS:
            return {**reference, "blobUri": None, "credential": None}
        case UploadAnswer.NOTHING:
            return None


def _check_storage_role(azure: Azure, workspace: Resource) -> None:
    """Raise Refused while the workspace's identity has no role on its storage, if `possible` says so."""
    status = azure.possible.upload_needs_role
    if not status:
        return
    account = str(shape.get(workspace, "properties.storageAccount"))
    age = (datetime.now(UTC) - datetime.fromisoformat(workspace["systemData"]["createdAt"])).total_seconds()
    accepted = [roles.BLOB_CONTRIBUTOR, roles.BLOB_OWNER]
    if age >= azure.latency.role * azure.clock.scale:
        accepted.append(roles.AI_ADMINISTRATOR)
    assigned = shape.get(workspace, "identity.userAssignedIdentities") or {}
    own = [shape.get(workspace, "identity.principalId"), *(one.get("principalId") for one in assigned.values())]
    if not any(azure.has_role(str(principal), role, account) for principal in own for role in accepted):
        message = "The identity of the workspace is not authorized to perform this operation on its storage account."
        raise Refused(status, "UserError" if status == 400 else "AuthorizationPermissionMismatch", message)


def _datastores(azure: Azure, request: Request) -> Response:
    version_of(request)
    azure.get(request.workspace)
    datastores = azure.resources(f"{ML}/datastores", request.workspace)
    if (is_default := request.query.get("isDefault")) is not None:
        datastores = [
            item
            for item in datastores
            if bool(shape.get(item, "properties.isDefault")) == (is_default.lower() == "true")
        ]
    return paged(azure, request, datastores)


def _datastore_secrets(azure: Azure, request: Request) -> Response:
    store = azure.get(request.resource)
    own = store["properties"]
    kind = shape.get(own, "credentials.credentialsType")
    if kind == "None":
        raise Refused(400, "UserError", f"The datastore {store['name']!r} has no credentials: it is used by identity.")
    hidden = (azure.find(request.resource) or {}).get("_hidden")
    if hidden is not None and not request.json().get("expirableSecret"):
        return Response(200, hidden)
    account, container = str(own["accountName"]), own.get("containerName")
    if request.json().get("expirableSecret") and container:
        signature = azure.signatures.issue(SharedAccess(account, str(container), None, "racwdl", None))
        return Response(200, {"secretsType": "Sas", "sasToken": signature})
    return Response(200, {"secretsType": "AccountKey", "key": azure.key(account, "key1")})


def _nodes(azure: Azure, request: Request) -> Response:
    cluster = azure.get(request.resource)
    return Response(200, {"nodes": azure.machines.nodes(cluster["id"]) if azure.machines else []})


ROUTES = (
    Route("GET", f"{WORKSPACE}/{{kind:environments|models|data|codes}}", _containers),
    Route("GET", f"{WORKSPACE}/{{kind:environments|models|data|codes}}/{{name}}/versions", _versions),
    Route(
        "POST",
        f"{WORKSPACE}/{{kind:models|data|codes}}/{{name}}/versions/{{version}}/startPendingUpload",
        _start_upload,
    ),
    Route("GET", f"{WORKSPACE}/datastores", _datastores),
    Route("POST", f"{WORKSPACE}/datastores/{{name}}/listSecrets", _datastore_secrets),
    Route("POST", f"{WORKSPACE}/computes/{{name}}/listNodes", _nodes),
)
