"""Frees a stack from the lock of a command that is provably dead."""

import json
import os
import socket
import subprocess
from pathlib import Path

from toolchain.backends import Place
from toolchain.paths import say
from trainup.core.wording import as_typed


def clear(place: Place) -> None:
    """Remove this host's locks whose process is gone; others are left and said, with what to do."""
    stack = place.stack
    for lock in place.locks:
        try:
            holder = json.loads(lock.read_text())
            host, pid = holder["hostname"], int(holder["pid"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if host != socket.gethostname():
            text = f"stack {stack!r} is locked by process {pid} on {host}: if that is gone, run `pulumi cancel`"
            say(as_typed(text, os.environ | {"PULUMI_STACK": stack}))
        elif not _is_pulumi(pid):
            lock.unlink(missing_ok=True)
            say(f"stack {stack!r} was locked by process {pid}, which is gone: the lock is cleared")


def _is_pulumi(pid: int) -> bool:
    """Whether the process lives and still is a Pulumi CLI: numbers of processes are used again."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    try:
        name = Path(f"/proc/{pid}/comm").read_text()
    except FileNotFoundError:
        name = subprocess.run(["ps", "-o", "comm=", "-p", str(pid)], capture_output=True, text=True).stdout
    return "pulumi" in name
