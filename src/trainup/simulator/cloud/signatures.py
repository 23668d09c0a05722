"""Shared access signatures for blobs and containers."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from trainup.simulator.cloud.refusal import Refused
from trainup.simulator.cloud.tokens import Tokens

VERSION = "2021-08-06"
LIFETIME = timedelta(hours=1)


@dataclass(frozen=True)
class SharedAccess:
    """What a shared access signature allows."""

    account: str
    container: str
    blob: str | None
    """Name of the blob; None for the whole container."""

    permissions: str
    """Azure's letters: `r`ead, `a`dd, `c`reate, `w`rite, `d`elete, `l`ist."""

    principal: str | None
    """For a user delegation signature, the principal whose roles limit it; None for one by account key."""


class Signatures:
    """Issues signatures, and checks that a request's signature was issued here."""

    def __init__(self, tokens: Tokens) -> None:
        self.lifetime = LIFETIME
        self._tokens = tokens
        self._lock = threading.Lock()
        self._accesses: dict[str, tuple[SharedAccess, datetime]] = {}
        self._issued: dict[SharedAccess, tuple[str, datetime]] = {}

    def issue(self, access: SharedAccess) -> str:
        """The query string with a signature. One that is valid for more than half of the lifetime is reused."""
        now = datetime.now(UTC)
        expires = now + self.lifetime
        with self._lock:
            query, until = self._issued.get(access, ("", now))
            if query and until - now > self.lifetime / 2:
                return query
        query_parts = {
            "sv": VERSION,
            "sr": "c" if access.blob is None else "b",
            "sp": access.permissions,
            "se": expires.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        if access.principal:
            query_parts["skoid"] = access.principal
        signature = self._tokens.sign(f"{access} {expires.isoformat()}")
        query = urlencode(query_parts | {"sig": signature})
        with self._lock:
            self._accesses[signature] = (access, expires)
            self._issued[access] = (query, expires)
        return query

    def check(self, query: Mapping[str, str], account: str, container: str, blob: str, permission: str) -> SharedAccess:
        """What the signature in a query allows. Raises Refused with 403 (never 401), as storage does."""
        with self._lock:
            issued = self._accesses.get(query["sig"])
        if issued is None:
            raise _forbidden("AuthenticationFailed", "Signature did not match.")
        access, expires = issued
        if expires <= datetime.now(UTC):
            raise _forbidden("AuthenticationFailed", "Signature not valid in the specified time frame: it has expired.")
        if (access.account, access.container) != (account, container) or access.blob not in (None, blob):
            raise _forbidden("AuthenticationFailed", "Signature did not match the resource.")
        if not set(permission) & set(access.permissions):
            raise _forbidden(
                "AuthorizationPermissionMismatch",
                "This request is not authorized to perform this operation using this permission.",
            )
        return access


def _forbidden(code: str, message: str) -> Refused:
    return Refused(403, code, f"Server failed to authenticate the request. {message}")
