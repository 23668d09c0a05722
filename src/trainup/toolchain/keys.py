"""The key that encrypts the secrets of a local stack: the user's own passphrase, unless the stack has another one.

Pulumi writes a stack's salt into its file on the first command, and reformats the whole file. To leave the file as its
author wrote it until it holds a secret, the CLI gets a copy that has the salt (`--config-file`);
`pulumi config set --secret` later writes the salt of the state into the file itself.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from trainup.toolchain import backends, ciphers, passphrase, stack_files
from trainup.toolchain.backends import StateLocation
from trainup.toolchain.paths import ROOT, SetupError, say
from trainup.toolchain.stack_files import SALT, StackFile

COPIES = ROOT / ".trainup" / "config"
NOTES = COPIES / "fits.json"
PUBLIC_PASSPHRASE = "local"
PUBLIC_SALT = "v1:T4w5Y6mgTO8=:v1:88uTU+HAixeifk3+:qRxhyQOg6fr5OKWQ5TFVgdC8hCYinQ=="
"""Passphrase and salt of earlier versions. They are public, so stacks that use them are re-encrypted."""
OPERATIONS = frozenset(
    {"up", "update", "preview", "pre", "refresh", "destroy", "down", "dn", "watch", "import", "logs"}
)
"""Commands of the CLI that accept `--config-file` and only read that file."""


@dataclass(frozen=True)
class Key:
    """The passphrase file of a stack, and the salt to use where the stack's file has none."""

    passphrase: Path
    salt: str | None = None

    def variables(self) -> dict[str, str]:
        """Environment variables for the CLI; where the stack's file has no salt, it uses that of the state."""
        return {
            "PULUMI_CONFIG_PASSPHRASE_FILE": str(self.passphrase),
            "PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER": "true",
        }

    def words(self, file: StackFile, words: Sequence[str]) -> list[str]:
        """A command of the CLI, which reads a copy of the stack's file with the salt where the file has none."""
        if self.salt is None or not reads_only(words):
            return list(words)
        return _with_option(words, "--config-file", str(copy(file, self.salt)))


def key_of(file: StackFile, location: StateLocation | None, is_cloud: bool) -> Key | None:
    """The key of a stack's secrets; None where the user has chosen another way to encrypt them. Raises SetupError."""
    if file.has_provider or not file.is_local or (is_cloud and not file.salt):
        return None
    state_salt = location.salt if location else None
    if PUBLIC_SALT in (file.salt, state_salt) and location is None:
        say(f"everybody knows the passphrase of {file.path.name}: `pulumi stack change-secrets-provider passphrase`")
        return None
    passphrase_file = passphrase.ensure()
    word = passphrase.read(passphrase_file)
    if location and _is_public(file, location):
        file = take_over(file, location, word)
        state_salt = location.salt
    own = file.salt if file.salt != PUBLIC_SALT else None
    old = stack_files.at(COPIES / file.path.name, file.project).salt if own is None and location is None else None
    for salt in (own, state_salt, old):
        if salt is not None:
            if _fits(word, salt):
                return Key(passphrase_file, None if own else salt)
            if not any(os.environ.get(f"PULUMI_CONFIG_PASSPHRASE{end}") for end in ("", "_FILE")):
                say(
                    f"{file.path.name if own else 'the state'} is encrypted by another passphrase than the one in "
                    f"{passphrase_file}: set PULUMI_CONFIG_PASSPHRASE to it"
                )
            return None
    salt = ciphers.new_salt(word)
    _note(word, salt, True)
    return Key(passphrase_file, salt)


def take_over(file: StackFile, location: StateLocation, word: str) -> StackFile:
    """Re-encrypt what the public passphrase encrypts with the user's own, in the stack's file and all its states."""
    COPIES.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (COPIES / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        file = stack_files.at(file.path, file.project)
        return _reencrypt(file, location, word) if _is_public(file, location) else file


def _is_public(file: StackFile, location: StateLocation) -> bool:
    return location.salt == PUBLIC_SALT or (file.has_secrets and file.salt in (None, PUBLIC_SALT))


def _reencrypt(file: StackFile, location: StateLocation, word: str) -> StackFile:
    if location.locks:
        raise SetupError(
            f"a command is at work on {file.path.name}, whose secrets are to get another passphrase: wait for its end"
        )
    old = ciphers.cipher_of(PUBLIC_PASSPHRASE, PUBLIC_SALT)
    salt = ciphers.new_salt(word)
    new = ciphers.cipher_of(word, salt)
    assert old
    assert new
    for path in location.files():
        if path.suffix == ".attrs":
            continue  # updated together with the file that it describes
        text = backends.read(path).decode(errors="surrogateescape")
        new_text = ciphers.reencrypted(text.replace(PUBLIC_SALT, salt), old, new)
        if new_text != text:
            backends.write(path, new_text)
    # A stack file without secrets is not changed: the CLI reads a copy that has the salt.
    encrypted = ciphers.reencrypted(file.text or "", old, new) if file.has_secrets else file.text
    if encrypted is None or encrypted == file.text:
        return file
    updated = StackFile(file.path, encrypted, file.project)
    stack_files.write(file.path, updated.with_values({SALT: salt}))
    say(f"the secrets of {file.path.name} had a passphrase that everybody knows, and have your own now")
    return stack_files.at(file.path, file.project)


def reads_only(words: Sequence[str]) -> bool:
    """Whether a command reads the stack's file and does not change it."""
    options = {word.partition("=")[0] for word in words}
    writes = {"-c", "--config", "--config-file"} & options or any(word.startswith("--remote") for word in options)
    return bool(words) and words[0] in OPERATIONS and not writes


def copy(file: StackFile, salt: str) -> Path:
    """A copy of a stack's file that has the salt."""
    COPIES.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = COPIES / file.path.name
    stack_files.write(path, file.with_values({SALT: salt}), 0o600)
    return path


def _with_option(words: Sequence[str], name: str, value: str) -> list[str]:
    end = words.index("--") if "--" in words else len(words)
    return [*words[:end], name, value, *words[end:]]


def _fits(word: str, salt: str) -> bool:
    """Whether a passphrase belongs to a salt. The test takes most of a second, so its result is stored."""
    noted = _read_notes().get(_note_key(word, salt))
    return _note(word, salt, ciphers.cipher_of(word, salt) is not None) if noted is None else noted


def _note(word: str, salt: str, fits: bool) -> bool:
    COPIES.mkdir(parents=True, exist_ok=True, mode=0o700)
    stack_files.write(NOTES, json.dumps({**_read_notes(), _note_key(word, salt): fits}), 0o600)
    return fits


def _read_notes() -> dict[str, bool]:
    try:
        return dict(json.loads(NOTES.read_text()))
    except (OSError, ValueError, TypeError):
        return {}


def _note_key(word: str, salt: str) -> str:
    return hashlib.sha256(f"{word} {salt}".encode()).hexdigest()
