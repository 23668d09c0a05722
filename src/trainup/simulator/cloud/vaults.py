"""Secrets in key vaults. Deleted secrets are kept until they are purged."""

import threading
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any


@dataclass(frozen=True)
class Secret:
    """One version of a secret."""

    value: str
    attributes: dict[str, Any]
    version: str = field(default_factory=lambda: uuid.uuid4().hex)
    created: int = field(default_factory=lambda: int(datetime.now(UTC).timestamp()))

    def __repr__(self) -> str:
        return f"Secret({self.version})"


class Vaults:
    """The secrets of all vaults, by the vault's resource id. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._secrets: dict[tuple[str, str], Secret] = {}
        self._deleted: dict[tuple[str, str], Secret] = {}

    def get(self, vault: str, name: str, *, deleted: bool = False) -> Secret | None:
        """The latest version of a secret, or of a deleted one; None when there is none."""
        with self._lock:
            return (self._deleted if deleted else self._secrets).get(_key(vault, name))

    def set(self, vault: str, name: str, secret: Secret) -> bool:
        """Store a new version; False while the name belongs to a deleted secret."""
        with self._lock:
            if _key(vault, name) in self._deleted:
                return False
            self._secrets[_key(vault, name)] = secret
            return True

    def delete(self, vault: str, name: str) -> Secret | None:
        """Delete a secret so that it can be recovered; None when there is none."""
        with self._lock:
            secret = self._secrets.pop(_key(vault, name), None)
            if secret:
                self._deleted[_key(vault, name)] = secret
            return secret

    def recover(self, vault: str, name: str) -> Secret | None:
        """Restore a deleted secret; None when there is none."""
        with self._lock:
            secret = self._deleted.pop(_key(vault, name), None)
            if secret:
                self._secrets[_key(vault, name)] = secret
            return secret

    def purge(self, vault: str, name: str) -> bool:
        """Remove a deleted secret for good; False when there is none."""
        with self._lock:
            return self._deleted.pop(_key(vault, name), None) is not None

    def names(self, vault: str) -> list[str]:
        """Names of a vault's secrets."""
        with self._lock:
            return sorted(name for owner, name in self._secrets if owner == vault.lower())


def _key(vault: str, name: str) -> tuple[str, str]:
    return vault.lower(), name.lower()
