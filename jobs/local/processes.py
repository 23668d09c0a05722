"""The processes of a run on this machine: what still belongs to it, and its end."""

import contextlib
import os
import signal
import time

import psutil

TOKEN_VARIABLE = "TRAINUP_TOKEN"


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
