"""Shared access signatures: who may do what, where, and until when."""

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
class Grant:
    """What one signature opens."""

    account: str
    container: str
    blob: str | None
    """None for everything in the container."""

    permissions: str
    """Letters of the service: `r`ead, `a`dd, `c`reate, `w`rite, `d`elete, `l`ist."""

    principal: str | None
    """On whose behalf, for a signature by delegation: it opens no more than that principal's roles do."""


class Signatures:
    """Issues and checks signatures; what it never issued opens nothing."""

    def __init__(self, tokens: Tokens) -> None:
        self.lifetime = LIFETIME
        self._tokens = tokens
        self._lock = threading.Lock()
        self._grants: dict[str, tuple[Grant, datetime]] = {}
        self._issued: dict[Grant, tuple[str, datetime]] = {}

    def issue(self, grant: Grant) -> str:
        """The query of an address that carries a signature; one that is still fresh is given again."""
        now = datetime.now(UTC)
        expires = now + self.lifetime
        with self._lock:
            query, until = self._issued.get(grant, ("", now))
            if query and until - now > self.lifetime / 2:
                return query
        told = {
            "sv": VERSION,
            "sr": "c" if grant.blob is None else "b",
            "sp": grant.permissions,
            "se": expires.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        if grant.principal:
            told["skoid"] = grant.principal
        signature = self._tokens.sign(f"{grant} {expires.isoformat()}")
        query = urlencode(told | {"sig": signature})
        with self._lock:
            self._grants[signature] = (grant, expires)
            self._issued[grant] = (query, expires)
        return query

    def check(self, query: Mapping[str, str], account: str, container: str, blob: str, permission: str) -> Grant:
        """The grant behind a query; Refused with 403, as storage says it, never with 401."""
        with self._lock:
            found = self._grants.get(query["sig"])
        if found is None:
            raise _forbidden("AuthenticationFailed", "Signature did not match.")
        grant, expires = found
        if expires <= datetime.now(UTC):
            raise _forbidden("AuthenticationFailed", "Signature not valid in the specified time frame: it has expired.")
        if (grant.account, grant.container) != (account, container) or grant.blob not in (None, blob):
            raise _forbidden("AuthenticationFailed", "Signature did not match the resource.")
        if not set(permission) & set(grant.permissions):
            raise _forbidden(
                "AuthorizationPermissionMismatch",
                "This request is not authorized to perform this operation using this permission.",
            )
        return grant


def _forbidden(code: str, message: str) -> Refused:
    return Refused(403, code, f"Server failed to authenticate the request. {message}")
