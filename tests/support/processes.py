"""Processes that nobody holds a handle of: found by the folder they work in or were started with, and ended."""

import contextlib
import ctypes
import os
import signal
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import psutil
from psutil import Process

SECONDS = 10.0
"""How long processes may take to end by themselves."""


def of(folder: Path | str) -> list[Process]:
    """The living processes but this one that work in this folder, or have it in their command line."""
    return [process for process in psutil.process_iter() if process.pid != os.getpid() and _tells(process, str(folder))]


def with_word(folder: Path | str, word: str) -> list[Process]:
    """Those of the folder that were started with this word."""
    found = []
    for process in of(folder):
        with contextlib.suppress(psutil.Error):
            if word in process.cmdline():
                found.append(process)
    return found


def left(folder: Path | str) -> list[Process]:
    """Those that do not end by themselves."""
    return _waited_for(lambda: of(folder))


def living(processes: Iterable[Process]) -> list[Process]:
    """Those of these that do not end by themselves."""
    return _waited_for(lambda: [process for process in processes if _tells(process, "")])


def kill(processes: Iterable[Process]) -> None:
    """End them for good and all at once, whether or not some have ended by themselves meanwhile."""
    killed = list(processes)
    for end in (Process.suspend, Process.kill):  # none may act on the death of another
        for process in killed:
            with contextlib.suppress(psutil.NoSuchProcess):
                end(process)
    living(killed)


def interrupt_beside(process: Process) -> None:
    """Send an interrupt that another thread than the main one gets, as the kernel may choose to. Linux alone."""
    beside = next(thread.id for thread in process.threads() if thread.id != process.pid)
    assert ctypes.CDLL(None).tgkill(process.pid, beside, int(signal.SIGINT)) == 0


def _tells(process: Process, text: str) -> bool:
    with contextlib.suppress(psutil.Error):
        # One that has ended, and that nobody reaps, has no working directory any more.
        return text in " ".join(process.cmdline()) + process.cwd()
    return False


def _waited_for(find: Callable[[], list[Process]]) -> list[Process]:
    until = time.monotonic() + SECONDS
    while (found := find()) and time.monotonic() < until:
        psutil.wait_procs(found, timeout=0.1)
    return found
