"""Pulumi's encryption by passphrase, as its CLI does it: AES-256-GCM with a key derived by PBKDF2.

A salt is `v1:<salt>:v1:<nonce>:<encrypted "pulumi">`, so that a passphrase can be verified; a secret is
`v1:<nonce>:<encrypted>`. Pulumi's SDKs have no function for it; the algorithms come from `cryptography`, which the
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
"""An encrypted secret in a text: its nonce of 12 bytes takes 16 characters of base64."""
PROOF = "pulumi"


@dataclass(frozen=True)
class Cipher:
    """Encrypts and decrypts with one passphrase and salt."""

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
        """The text; None where it was encrypted with another passphrase or salt."""
        from cryptography.exceptions import InvalidTag

        _, nonce, encrypted = token.split(":")
        try:
            return bytes(self._key.decrypt(base64.b64decode(nonce), base64.b64decode(encrypted), None)).decode()
        except (InvalidTag, ValueError):
            return None


def new_salt(passphrase: str) -> str:
    """A new salt for a passphrase, in the format of `encryptionsalt` in a stack file."""
    salt = os.urandom(8)
    return f"v1:{_base64(salt)}:{Cipher.of(passphrase, salt).encrypt(PROOF)}"


def cipher_of(passphrase: str, salt: str) -> Cipher | None:
    """The cipher for a stack's salt; None where the passphrase does not match it, or it is no salt."""
    try:
        version, own, proof = salt.split(":", 2)
        cipher = Cipher.of(passphrase, base64.b64decode(own, validate=True))
        return cipher if version == "v1" and cipher.decrypt(proof) == PROOF else None
    except ValueError:
        return None


def reencrypted(text: str, old: Cipher, new: Cipher) -> str:
    """The text with every secret that `old` can decrypt encrypted by `new`; the rest is unchanged."""

    def replace(match: re.Match[str]) -> str:
        secret = old.decrypt(match[0])
        return match[0] if secret is None else new.encrypt(secret)

    return TOKEN.sub(replace, text)


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()
