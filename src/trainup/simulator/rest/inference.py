"""Online endpoints: requests for scores, keys, and the logs of deployments."""

import hmac

from trainup.simulator.cloud import shape
from trainup.simulator.cloud.azure import Azure, Resource
from trainup.simulator.cloud.endpoint_rules import ENDPOINTS
from trainup.simulator.cloud.refusal import Refused
from trainup.simulator.rest.arm import version_of
from trainup.simulator.rest.routing import WORKSPACE, Request, Response, Route

AUDIENCE = "https://ml.azure.com"
ENDPOINT = f"{WORKSPACE}/onlineEndpoints/{{name}}"
LOG_LINES = 500


def _score(azure: Azure, request: Request) -> Response:
    name = request.parts["name"].lower()
    endpoint = next((one for one in azure.resources(ENDPOINTS) if one["name"].lower() == name), None)
    if endpoint is None or azure.machines is None:
        raise Refused(404, "NotFound", f"There is no endpoint {name!r}.")
    _check(azure, endpoint, request.headers.get("authorization", ""))
    status, body, kind = azure.machines.score(
        endpoint,
        request.headers.get("azureml-model-deployment", ""),
        request.body,
        request.headers.get("content-type", ""),
    )
    return Response(status, body, {"Content-Type": kind} if kind else {})


def _check(azure: Azure, endpoint: Resource, authorization: str) -> None:
    """Raise Refused where a request has neither the endpoint's key nor, without keys, a token."""
    if shape.get(endpoint, "properties.authMode") == "Key":
        token = authorization.partition(" ")[2]
        if not any(hmac.compare_digest(token, key) for key in _keys(azure, endpoint).values()):
            raise Refused(401, "Unauthorized", "The key of the request is none of the endpoint's.")
        return
    claims = azure.tokens.check(authorization)
    if str(claims["aud"]).rstrip("/") != AUDIENCE:
        raise Refused(401, "Unauthorized", f"The token is for {claims['aud']}, and has to be for {AUDIENCE}.")


def _keys(azure: Azure, endpoint: Resource) -> dict[str, str]:
    return {f"{which}Key": azure.key(endpoint["id"].lower(), which) for which in ("primary", "secondary")}


def _list_keys(azure: Azure, request: Request) -> Response:
    version_of(request)
    endpoint = azure.get(request.resource)
    if shape.get(endpoint, "properties.authMode") != "Key":
        raise Refused(400, "UserError", "The endpoint has no keys: its auth mode is another one.")
    return Response(200, _keys(azure, endpoint))


def _logs(azure: Azure, request: Request) -> Response:
    version_of(request)
    deployment = azure.get(request.resource)
    lines = int(request.json().get("tail") or LOG_LINES)
    return Response(200, {"content": azure.machines.server_log(deployment["id"], lines) if azure.machines else ""})


ROUTES = (
    Route("POST", "/inference/{name}/score", _score, open=True),
    Route("POST", f"{ENDPOINT}/listKeys", _list_keys),
    Route("POST", f"{ENDPOINT}/deployments/{{deployment}}/getLogs", _logs),
)
