"""The passphrase of this user's local stacks: generated at first use, private, and stored outside of any repository.

`.trainup/passphrase` in the project links to its file, so that a stack keeps its passphrase when another shell has
another HOME or XDG_DATA_HOME. Without the link it is looked for at `$XDG_DATA_HOME/trainup/passphrase`.
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
    in_home = _file_in_home()
    return next((path for path in (LINK, in_home) if path and _read(path)), None)


def ensure() -> Path:
    """The file with the passphrase, created if it is missing. Raises SetupError where it cannot be written."""
    file = find()
    in_home = _file_in_home()
    if file is None and in_home:
        with contextlib.suppress(OSError):
            file = _make(in_home)
    if file is None:
        try:
            LINK.unlink(missing_ok=True)  # a link to a file that is gone
            file = _make(LINK)
        except OSError as error:
            raise SetupError(
                f"the passphrase for secrets of local stacks can be kept neither in {in_home or 'the home folder'} nor "
                f"in {LINK} ({error}): set PULUMI_CONFIG_PASSPHRASE_FILE to a file that holds one"
            ) from error
        say(f"the passphrase for secrets of local stacks is kept in {LINK}: {in_home or 'a home'} cannot be written")
    with contextlib.suppress(OSError):
        if file.stat().st_mode & 0o077:
            file.chmod(0o600)
        if file != LINK:
            LINK.parent.mkdir(exist_ok=True)
            LINK.unlink(missing_ok=True)
            LINK.symlink_to(file)
    return LINK if _read(LINK) else file


def read(path: Path) -> str:
    """The passphrase in a file. Raises SetupError."""
    text = _read(path)
    if not text:
        raise SetupError(f"{path} holds no passphrase: restore it from a backup, or remove it to have a new one made")
    return text


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except (OSError, ValueError):
        return ""


def _file_in_home() -> Path | None:
    """Where the passphrase is stored; None where that would be in the repository, or there is no home folder."""
    data_home = os.environ.get("XDG_DATA_HOME", "")
    try:
        folder = Path(data_home) if Path(data_home).is_absolute() else Path.home() / ".local" / "share"
    except RuntimeError:
        return None
    return None if folder.resolve().is_relative_to(ROOT.resolve()) else folder / "trainup" / "passphrase"


def _make(path: Path) -> Path:
    """Create the passphrase file; of two processes that do so at once, both get the first one's passphrase."""
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
