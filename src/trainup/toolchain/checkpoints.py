"""Repairs a stack's state that a kill or a full disk has damaged, or that a killed command has left unfinished.

Pulumi cannot read a damaged state: if one byte is missing, every command ends in `failed to load checkpoint`. So before
the CLI works on a stack whose backend is a folder, its files are checked here. The newest undamaged state replaces a
damaged one, which is kept beside it. Runs newer than that state are not lost: they have records of their own, which
the next `pulumi up` adopts.
"""

import contextlib
import gzip
import json
import os
import re
import shutil
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from trainup.toolchain import backends, stack_files
from trainup.toolchain.backends import StateLocation
from trainup.toolchain.paths import SetupError, say

LATEST = 3
"""How many of the newest entries of the history are checked: a command that died was writing one of them."""
OURS = "trainup:index:"
RUN = f"{OURS}Run"
VERSION = re.compile(rb"(?m)^version: *[0-9]+\s*$")
ASIDE = ".damaged-"
"""Part of the name of a damaged file that was put aside."""
EMPTY_META = "version: 1\n"


def mend(location: StateLocation, *, is_local: bool = True) -> None:
    """Repair a stack's files, and complete what a killed command left pending. A locked stack is not touched.

    `is_local`: the stack's target is this machine. Raises SetupError where no state can be restored.
    """
    if location.locks:
        return
    try:
        _mend(location, is_local=is_local)
    except OSError as error:
        raise SetupError(
            f"the state of stack {location.stack!r} in {location.root} cannot be repaired: {error}. "
            "Free some space there, or change its permissions, and repeat the command"
        ) from error


def _mend(location: StateLocation, *, is_local: bool) -> None:
    top = location.root / ".pulumi"
    _mend_meta(top)
    notes = [top / "meta.yaml.attrs", *(top / "stacks" / location.project).glob(f"{location.stack}.json*.attrs")]
    for folder in (
        top / "history" / location.project / location.stack,
        top / "backups" / location.project / location.stack,
    ):
        newest = sorted((file for file in folder.glob("*.json*") if ASIDE not in file.name), reverse=True)
        # Each entry of the history has a state beside it, and `.attrs` files of both. Their names hold times: after a
        # clock was set back, the entry that was cut off may be an older one.
        for file in [*newest[: LATEST * 4], *filter(_is_cut_off, newest[LATEST * 4 :])]:
            if file.suffix == ".attrs":
                notes.append(file)
            elif content(file) is None:
                _put_aside(file)
    for file in notes:
        if file.exists() and not _is_note(file):
            _put_aside(file)
    if current := location.state:
        state = content(current)
        if state is None or not says_something(state):
            state = _restore(location, current, is_local=is_local)
        if completed := _complete(state):
            backends.write(current, json.dumps(completed, indent=4))


def _mend_meta(top: Path) -> None:
    """Restore the file that names the backend's layout, in which each project has a folder of stacks."""
    meta = top / "meta.yaml"
    with contextlib.suppress(OSError):
        if not VERSION.search(meta.read_bytes()):
            _put_aside(meta)
            stack_files.write(meta, EMPTY_META, 0o600)


def _is_note(file: Path) -> bool:
    """Whether an `.attrs` file is valid: it holds a JSON map or `null`."""
    note = content(file)
    return isinstance(note, dict) or (note is None and _text(file).strip() == "null")


def _is_cut_off(file: Path) -> bool:
    """Whether a file was cut off: its end is not that of a JSON map or `null`."""
    with contextlib.suppress(OSError), file.open("rb") as content:
        size = content.seek(0, os.SEEK_END)
        content.seek(max(0, size - 16))
        end = content.read().rstrip()
        return not end or not (file.suffix == ".gz" or end.endswith((b"}", b"null")))
    return False


def _text(file: Path) -> str:
    try:
        content = file.read_bytes()
        return (gzip.decompress(content) if ".gz" in file.suffixes else content).decode()
    except (OSError, EOFError, ValueError, zlib.error):
        return ""


def content(file: Path) -> dict[str, Any] | None:
    """The JSON map in a file; None where it holds no map or cannot be read."""
    try:
        value = json.loads(_text(file))
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def says_something(state: dict[str, Any]) -> bool:
    """Whether this is a complete state: Pulumi takes one that lost its resources for that of an empty stack."""
    checkpoint = state.get("checkpoint")
    if not isinstance(checkpoint, dict) or "latest" not in checkpoint:
        return False
    latest = checkpoint["latest"] or {}
    return isinstance(latest, dict) and all(
        isinstance(items := latest.get(name) or [], list) and all(isinstance(item, dict) for item in items)
        for name in ("resources", "pending_operations")
    )


