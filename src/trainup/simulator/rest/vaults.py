"""The data plane of key vaults: secrets, authorized by role or by access policy."""

import re
from typing import Any

from trainup.simulator.cloud import roles, shape
from trainup.simulator.cloud.azure import Azure, Resource
from trainup.simulator.cloud.refusal import Refused
from trainup.simulator.cloud.vaults import Secret
from trainup.simulator.rest.routing import Request, Response, Route

NAME = re.compile(r"[0-9a-zA-Z-]{1,127}")
VALUE_BYTES = 25_600
_READ = (roles.VAULT_ADMINISTRATOR, roles.SECRETS_OFFICER, roles.SECRETS_USER)
_WRITE = (roles.VAULT_ADMINISTRATOR, roles.SECRETS_OFFICER)
_PERMISSIONS = {"GET": "get", "PUT": "set", "DELETE": "delete"}


def _secret(azure: Azure, request: Request) -> Response:
    vault = _vault(azure, request, _PERMISSIONS[request.method])
    name = request.parts["name"]
    match request.method:
        case "PUT":
            return Response(200, _secret_body(azure, vault, name, _set(azure, request, vault, name)))
        case "DELETE":
            secret = azure.vaults.delete(vault["id"], name)
        case _:
            secret = azure.vaults.get(vault["id"], name)
    if secret is None:
        raise _not_found(name)
    shown = _secret_body(azure, vault, name, secret)
    if request.method == "DELETE":
        shown.pop("value")
        shown["recoveryId"] = f"{azure.endpoints.vault(vault['name'])}/deletedsecrets/{name}"
    return Response(200, shown)


def _set(azure: Azure, request: Request, vault: Resource, name: str) -> Secret:
    body = request.json()
    value = body.get("value")
    if not NAME.fullmatch(name):
        raise Refused(400, "BadParameter", f"The request URI contains an invalid name: {name}")
    if not isinstance(value, str) or len(value.encode()) > VALUE_BYTES:
        raise Refused(400, "BadParameter", f"A secret needs a value of at most {VALUE_BYTES} bytes.")
    secret = Secret(value, {key: body[key] for key in ("contentType", "tags") if key in body})
    if not azure.vaults.set(vault["id"], name, secret):
        raise Refused(
            409,
            "Conflict",
            f"Secret {name} is currently in a deleted but recoverable state, and its name cannot be reused; in this "
            "state, the secret can only be recovered or purged.",
        )
    return secret


def _deleted(azure: Azure, request: Request) -> Response:
    vault = _vault(azure, request, "purge" if request.method == "DELETE" else "get")
    name = request.parts["name"]
    if request.method == "DELETE":
        if not azure.vaults.purge(vault["id"], name):
            raise _not_found(name)
        return Response(204)
    secret = azure.vaults.get(vault["id"], name, deleted=True)
    if secret is None:
        raise _not_found(name)
    shown = _secret_body(azure, vault, name, secret)
    shown.pop("value")
    return Response(200, shown)


def _recover(azure: Azure, request: Request) -> Response:
    vault = _vault(azure, request, "recover")
    secret = azure.vaults.recover(vault["id"], request.parts["name"])
    if secret is None:
        raise _not_found(request.parts["name"])
    shown = _secret_body(azure, vault, request.parts["name"], secret)
    shown.pop("value")
    return Response(200, shown)


def _vault(azure: Azure, request: Request, permission: str) -> Resource:
    """The vault in the path. Raises Refused unless the caller has this permission on its secrets."""
    name = request.parts["vault"]
    vault = next(
        (item for item in azure.each("Microsoft.KeyVault/vaults") if item["name"].lower() == name.lower()), None
    )
    if vault is None:
        raise Refused(404, "VaultNotFound", f"There is no vault {name!r}.")
    claims = azure.tokens.check(request.headers.get("authorization"))
    audience = f"https://{azure.endpoints.vault_suffix}"
    if claims["aud"] != audience:
        message = f"AKV10022: Invalid audience. Expected {audience}, found: {claims['aud']}."
        raise Refused(401, "Unauthorized", message)
    if not _allowed(azure, vault, claims["oid"], permission):
        raise Refused(
            403,
            "Forbidden",
            f"Caller is not authorized to perform action on resource: {permission} on the secrets of {name!r}. If role "
            "assignments were changed recently, please observe propagation time.",
        )
    return vault


def _allowed(azure: Azure, vault: Resource, principal: str, permission: str) -> bool:
    if shape.get(vault, "properties.enableRbacAuthorization"):
        accepted_roles = _READ if permission == "get" else _WRITE
        return any(azure.has_role(principal, role, vault["id"]) for role in accepted_roles)
    for policy in shape.get(vault, "properties.accessPolicies") or []:
        permissions = [str(name).lower() for name in shape.get(policy, "permissions.secrets") or []]
        if policy.get("objectId") == principal and {permission, "all"} & set(permissions):
            return True
    return False


def _secret_body(azure: Azure, vault: Resource, name: str, secret: Secret) -> dict[str, Any]:
    where = f"{azure.endpoints.vault(vault['name'])}/secrets/{name}/{secret.version}"
    times = {"enabled": True, "created": secret.created, "updated": secret.created, "recoveryLevel": "Recoverable"}
    return {"value": secret.value, "id": where, "attributes": times, **secret.attributes}


def _not_found(name: str) -> Refused:
    return Refused(404, "SecretNotFound", f"A secret with (name/id) {name} was not found in this key vault.")


ROUTES = (
    *(Route(method, "/vault.{vault}/secrets/{name}", _secret, open=True) for method in ("GET", "PUT", "DELETE")),
    Route("GET", "/vault.{vault}/secrets/{name}/{version}", _secret, open=True),
    *(Route(method, "/vault.{vault}/deletedsecrets/{name}", _deleted, open=True) for method in ("GET", "DELETE")),
    Route("POST", "/vault.{vault}/deletedsecrets/{name}/recover", _recover, open=True),
)
