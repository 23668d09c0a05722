"""The passphrase of this user's local stacks: made at first use, kept outside of any repository, for nobody else.

It is looked for at `.trainup/passphrase`, a link to where it is kept, so that a stack finds its own again whatever
HOME and XDG_DATA_HOME are in another shell; then at `$XDG_DATA_HOME/trainup/passphrase`.
"""

import contextlib
import os
import secrets
from pathlib import Path

from trainup.toolchain.paths import ROOT, SetupError, say

LINK = ROOT / ".trainup" / "passphrase"
BYTES = 32


def find() -> Path | None:
    """The file with the passphrase, if there is one already."""
    outside = _outside()
    return next((path for path in (LINK, outside) if path and _read(path)), None)


def ensure() -> Path:
    """The file with the passphrase; made where there is none. Raises SetupError where none can be made."""
    found = find()
    outside = _outside()
    if found is None and outside:
        with contextlib.suppress(OSError):
            found = _make(outside)
    if found is None:
        try:
            LINK.unlink(missing_ok=True)  # it leads nowhere
            found = _make(LINK)
        except OSError as error:
            raise SetupError(
                f"the passphrase for secrets of local stacks can be kept neither in {outside or 'the home folder'} nor "
                f"in {LINK} ({error}): set PULUMI_CONFIG_PASSPHRASE_FILE to a file that holds one"
            ) from error
        say(f"the passphrase for secrets of local stacks is kept in {LINK}: {outside or 'a home'} cannot be written")
    with contextlib.suppress(OSError):
        if found.stat().st_mode & 0o077:
            found.chmod(0o600)
        if found != LINK:
            LINK.parent.mkdir(exist_ok=True)
            LINK.unlink(missing_ok=True)
            LINK.symlink_to(found)
    return LINK if _read(LINK) else found


def read(path: Path) -> str:
    """The passphrase in a file. Raises SetupError."""
    found = _read(path)
    if not found:
        raise SetupError(
            f"{path} holds no passphrase: bring it back from a backup, or remove it to have a new one made"
        )
    return found


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except (OSError, ValueError):
        return ""


def _outside() -> Path | None:
    """Where it belongs; None where that would lie in the repository, or there is no home."""
    told = os.environ.get("XDG_DATA_HOME", "")
    try:
        data = Path(told) if Path(told).is_absolute() else Path.home() / ".local" / "share"
    except RuntimeError:
        return None
    return None if data.resolve().is_relative_to(ROOT.resolve()) else data / "trainup" / "passphrase"


def _make(path: Path) -> Path:
    """Make it; of two who do so at once both get the first one's."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    unfinished = path.with_name(f".passphrase.{os.getpid()}")
    try:
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(BYTES) + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(unfinished, path)
        except FileExistsError:
            if not _read(path):
                unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return path
