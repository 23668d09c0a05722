"""Removes the lock of a command that is known to be dead."""

import json
import os
import time
from pathlib import Path

from trainup.core.wording import as_typed
from trainup.toolchain import holders
from trainup.toolchain.backends import StateLocation
from trainup.toolchain.holders import Life
from trainup.toolchain.paths import say

WHERE = {
    Life.ELSEWHERE: "on {host}",
    Life.UNSEEN: "that may be in another container, whose processes are invisible from here",
}
SETTLING = 1.0
"""Seconds after which an unfinished lock file is abandoned: a live command completes its own in a moment."""


def clear(location: StateLocation) -> None:
    """Remove locks of dead processes; for a process that cannot be judged from here, say what the user can do."""
    _remove_unfinished(location)
    stack = location.stack
    for lock in location.locks:
        try:
            holder = json.loads(lock.read_text())
            host, pid = str(holder["hostname"]), int(holder["pid"])
        except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
            continue
        if pid <= 0:
            continue
        life = holders.judge(location, pid, host)
        if life is Life.DEAD:
            lock.unlink(missing_ok=True)
            say(f"stack {stack!r} was locked by process {pid}, which is gone: the lock is cleared")
        elif life in WHERE:
            where = WHERE[life].format(host=host)
            text = f"stack {stack!r} is locked by process {pid} {where}: if that is gone, run `pulumi cancel`"
            say(as_typed(text, os.environ | {"PULUMI_STACK": stack}))


def _remove_unfinished(location: StateLocation) -> None:
    """Remove lock files that a killed command left unfinished: Pulumi takes them for locks, or fails on them."""
    if not (suspects := _unfinished(location)):
        return
    time.sleep(SETTLING)
    for lock in suspects & _unfinished(location):
        lock.unlink(missing_ok=True)
        say(f"a command was killed while it locked stack {location.stack!r}: its unfinished lock is removed")


def _unfinished(location: StateLocation) -> set[Path]:
    files = location.lock_folder.glob("*")
    return {file for file in files if file.suffix == ".tmp" or (file.suffix == ".json" and not _is_json(file))}


def _is_json(lock: Path) -> bool:
    try:
        json.loads(lock.read_bytes())
    except FileNotFoundError:
        return True  # gone by itself
    except (OSError, ValueError, RecursionError):
        return False
    return True
