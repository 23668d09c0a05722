"""Paths of a run's folders that need no quotes in a shell.

Paths are filled into the text of a command: `touch ${{outputs.model}}/a`. On Azure they contain no blanks or other
characters that are special in a shell, so nobody quotes them. Here a checkout or a data folder may be anywhere. If its
path would need quotes, the command gets the path of a link instead: each run has one link to its folder, and the
folder `links` in there has links to data elsewhere.
"""

import contextlib
import os
import re
import shlex
import stat
from collections.abc import Mapping
from pathlib import Path

from trainup.core.disk import replacement
from trainup.core.errors import UserError
from trainup.jobs.local.run_record import RunDefinition
from trainup.jobs.local.workspace import RunFolder
from trainup.jobs.target import TargetError

FOLDER = "links"
CHECKPOINTS = f"{FOLDER}/checkpoints"
_CANDIDATES = (Path("/tmp"), Path("/var/tmp"), Path("/dev/shm"))
"""Not `TMPDIR`, which may be anywhere."""
_NAME = f"trainup-{os.getuid()}"
_UNPLAIN = re.compile(r"[^A-Za-z0-9_.+-]")


class NoPlainFolder(UserError):
    """There is no folder on this machine where such links can be."""


def is_plain(path: str) -> bool:
    """Whether a shell takes the path for one word, and for nothing but itself."""
    return shlex.quote(path) == path


def address_of(data_input: Mapping[str, str]) -> str:
    """Where an input lies on this machine, or its URI elsewhere; with its part, where only that is meant."""
    uri, part = data_input["uri"], data_input.get("path")
    return f"{uri}/{part}" if part else uri


def check_all_there(data_inputs: Mapping[str, Mapping[str, str]]) -> None:
    """TargetError when an input that lies on this machine is not there."""
    addresses = {name: address_of(item) for name, item in data_inputs.items() if "uri" in item}
    missing = [
        f"{name} ({address})"
        for name, address in addresses.items()
        if os.path.isabs(address) and not os.path.exists(address)
    ]
    if missing:
        raise TargetError(
            f"there is no data for the inputs {', '.join(missing)}: put it there, or correct the addresses"
        )


def link_of(name: str, data_input: Mapping[str, str]) -> str | None:
    """The link to an input, below the run's folder; None where its own address will do."""
    address = address_of(data_input)
    if is_plain(address) or "://" in address:
        return None
    if os.path.isfile(address):  # readers look at the file extension
        return f"{FOLDER}/inputs/{name}/{_UNPLAIN.sub('_', os.path.basename(address))}"
    return f"{FOLDER}/inputs/{name}"


def anchor(folder: RunFolder, definition: RunDefinition, checkpoints: Path) -> str:
    """Create the links; returns the path of the run's folder for its command. Raises NoPlainFolder, OSError."""
    for name, data_input in definition.data_inputs.items():
        if "value" not in data_input and (link := link_of(name, data_input)):
            _link(folder.path / link, address_of(data_input))
    if is_plain(str(folder.path)):
        return str(folder.path)
    _link(folder.path / CHECKPOINTS, str(checkpoints))
    plain = _plain_folder()
    _remove_dangling(plain)
    at = plain / definition.token
    _link(at, str(folder.path))
    return str(at)


def release(token: str) -> None:
    """Remove the link to the folder of a run that has ended; the links in that folder stay for `reproduce`."""
    for parent in _CANDIDATES:
        with contextlib.suppress(OSError):
            (parent / _NAME / token).unlink(missing_ok=True)


def _remove_dangling(plain: Path) -> None:
    """Remove links to folders that no longer exist: their supervisor was killed, and the project deleted."""
    for link in plain.iterdir():
        if link.is_symlink() and not link.exists():
            link.unlink(missing_ok=True)


def _plain_folder() -> Path:
    """A folder of this user's alone whose path is plain."""
    for parent in _CANDIDATES:
        folder = parent / _NAME
        with contextlib.suppress(OSError):
            folder.mkdir(mode=0o700, exist_ok=True)
            status = folder.lstat()
            if stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid() and os.access(folder, os.W_OK):
                return folder
    raise NoPlainFolder(
        "the path of the run's folder holds a blank or another character that a shell reads in its own way, and a link "
        f"to it can be in none of {', '.join(f'{parent}/{_NAME}' for parent in _CANDIDATES)}, for each is missing or "
        "belongs to somebody else: make one of them, or move the project"
    )


def _link(link: Path, target: str) -> None:
    """Create a link, or replace an existing one atomically."""
    link.parent.mkdir(parents=True, exist_ok=True)
    with replacement(link) as temporary:
        temporary.symlink_to(target)
