"""Access tokens: signed, for one audience, and valid until they expire or are revoked."""

import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
from typing import Any

from trainup.simulator.cloud.refusal import Refused

HOUR = 3600.0


class Tokens:
    """Issues and checks tokens in the form of a JWT. An instance accepts only the tokens that it issued."""

    def __init__(self) -> None:
        self.lifetime = HOUR
        """Validity of a new token in seconds."""
        self.tenant: str | None = None
        """The only tenant whose tokens are valid; None for any."""
        self.issued = 0
        self._key = secrets.token_bytes(32)
        self._generation = 0
        self._lock = threading.Lock()

    def issue(self, audience: str, identity: str, tenant: str, *, lifetime: float | None = None) -> tuple[str, int]:
        """A token and its expiry in seconds since the epoch. A token with its own `lifetime` (s) is never revoked."""
        now = time.time()
        expires = int(now + (self.lifetime if lifetime is None else lifetime))
        with self._lock:
            self.issued += 1
            claims = {"aud": audience, "oid": identity, "tid": tenant, "iat": int(now), "exp": expires}
            claims |= {"jti": self.issued, "ver": "1.0"}
            if lifetime is None:
                claims["generation"] = self._generation
        head = _encoded(json.dumps({"alg": "HS256", "typ": "JWT"}).encode())
        signed = f"{head}.{_encoded(json.dumps(claims).encode())}"
        return f"{signed}.{_encoded(self._signature(signed))}", expires

    def revoke(self) -> None:
        """Revoke all tokens that were issued until now."""
        with self._lock:
            self._generation += 1

    def check(self, authorization: str | None) -> dict[str, Any]:
        """The claims of a bearer token. Raises Refused with 401 and the reason when it is not valid."""
        if not authorization:
            raise Refused(401, "AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing.")
        kind, _, token = authorization.partition(" ")
        signed, _, signature = token.strip().rpartition(".")
        if kind.lower() != "bearer" or not hmac.compare_digest(_encoded(self._signature(signed)), signature):
            raise Refused(401, "InvalidAuthenticationToken", "The access token is invalid.")
        claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(signed.split(".")[1] + "=="))
        if claims["exp"] <= time.time() or claims.get("generation", self._generation) != self._generation:
            raise Refused(401, "ExpiredAuthenticationToken", "The access token expiry UTC time is earlier than now.")
        if self.tenant not in (None, claims["tid"]):
            raise Refused(
                401,
                "InvalidAuthenticationTokenTenant",
                f"The access token is from the wrong issuer 'https://sts.windows.net/{claims['tid']}/'. It must match "
                f"the tenant 'https://sts.windows.net/{self.tenant}/' associated with this subscription. Please use "
                f"the authority (URL) 'https://login.windows.net/{self.tenant}' to get the token.",
            )
        return claims

    def sign(self, text: str) -> str:
        """The signature of a text, for shared access signatures and upload addresses."""
        return _encoded(self._signature(text))

    def _signature(self, text: str) -> bytes:
        return hmac.new(self._key, text.encode(), hashlib.sha256).digest()


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
