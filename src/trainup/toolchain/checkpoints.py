"""A stack's state that a kill or a full disk has left damaged, or that a killed command has left unfinished.

Pulumi reads its state as it is: one truncated byte, and every command ends in `failed to load checkpoint`. So before
the CLI starts on a stack in a folder, its files are looked at here. The newest state that is whole takes the place of a
damaged one, which is kept beside it. What is newer than that is not lost: each run's own record is the truth, and the
next `pulumi up` adopts it.
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
"""How many of the newest files of the history are looked at: only those can have been at work when a command died."""
OURS = "trainup:index:"
RUN = f"{OURS}Run"
VERSION = re.compile(rb"(?m)^version: *[0-9]+\s*$")
ASIDE = ".damaged-"
"""In the name of a file that was put aside."""
EMPTY_META = "version: 1\n"


def mend(location: StateLocation, *, is_local: bool = True) -> None:
    """Make the stack's files readable, and finish what a killed command had begun. One that is held is left alone.

    `is_local`: the stack's target is this machine. SetupError where nothing can be made of what is there.
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
        # Beside each entry of the history lie the state and the notes of both. Their numbers are times: after a clock
        # was set back, what was being written is among the others.
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
    """The file that tells the layout of the backend: stacks lie in folders of their projects."""
    meta = top / "meta.yaml"
    with contextlib.suppress(OSError):
        if not VERSION.search(meta.read_bytes()):
            _put_aside(meta)
            stack_files.write(meta, EMPTY_META, 0o600)


def _is_note(file: Path) -> bool:
    """Whether a file is what the backend notes of another: a map, or nothing to note."""
    note = content(file)
    return isinstance(note, dict) or (note is None and _text(file).strip() == "null")


def _is_cut_off(file: Path) -> bool:
    """Whether a file ends where no JSON map or `null` does, by one look at its end."""
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
    """The JSON map in a file; None where there is none."""
    try:
        value = json.loads(_text(file))
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def says_something(state: dict[str, Any]) -> bool:
    """Whether a state is one: what Pulumi takes for a stack without resources may be one that has lost them."""
    checkpoint = state.get("checkpoint")
    if not isinstance(checkpoint, dict) or "latest" not in checkpoint:
        return False
    latest = checkpoint["latest"] or {}
    return isinstance(latest, dict) and all(
        isinstance(items := latest.get(name) or [], list) and all(isinstance(item, dict) for item in items)
        for name in ("resources", "pending_operations")
    )


def _restore(location: StateLocation, file: Path, *, is_local: bool) -> dict[str, Any]:
    """Put the newest whole state in the place of a damaged one, which is kept beside it.

    Without any, a stack on this machine begins empty. SetupError on another target: all there would be made again.
    """
    for source in _older(location):
        state = content(source)
        if state is not None and says_something(state):
            when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(source.stat().st_mtime))
            origin = f"it is taken from {source.name} of {when}"
            break
    else:
        if not is_local:
            raise SetupError(
                f"the state of stack {location.stack!r} ({file}) is damaged, and so are all copies beside it: bring a "
                "whole one back from a backup of that folder; without it, all that exists would be made a second time"
            )
        state = {
            "version": 3,
            "checkpoint": {"stack": f"organization/{location.project}/{location.stack}", "latest": None},
        }
        origin = "no older one is whole, so it begins empty"
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
    """Where older states of the stack lie, the newest first: by Pulumi's own names, since clocks may be set."""
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
    """Keep a damaged file under a name that nothing reads."""
    aside = file.with_name(f"{file.name}{ASIDE}{time.time_ns()}")
    file.replace(aside)
    return aside


def _complete(state: dict[str, Any]) -> dict[str, Any] | None:
    """The state without what a killed command left pending of trainup's own resources; None when nothing was.

    A run that was being created may be at work: it becomes a resource, so that `refresh` looks for it, `destroy` ends
    it and `up` attaches to it. Everything else of ours is made, changed and removed in a way that can be begun again.
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
    """A run that was being created, as a resource whose run has not ended; None where its inputs do not name it."""
    inputs = resource.get("inputs") or {}
    name, digest = inputs.get("run"), inputs.get("digest")
    if not isinstance(name, str) or not isinstance(digest, str):
        return None
    outputs = {key: inputs[key] for key in ("digest", "workspace", "target") if key in inputs}
    return {**resource, "id": f"{name}-{digest[:12]}", "outputs": {**outputs, "status": "Queued"}}
