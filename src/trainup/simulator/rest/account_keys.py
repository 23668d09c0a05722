"""Requests that are signed with the key of a storage account (`Authorization: SharedKey account:signature`)."""

import base64
import hashlib
import hmac

from trainup.simulator.cloud.azure import Azure
from trainup.simulator.cloud.refusal import Refused
from trainup.simulator.rest.routing import Request

KEYS = ("key1", "key2")
_SIGNED = (
    *("content-encoding", "content-language", "content-length", "content-md5", "content-type", "date"),
    *("if-modified-since", "if-match", "if-none-match", "if-unmodified-since", "range"),
)
"""Headers whose values are part of the signature, in the order that Azure documents."""


def check(azure: Azure, request: Request, account: str) -> None:
    """Check that one of the account's keys signed the request. Raises Refused with 403 otherwise."""
    shown = request.headers.get("authorization", "").rpartition(":")[2]
    # The account is in the host name or in the path, and clients sign the path that they see.
    texts = [_text(request, f"/{account}{request.path}"), _text(request, request.path)]
    signatures = (_signature(azure.key(account, key), text) for key in KEYS for text in texts)
    if not any([hmac.compare_digest(shown.encode(), signature.encode()) for signature in signatures]):
        raise Refused(
            403,
            "AuthenticationFailed",
            "Server failed to authenticate the request. The MAC signature found in the HTTP request is not the same "
            "as any computed signature.",
        )


def _text(request: Request, resource: str) -> str:
    headers = {**request.headers, "content-length": request.headers.get("content-length", "").removeprefix("0")}
    lines = [request.method, *(headers.get(name, "") for name in _SIGNED)]
    lines += [f"{name}:{value}" for name, value in sorted(headers.items()) if name.startswith("x-ms-")]
    lines += [resource, *(f"{name.lower()}:{value}" for name, value in sorted(request.query.items()))]
    return "\n".join(lines)


def _signature(key: str, text: str) -> str:
    return base64.b64encode(hmac.digest(base64.b64decode(key), text.encode(), hashlib.sha256)).decode()
