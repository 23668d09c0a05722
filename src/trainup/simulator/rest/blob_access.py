"""Authorization of blob requests: by shared access signature, by token and role, or by account key."""

from trainup.simulator.cloud import roles, shape
from trainup.simulator.cloud.azure import Azure, Resource
from trainup.simulator.cloud.refusal import Refused
from trainup.simulator.cloud.storage import SERVICE_ACCOUNT
from trainup.simulator.rest import account_keys
from trainup.simulator.rest.routing import Request

TYPE = "Microsoft.Storage/storageAccounts"
AUDIENCE = "https://storage.azure.com"
_WRITERS = (roles.BLOB_CONTRIBUTOR, roles.BLOB_OWNER)
_READERS = (*_WRITERS, roles.BLOB_READER)


def check_account(azure: Azure, account: str) -> None:
    """Raise Refused with 404 when there is no such account; on Azure its host name would not resolve."""
    if account != SERVICE_ACCOUNT and _find(azure, account) is None:
        raise Refused(404, "NotFound", f"There is nothing here, and no storage account {account!r} either.")


def authorize(azure: Azure, request: Request, account: str, container: str, name: str, permission: str) -> None:
    """Raise Refused unless the request is authorized; `permission` has letters of shared access signatures."""
    if account == SERVICE_ACCOUNT:
        azure.signatures.check({"sig": "", **request.query}, account, container, name, permission)
        return
    resource = _find(azure, account) or {}
    if shape.get(resource, "properties.publicNetworkAccess") == "Disabled":
        raise Refused(403, "AuthorizationFailure", "This request is not authorized to perform this operation.")
    authorization = request.headers.get("authorization", "")
    if "sig" in request.query:
        principal = azure.signatures.check(request.query, account, container, name, permission).principal
        if principal is None and azure.possible.refuses_signatures:
            _check_keys(resource)
    elif authorization.startswith("SharedKey"):
        _check_keys(resource)
        account_keys.check(azure, request, account)
        principal = None
    else:
        principal = _of_token(azure, authorization)
    accepted_roles = _READERS if permission in ("r", "l") else _WRITERS
    if principal and not any(azure.has_role(principal, role, resource["id"]) for role in accepted_roles):
        raise Refused(
            403,
            "AuthorizationPermissionMismatch",
            "This request is not authorized to perform this operation using this permission.",
        )


def _check_keys(account: Resource) -> None:
    """Raise Refused with 403 if the account permits no keys, and so nothing that was signed with one."""
    if shape.get(account, "properties.allowSharedKeyAccess") is False:
        message = "Key based authentication is not permitted on this storage account."
        raise Refused(403, "KeyBasedAuthenticationNotPermitted", message)


def _of_token(azure: Azure, authorization: str) -> str:
    if not authorization:
        raise Refused(401, "NoAuthenticationInformation", "Server failed to authenticate the request.")
    try:
        claims = azure.tokens.check(authorization)
    except Refused as refused:
        authority = f"{azure.endpoints.login}/{azure.tenant}/oauth2/authorize"
        refused.headers["WWW-Authenticate"] = f"Bearer authorization_uri={authority} resource_id={AUDIENCE}"
        raise
    if claims["aud"] != AUDIENCE:
        raise Refused(
            401,
            "InvalidAuthenticationInfo",
            f"Server failed to authenticate the request: the token is for {claims['aud']!r}, not for {AUDIENCE!r}.",
        )
    return str(claims["oid"])


def _find(azure: Azure, account: str) -> Resource | None:
    return next((resource for resource in azure.each(TYPE) if resource["name"] == account), None)
