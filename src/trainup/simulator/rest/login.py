"""Token endpoints: that of managed identities, and those of a Microsoft Entra authority."""

import hmac
import time
from collections.abc import Mapping
from urllib.parse import parse_qsl

from trainup.simulator.cloud.azure import CLIENT, Azure
from trainup.simulator.cloud.refusal import Refused
from trainup.simulator.rest.routing import Request, Response, Route

IDENTITY = "/msi/token"


def _managed(azure: Azure, request: Request) -> Response:
    """Token of a managed identity, in App Service's protocol or in the older one of Azure ML's nodes."""
    shown = request.headers.get("x-identity-header") or request.headers.get("secret") or ""
    client = request.query.get("client_id") or request.query.get("clientid") or ""
    if hmac.compare_digest(shown, azure.secret):
        identity = azure.deployer
    else:
        identity = azure.node_identities.get(shown, {}).get(client, "")
    if not identity:
        raise Refused(
            400, "invalid_request", f"There is no identity {client!r} for the secret in the request's header."
        )
    resource = request.query.get("resource")
    if not resource:
        raise Refused(400, "invalid_request", "The query parameter 'resource' is required.")
    # App Service ignores a tenant. It stands here for `az account get-access-token --tenant`, which asks this way.
    tenant = request.query.get("tenant") or azure.login_tenant or azure.tenant
    token, expires = azure.tokens.issue(resource.rstrip("/"), identity, tenant)
    answer = {"access_token": token, "expires_on": str(expires), "resource": resource, "token_type": "Bearer"}
    return Response(200, answer | {"client_id": client or CLIENT})


def _token(azure: Azure, request: Request) -> Response:
    form = dict(parse_qsl(request.body.decode(errors="replace")))
    _check_tenant(azure, request.parts["tenant"])
    grant = form.get("grant_type")
    if grant != "client_credentials":
        return _oauth_error("unsupported_grant_type", f"AADSTS70003: the grant type {grant!r} is not supported here.")
    if not form.get("client_secret") and not form.get("client_assertion"):
        return _oauth_error("invalid_client", "AADSTS7000216: 'client_assertion' or 'client_secret' is required.")
    if not hmac.compare_digest(form.get("client_secret", ""), azure.secret) and (
        form.get("client_assertion", "") not in azure.federated
    ):
        return _oauth_error("invalid_client", "AADSTS7000215: the client secret or assertion is not valid.")
    audience = form.get("scope", "").removesuffix("/.default").rstrip("/")
    if not audience:
        return _oauth_error("invalid_scope", "AADSTS1002012: the provided value for scope is not valid.")
    token, expires = azure.tokens.issue(audience, azure.deployer, azure.tenant)
    left = max(int(expires - time.time()), 0)
    return Response(200, {"token_type": "Bearer", "expires_in": left, "ext_expires_in": left, "access_token": token})


def _configuration(azure: Azure, request: Request) -> Response:
    _check_tenant(azure, request.parts["tenant"])
    base = f"{azure.endpoints.login}/{request.parts['tenant']}"
    return Response(
        200,
        {
            "issuer": f"{base}/v2.0",
            "token_endpoint": f"{base}/oauth2/v2.0/token",
            "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
            "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
            "jwks_uri": f"{base}/discovery/v2.0/keys",
            "response_types_supported": ["code"],
            "subject_types_supported": ["pairwise"],
        },
    )


def _check_tenant(azure: Azure, tenant: str) -> None:
    if tenant not in (azure.tenant, "common", "organizations"):
        raise Refused(400, "invalid_tenant", f"AADSTS90002: Tenant '{tenant}' not found.")


def _oauth_error(code: str, message: str) -> Response:
    body: Mapping[str, object] = {"error": code, "error_description": message, "error_codes": []}
    return Response(401 if code == "invalid_client" else 400, body)


ROUTES = (
    Route("GET", IDENTITY, _managed, open=True),
    Route("POST", "/{tenant}/oauth2/v2.0/token", _token, open=True),
    Route("GET", "/{tenant}/v2.0/.well-known/openid-configuration", _configuration, open=True),
)
