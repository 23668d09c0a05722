"""Azure Resource Manager: GET, PUT, PATCH and DELETE of any resource, paged lists, long-running operations."""

import re
from typing import Any
from urllib.parse import quote, unquote, urlencode

from trainup.simulator.cloud.address import parse
from trainup.simulator.cloud.azure import Azure, Resource
from trainup.simulator.cloud.refusal import Refused, not_found
from trainup.simulator.rest.routing import ANY, SUBSCRIPTION, Request, Response, Route

VERSION = re.compile(r"20(1[4-9]|2[0-6])-\d\d-\d\d(-preview)?")
OPERATIONS = f"{SUBSCRIPTION}/providers/{{namespace}}/locations/{{location}}/operationsStatus/{{operation}}"
POLL_MILLISECONDS = 2000
"""Poll interval that clients are asked to keep, in milliseconds of the service's time."""


def version_of(request: Request) -> str:
    """The API version of a request. Raises Refused with 400 when it is missing or malformed."""
    version = request.query.get("api-version")
    if not version:
        raise Refused(400, "MissingApiVersionParameter", "The api-version query parameter (?api-version=) is required.")
    if not VERSION.fullmatch(version):
        raise Refused(400, "InvalidApiVersionParameter", f"The api-version '{version}' is invalid.")
    return version


def _any(azure: Azure, request: Request) -> Response:
    version = version_of(request)
    path = request.path.rstrip("/")
    if request.resource != unquote(path):
        if request.method == "GET":
            return _list(azure, request)
        raise Refused(404, "NotFound", f"There is no {request.method} at {path}.")
    if request.method in ("GET", "HEAD"):
        resource = azure.get(request.resource)
        check_deployer(azure, request)
        if azure.unread.hides(resource["id"]):
            raise not_found(f"{resource['type']}/{resource['name']}")
        return Response(200, resource)
    check_deployer(azure, request)
    if request.method == "PUT":
        return _put(azure, request, version, request.json())
    if request.method == "PATCH":
        return _put(azure, request, version, azure.patched(request.resource, request.json()))
    if request.method == "DELETE":
        return _delete(azure, request)
    raise Refused(405, "MethodNotAllowed", f"The resource manager has no {request.method} for a resource.")


def check_deployer(azure: Azure, request: Request) -> None:
    """Raise Refused where the caller is the deployer and may not do this to a resource, or has no token."""
    claims = azure.tokens.check(request.headers.get("authorization"))
    if claims["oid"] == azure.deployer:
        body = request.json() if request.method == "PUT" else None
        azure.may.check(request.method, parse(request.resource), azure.deployer, body)


def _put(azure: Azure, request: Request, version: str, body: dict[str, Any]) -> Response:
    new = azure.find(request.resource) is None
    resource = azure.put(request.resource, version, body)
    operation = azure.operations.unfinished(resource["id"])
    headers = _following(azure, request, resource, operation) if operation else {}
    return Response(201 if new else 200, resource, headers)


def _delete(azure: Azure, request: Request) -> Response:
    purge = request.query.get("forceToPurge", "").lower() == "true"
    action = request.query.get("underlyingResourceAction", "")
    resource = azure.find(request.resource)
    if not azure.delete(request.resource, purge=purge, action=action) or resource is None:
        return Response(204)
    operation = azure.operations.unfinished(resource["id"])
    return Response(202, None, _following(azure, request, resource, operation)) if operation else Response(200)


def _following(azure: Azure, request: Request, resource: Resource, operation: str) -> dict[str, str]:
    """The headers with which a client follows a long-running operation."""
    address = parse(resource["id"])
    where = OPERATIONS.format(
        subscription=azure.subscription,
        namespace=address.type.split("/")[0],
        location=resource.get("location", "global"),
        operation=operation,
    )
    link = f"{azure.endpoints.resource_manager}{where}?{urlencode({'api-version': version_of(request)})}"
    wait = str(max(int(POLL_MILLISECONDS * azure.clock.scale), 10))
    return {"Azure-AsyncOperation": link, "Location": link, "retry-after-ms": wait}


def _operation(azure: Azure, request: Request) -> Response:
    operation = azure.operations.status(request.parts["operation"])
    if operation is None:
        raise Refused(404, "NotFound", f"There is no operation {request.parts['operation']!r}.")
    wait = str(max(int(POLL_MILLISECONDS * azure.clock.scale), 10))
    return Response(200, operation, {"retry-after-ms": wait})


def _list(azure: Azure, request: Request) -> Response:
    path = unquote(request.path).rstrip("/")
    above, _, last = path.rpartition("/")
    if "/providers/" not in path.lower():
        kinds = {"resourcegroups": "Microsoft.Resources/resourceGroups", "resources": "*"}
        if last.lower() not in kinds:
            raise Refused(404, "NotFound", f"There is no list at {path}.")
        return paged(azure, request, azure.resources(kinds[last.lower()], above))
    at = path.lower().rfind("/providers/")
    namespace, *rest = path[at + len("/providers/") :].split("/")
    if len(rest) == 1:  # all resources of a type in a group or a subscription
        above = path[:at]
    if above.lower() != azure.root.lower():
        azure.get(above)
    return paged(azure, request, azure.resources("/".join([namespace, *rest[::2]]), above))


def paged(azure: Azure, request: Request, items: list[Any]) -> Response:
    """One page of a list: `value`, and `nextLink` if there are more items. Honours `$top`, `$skip` and `count`."""
    first = request.number("$skip", request.number("$skipToken", 0))
    requested_size = request.query.get("$top") or request.query.get("count")
    size = min(int(requested_size), azure.page) if requested_size and requested_size.isdigit() else azure.page
    page = items[first : first + size]
    answer: dict[str, Any] = {"value": page}
    if first + size < len(items) and not request.query.get("$top"):
        query = {**request.query, "$skip": str(first + size)}
        query.pop("$skipToken", None)
        link = f"{azure.endpoints.resource_manager}{quote(unquote(request.path))}?{urlencode(query)}"
        answer["nextLink"] = link
    return Response(200, answer)


def _permissions(azure: Azure, request: Request) -> Response:
    """What the caller may do."""
    version_of(request)
    claims = azure.tokens.check(request.headers.get("authorization"))
    scope = request.path.lower().partition("/providers/microsoft.authorization/permissions")[0]
    return Response(200, {"value": azure.may.permissions(unquote(scope)) if claims["oid"] == azure.deployer else []})


ROUTES = (
    Route("GET", "/subscriptions/{rest:path}/providers/Microsoft.Authorization/permissions", _permissions),
    Route("GET", OPERATIONS, _operation),
    Route(ANY, "/subscriptions/{rest:path}", _any),
)
