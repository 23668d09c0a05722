"""Pulumi's encryption by passphrase, as its CLI does it: AES-256-GCM under a key that PBKDF2 makes of it.

A salt is `v1:<salt>:v1:<nonce>:<encrypted "pulumi">`, which tells whether a passphrase fits; a secret is
`v1:<nonce>:<encrypted>`. The SDKs have no function for it; the algorithms are those of `cryptography`, which the
project's environment has. Source: pkg/secrets/passphrase/manager.go and sdk/go/common/resource/config/crypt.go.
"""

import base64
import hashlib
import os
import re
from dataclasses import dataclass
from typing import Any

from trainup.toolchain.projects import use_environment

ROUNDS = 1_000_000
TOKEN = re.compile(r"v1:[A-Za-z0-9+/]{16}:[A-Za-z0-9+/]+={0,2}")
"""A secret in a text: a nonce is 12 bytes, which 16 characters tell."""
PROOF = "pulumi"


@dataclass(frozen=True)
class Cipher:
    """What encrypts and decrypts under one passphrase and salt."""

    _key: Any

    @classmethod
    def of(cls, passphrase: str, salt: bytes) -> "Cipher":
        use_environment()
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        return cls(AESGCM(hashlib.pbkdf2_hmac("sha256", passphrase.encode(), salt, ROUNDS)))

    def encrypt(self, text: str) -> str:
        nonce = os.urandom(12)
        return f"v1:{_base64(nonce)}:{_base64(self._key.encrypt(nonce, text.encode(), None))}"

    def decrypt(self, token: str) -> str | None:
        """The text, or None where another passphrase or salt encrypted it."""
        from cryptography.exceptions import InvalidTag

        _, nonce, encrypted = token.split(":")
        try:
            return bytes(self._key.decrypt(base64.b64decode(nonce), base64.b64decode(encrypted), None)).decode()
        except (InvalidTag, ValueError):
            return None


def new_salt(passphrase: str) -> str:
    """A new salt for a passphrase, as `encryptionsalt` of a stack file holds it."""
    salt = os.urandom(8)
    return f"v1:{_base64(salt)}:{Cipher.of(passphrase, salt).encrypt(PROOF)}"


def cipher_of(passphrase: str, salt: str) -> Cipher | None:
    """What works under a stack's salt, or None where the passphrase is another, or that is no salt."""
    try:
        version, own, proof = salt.split(":", 2)
        cipher = Cipher.of(passphrase, base64.b64decode(own, validate=True))
        return cipher if version == "v1" and cipher.decrypt(proof) == PROOF else None
    except ValueError:
        return None


def reencrypted(text: str, old: Cipher, new: Cipher) -> str:
    """A text in which what `old` decrypts is encrypted by `new`; all else stays."""

    def replace(match: re.Match[str]) -> str:
        secret = old.decrypt(match[0])
        return match[0] if secret is None else new.encrypt(secret)

    return TOKEN.sub(replace, text)


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()
