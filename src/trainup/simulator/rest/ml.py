"""Azure ML's assets, datastores and clusters, beyond what any resource has: look-ups, uploads, secrets, nodes."""

import uuid

from trainup.simulator.cloud import shape
from trainup.simulator.cloud.address import ML
from trainup.simulator.cloud.azure import Azure, Resource
from trainup.simulator.cloud.refusal import Refused
from trainup.simulator.cloud.signatures import Grant
from trainup.simulator.rest.arm import paged, version_of
from trainup.simulator.rest.routing import WORKSPACE, Request, Response, Route


def _versions(azure: Azure, request: Request) -> Response:
    """The versions of an asset; for code, those of all code with the hash that was asked for."""
    version_of(request)
    azure.get(request.workspace)
    kind, under = request.parts["kind"].lower(), f"{request.workspace}/{request.parts['kind']}/{request.parts['name']}"
    wanted = request.query.get("hash")
    if kind == "codes" and wanted is not None:
        found = [
            item
            for item in azure.resources(f"{ML}/codes/versions", request.workspace)
            if shape.get(item, "properties.properties.hash_sha256") == wanted
            and str(shape.get(item, "properties.properties.hash_version")) == request.query.get("hashVersion")
        ]
        return paged(azure, request, found)
    if kind != "codes":
        azure.get(under)
    found = listed(request, azure.resources(f"{ML}/{kind}/versions", under))
    newest_first = request.query.get("$orderBy", request.query.get("orderBy", "")).lower()
    if newest_first.startswith(("createdtime", "createdat")):
        found.sort(key=lambda item: str(shape.get(item, "systemData.createdAt")), reverse="desc" in newest_first)
    return paged(azure, request, found)


def _containers(azure: Azure, request: Request) -> Response:
    version_of(request)
    azure.get(request.workspace)
    return paged(azure, request, listed(request, azure.resources(f"{ML}/{request.parts['kind']}", request.workspace)))


def listed(request: Request, items: list[Resource]) -> list[Resource]:
    """What a list shows: what is not archived, unless something else is asked for."""
    view = request.query.get("listViewType", "ActiveOnly")
    shown = {"ActiveOnly": (False,), "ArchivedOnly": (True,)}.get(view, (False, True))
    return [item for item in items if bool(shape.get(item, "properties.isArchived")) in shown]


def _start_upload(azure: Azure, request: Request) -> Response:
    """Where the files of a version go: a container of its own, opened on behalf of whoever asks."""
    version_of(request)
    workspace = azure.get(request.workspace)
    if request.json().get("pendingUploadType") not in (None, "TemporaryBlobReference"):
        raise Refused(400, "UserError", "pendingUploadType has to be TemporaryBlobReference.")
    account_id = str(shape.get(workspace, "properties.storageAccount"))
    account = azure.get(account_id)
    container = f"{shape.get(workspace, 'properties.workspaceId')}-{uuid.uuid4().hex[:22]}"
    azure.storage.create(account["name"], container)
    # An account that takes no keys signs on behalf of the caller, who then needs a role of his own.
    by_key = shape.get(account, "properties.allowSharedKeyAccess") is not False
    claims = azure.tokens.check(request.headers.get("authorization"))
    signature = azure.signatures.issue(
        Grant(account["name"], container, None, "racwl", None if by_key else claims["oid"])
    )
    uri = f"{azure.endpoints.storage(account['name'])}/{container}"
    credential = {"credentialType": "SAS", "sasUri": f"{uri}?{signature}"} if azure.signs else None
    return Response(
        200,
        {
            "pendingUploadId": str(uuid.uuid4()),
            "pendingUploadType": "TemporaryBlobReference",
            "blobReferenceForConsumption": {
                "blobUri": uri,
                "storageAccountArmId": account_id,
                "credential": credential,
            },
        },
    )


def _datastores(azure: Azure, request: Request) -> Response:
    version_of(request)
    azure.get(request.workspace)
    found = azure.resources(f"{ML}/datastores", request.workspace)
    if (wanted := request.query.get("isDefault")) is not None:
        found = [item for item in found if bool(shape.get(item, "properties.isDefault")) == (wanted.lower() == "true")]
    return paged(azure, request, found)


def _datastore_secrets(azure: Azure, request: Request) -> Response:
    store = azure.get(request.resource)
    own = store["properties"]
    kind = shape.get(own, "credentials.credentialsType")
    if kind == "None":
        raise Refused(400, "UserError", f"The datastore {store['name']!r} has no credentials: it is used by identity.")
    kept = (azure.find(request.resource) or {}).get("_hidden")
    if kept is not None and not request.json().get("expirableSecret"):
        return Response(200, kept)
    account, container = str(own["accountName"]), own.get("containerName")
    if request.json().get("expirableSecret") and container:
        signature = azure.signatures.issue(Grant(account, str(container), None, "racwdl", None))
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
