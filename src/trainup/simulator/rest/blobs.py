"""The data plane of storage accounts: containers and blobs, by signature, by token or by account key."""

import base64
import hashlib
import re
from collections.abc import Mapping
from email.utils import format_datetime
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from trainup.simulator.cloud.azure import Azure
from trainup.simulator.cloud.refusal import Refused
from trainup.simulator.cloud.storage import Blob
from trainup.simulator.rest.blob_access import authorize, check_account
from trainup.simulator.rest.routing import ANY, Request, Response, Route, Section

PERMISSIONS = {"GET": "r", "HEAD": "r", "PUT": "wc", "DELETE": "d"}
_RANGE = re.compile(r"bytes=(\d+)-(\d*)")
_PAGE = 5000


def _blob(azure: Azure, request: Request) -> Response:
    account, container, name = (request.parts[part] for part in ("account", "container", "blob"))
    check_account(azure, account)
    try:
        authorize(azure, request, account, container, name, PERMISSIONS.get(request.method, "w"))
        match request.method, request.query.get("comp"):
            case "GET" | "HEAD", None:
                return _get(request, _existing(azure, account, container, name))
            case "GET" | "HEAD", "metadata":
                return Response(200, None, _facts(_existing(azure, account, container, name)))
            case "PUT", None:
                return _put(azure, request, account, container, name)
            case "PUT", "metadata":
                blob = _existing(azure, account, container, name)
                azure.storage.describe(blob, _metadata(request))
                return Response(200, None, {"ETag": blob.etag, "Last-Modified": _date(blob)})
            case "PUT", "block":
                azure.storage.stage(account, container, name, _block(request), _checked(request))
                return Response(201, None, {"Content-MD5": _md5(request.body)})
            case "PUT", "blocklist":
                return _commit(azure, request, account, container, name)
            case "DELETE", None:
                if not azure.storage.delete(account, container, name):
                    raise _not_found()
                return Response(202)
        raise Refused(400, "InvalidQueryParameterValue", f"comp={request.query.get('comp')} is not supported here.")
    except Refused as refused:
        return _error(refused)


def _container(azure: Azure, request: Request) -> Response:
    account, container = request.parts["account"], request.parts["container"]
    listing = request.query.get("comp") == "list"
    check_account(azure, account)
    try:
        authorize(azure, request, account, container, "", "l" if listing else PERMISSIONS.get(request.method, "r"))
        if listing:
            return _list(azure, request, account, container)
        match request.method:
            case "PUT":
                if not azure.storage.create(account, container):
                    raise Refused(409, "ContainerAlreadyExists", "The specified container already exists.")
                return Response(201)
            case "GET" | "HEAD":
                if not azure.storage.has(account, container):
                    raise Refused(404, "ContainerNotFound", "The specified container does not exist.")
                return Response(200)
        raise Refused(405, "UnsupportedHttpVerb", "The resource doesn't support specified Http Verb.")
    except Refused as refused:
        return _error(refused)


def _get(request: Request, blob: Blob) -> Response:
    size, facts = blob.size, _facts(blob)
    match = _RANGE.fullmatch(request.headers.get("x-ms-range") or request.headers.get("range") or "")
    if not match:
        return Response(200, Section(blob.path, 0, size), facts)
    start = int(match[1])
    end = min(int(match[2]), size - 1) if match[2] else size - 1
    if start >= size:
        raise Refused(
            416,
            "InvalidRange",
            "The range specified is invalid for the current size of the resource.",
            {"Content-Range": f"bytes */{size}"},
        )
    whole = {"x-ms-blob-content-md5": facts.pop("Content-MD5")} if "Content-MD5" in facts else {}
    headers = facts | whole | {"Content-Range": f"bytes {start}-{end}/{size}"}
    return Response(206, Section(blob.path, start, end - start + 1), headers)


def _put(azure: Azure, request: Request, account: str, container: str, name: str) -> Response:
    kind = request.headers.get("x-ms-blob-type")
    if kind != "BlockBlob":
        raise Refused(400, "MissingRequiredHeader" if kind is None else "InvalidHeaderValue", "x-ms-blob-type")
    _guard(azure, request, account, container, name)
    blob = azure.storage.put(account, container, name, _checked(request), **_described(request))
    return Response(201, None, {"ETag": blob.etag, "Last-Modified": _date(blob), "Content-MD5": _md5(request.body)})


def _commit(azure: Azure, request: Request, account: str, container: str, name: str) -> Response:
    _guard(azure, request, account, container, name)
    try:
        blocks = [item.text or "" for item in ElementTree.fromstring(request.body)]
    except ElementTree.ParseError as error:
        raise Refused(400, "InvalidXmlDocument", f"The specified XML is not syntactically valid: {error}") from error
    blob = azure.storage.commit(account, container, name, blocks, **_described(request))
    if blob is None:
        raise Refused(400, "InvalidBlockList", "The specified block list is invalid.")
    return Response(201, None, {"ETag": blob.etag, "Last-Modified": _date(blob)})


def _block(request: Request) -> str:
    """Id of the block in the request's body."""
    if not (block := request.query.get("blockid")):
        message = "A query parameter that's mandatory for this request is not specified: blockid."
        raise Refused(400, "MissingRequiredQueryParameter", message)
    return block