def _restore(location: StateLocation, file: Path, *, is_local: bool) -> dict[str, Any]:
    """Replace a damaged state by the newest undamaged one; the damaged file is kept beside it.

    Where there is none, a stack on this machine begins empty. On another target that raises SetupError: an empty state
    would create every resource a second time.
    """
    for source in _older(location):
        state = content(source)
        if state is not None and says_something(state):
            when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(source.stat().st_mtime))
            origin = f"it was restored from {source.name} of {when}"
            break
    else:
        if not is_local:
            raise SetupError(
                f"the state of stack {location.stack!r} ({file}) is damaged, and so are all copies beside it: "
                "restore one from a backup of that folder; without it, all resources would be created a second time"
            )
        state = {
            "version": 3,
            "checkpoint": {"stack": f"organization/{location.project}/{location.stack}", "latest": None},
        }
        origin = "no older one is undamaged, so it begins empty"
    aside = file.with_name(f"{file.name}{ASIDE}{time.time_ns()}")
    try:
        os.link(file, aside)  # a kill right here leaves both
    except OSError:  # not every file system has such links
        shutil.copy2(file, aside)
    backends.write(file, json.dumps(state, indent=4))
    say(
        f"the state of stack {location.stack!r} was damaged, as a kill or a full disk does: {origin}; the damaged "
        f"file is kept as {aside.name}. No run is lost: the next `up` finds them by their own records"
    )
    return state


def _older(location: StateLocation) -> Iterator[Path]:
    """Files with older states of the stack, the newest first by the time in their names: clocks may be set back."""
    top = location.root / ".pulumi"
    yield from sorted((top / "stacks" / location.project).glob(f"{location.stack}.json*.bak"))
    copies = [
        *(top / "backups" / location.project / location.stack).glob("*.json*"),
        *(top / "history" / location.project / location.stack).glob("*.checkpoint.json*"),
    ]
    yield from sorted((file for file in copies if file.suffix != ".attrs"), key=_number, reverse=True)


def _number(file: Path) -> int:
    """The nanoseconds in the name of a backup: `local.1795845231150734926.json`, `local-1795….checkpoint.json`."""
    return max((int(digits) for digits in re.findall(r"\d+", file.name)), default=0)


def _put_aside(file: Path) -> Path:
    """Rename a damaged file, so that nothing reads it."""
    aside = file.with_name(f"{file.name}{ASIDE}{time.time_ns()}")
    file.replace(aside)
    return aside


def _complete(state: dict[str, Any]) -> dict[str, Any] | None:
    """The state without pending operations on trainup's own resources, which a killed command left; None without any.

    A run that was being created may be running: it becomes a resource, so that `refresh` reads it, `destroy` cancels it
    and `up` attaches to it. Operations on all other resources of trainup can simply be repeated.
    """
    latest = state["checkpoint"].get("latest") or {}
    pending = latest.get("pending_operations") or []
    ours = [one for one in pending if str((one.get("resource") or {}).get("type", "")).startswith(OURS)]
    if not ours:
        return None
    resources = list(latest.get("resources") or [])
    urns = {one.get("urn") for one in resources if not one.get("delete")}
    for one in ours:
        resource = one["resource"]
        if one.get("type") == "creating" and resource["type"] == RUN and resource["urn"] not in urns:
            resources += [run] if (run := _queued_run(resource)) else []
    remaining = [one for one in pending if one not in ours]
    latest = {**latest, "resources": resources, "pending_operations": remaining}
    if not remaining:
        del latest["pending_operations"]
    return {**state, "checkpoint": {**state["checkpoint"], "latest": latest}}


def _queued_run(resource: dict[str, Any]) -> dict[str, Any] | None:
    """A run that was being created, as a resource with the status Queued; None where its inputs do not name it."""
    inputs = resource.get("inputs") or {}
    name, digest = inputs.get("run"), inputs.get("digest")
    if not isinstance(name, str) or not isinstance(digest, str):
        return None
    outputs = {key: inputs[key] for key in ("digest", "workspace", "target") if key in inputs}
    return {**resource, "id": f"{name}-{digest[:12]}", "outputs": {**outputs, "status": "Queued"}}
