"""This machine and its processes: who it is, and what still belongs to a run."""

import contextlib
import os
import platform
import signal
import time
import uuid
from pathlib import Path

import psutil

from trainup.core.canonical import sha256

TOKEN_VARIABLE = "TRAINUP_TOKEN"


def machine_id() -> str:
    """A name for this machine that outlives restarts, the same for every process on it; 16 hexadecimal digits."""
    for path in ("/etc/machine-id", "/var/lib/dbus/machine-id"):
        with contextlib.suppress(OSError):
            if text := Path(path).read_text(encoding="ascii").strip():
                return sha256(text)[:16]
    node = uuid.getnode()
    # Bit 40 set means that the number is random, made anew by every process (RFC 4122, 4.5).
    hardware = "" if node >> 40 & 1 else str(node)
    return sha256([platform.node(), hardware])[:16]


def processes_of(token: str) -> list[psutil.Process]:
    """The living processes that carry a run's token in their environment: the command and all it started."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            ours = process.pid != os.getpid() and process.environ().get(TOKEN_VARIABLE) == token
            if ours and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def kill_all_of(token: str, *, deadline: float = 10.0) -> None:
    """End every process of a run for good. Returns when none is left; `deadline` in seconds bounds the wait."""
    end = time.monotonic() + deadline
    while (remaining := processes_of(token)) and time.monotonic() < end:
        for process in remaining:
            with contextlib.suppress(psutil.Error):
                process.send_signal(signal.SIGKILL)
        psutil.wait_procs(remaining, timeout=0.5)