def _guard(azure: Azure, request: Request, account: str, container: str, name: str) -> None:
    """Raise Refused when a condition in the request's headers is not met."""
    blob = azure.storage.get(account, container, name)
    if request.headers.get("if-none-match") == "*" and blob:
        raise Refused(409, "BlobAlreadyExists", "The specified blob already exists.")
    etags = request.headers.get("if-match")
    if etags and (blob is None or etags not in ("*", blob.etag)):
        raise Refused(412, "ConditionNotMet", "The condition specified using HTTP conditional header(s) is not met.")


def _list(azure: Azure, request: Request, account: str, container: str) -> Response:
    if not azure.storage.has(account, container):
        raise Refused(404, "ContainerNotFound", "The specified container does not exist.")
    prefix, delimiter = request.query.get("prefix", ""), request.query.get("delimiter", "")
    named_blobs = [item for item in azure.storage.list(account, container, prefix)]
    marker = request.query.get("marker", "")
    size = min(request.number("maxresults", _PAGE), azure.page * 50)
    blobs: list[str] = []
    folders: list[str] = []
    following = ""
    for name, blob in named_blobs:
        if name < marker:
            continue
        rest = name[len(prefix) :]
        if delimiter and delimiter in rest:
            folder = prefix + rest.split(delimiter)[0] + delimiter
            if folder not in folders:
                folders.append(folder)
        elif len(blobs) == size:
            following = name
            break
        else:
            blobs.append(_listed(name, blob, metadata="metadata" in request.query.get("include", "")))
    text = "".join(
        [
            '<?xml version="1.0" encoding="utf-8"?>',
            f'<EnumerationResults ServiceEndpoint="{escape(azure.endpoints.storage(account))}/" ',
            f'ContainerName="{escape(container)}"><Prefix>{escape(prefix)}</Prefix><MaxResults>{size}</MaxResults><Blobs>',
            *blobs,
            *(f"<BlobPrefix><Name>{escape(folder)}</Name></BlobPrefix>" for folder in folders),
            f"</Blobs><NextMarker>{escape(following)}</NextMarker></EnumerationResults>",
        ]
    )
    return Response(200, text.encode(), {"Content-Type": "application/xml"})


def _listed(name: str, blob: Blob, *, metadata: bool) -> str:
    facts = {
        "Last-Modified": _date(blob),
        "Etag": blob.etag.strip('"'),
        "Content-Length": str(blob.size),
        "Content-Type": blob.content_type,
        "Content-MD5": blob.md5 or "",
        "BlobType": blob.kind,
        "LeaseStatus": "unlocked",
        "LeaseState": "available",
    }
    inside = "".join(f"<{key}>{escape(value)}</{key}>" for key, value in facts.items())
    own = "".join(f"<{key}>{escape(value)}</{key}>" for key, value in blob.metadata.items())
    metadata_element = f"<Metadata>{own}</Metadata>" if metadata else ""
    return f"<Blob><Name>{escape(name)}</Name><Properties>{inside}</Properties>{metadata_element}</Blob>"


def _existing(azure: Azure, account: str, container: str, name: str) -> Blob:
    blob = azure.storage.get(account, container, name)
    if blob is None:
        raise _not_found()
    return blob


def _not_found() -> Refused:
    return Refused(404, "BlobNotFound", "The specified blob does not exist.")


def _facts(blob: Blob) -> dict[str, str]:
    facts = {
        "ETag": blob.etag,
        "Last-Modified": _date(blob),
        "Content-Type": blob.content_type,
        "Accept-Ranges": "bytes",
        "x-ms-blob-type": blob.kind,
        "x-ms-creation-time": _date(blob),
        "x-ms-lease-status": "unlocked",
        "x-ms-lease-state": "available",
        "x-ms-server-encrypted": "true",
        "x-ms-version": "2021-08-06",
    }
    if blob.md5:
        facts["Content-MD5"] = blob.md5
    return facts | {f"x-ms-meta-{key}": value for key, value in blob.metadata.items()}


def _described(request: Request) -> dict[str, object]:
    kind = request.headers.get("x-ms-blob-content-type") or request.headers.get("content-type")
    return {"metadata": _metadata(request), **({"content_type": kind} if kind else {})}


def _metadata(request: Request) -> dict[str, str]:
    start = "x-ms-meta-"
    return {key.removeprefix(start): value for key, value in request.headers.items() if key.startswith(start)}


def _checked(request: Request) -> bytes:
    """The request's body. Raises Refused when it does not match its Content-MD5."""
    checksum = request.headers.get("content-md5")
    if checksum and checksum != _md5(request.body):
        message = "The MD5 value specified in the request did not match with the MD5 value calculated by the server."
        raise Refused(400, "Md5Mismatch", message)
    return request.body


def _md5(data: bytes) -> str:
    return base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()


def _date(blob: Blob) -> str:
    return format_datetime(blob.modified, usegmt=True)


def _error(refused: Refused) -> Response:
    """The response for an error: Azure Storage uses XML, and repeats the code in a header for HEAD requests."""
    text = (
        f'<?xml version="1.0" encoding="utf-8"?><Error><Code>{refused.code}</Code>'
        f"<Message>{escape(refused.message)}</Message></Error>"
    )
    own: Mapping[str, str] = {"x-ms-error-code": refused.code, "Content-Type": "application/xml"}
    return Response(refused.status, text.encode(), {**own, **refused.headers})


ROUTES = (
    Route(ANY, "/{account}/{container}", _container, open=True),
    Route(ANY, "/{account}/{container}/{blob:path}", _blob, open=True),
)
