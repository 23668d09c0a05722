"""Ends a program under Pulumi's own language host as quietly, and as surely, as under ours.

Two differences were seen with Pulumi 3.245: Ctrl-C shows a traceback, and a blocked program outlives a CLI that was
killed. So a program that uses components hides the traceback, and watches its connection to the engine.
"""

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType

EXECUTOR = "pulumi-language-python-exec"
"""The script with which the official host starts programs."""
HOST_NAME = "pulumi-language"
"""How the name of the official host begins; Linux shows 15 characters of it."""
INTERRUPTED = 130
PAUSE_SECONDS = 1.0
CONNECT_SECONDS = 10.0


def engine_of(words: Sequence[str]) -> str | None:
    """The address of the engine in the command line of a program of the official host; None for any other process."""
    if not any(os.path.basename(word) == EXECUTOR for word in words):
        return None
    for word, following in zip(words, [*words[1:], ""], strict=True):
        if word == "--engine":
            return following or None
        if word.startswith("--engine="):
            return word.partition("=")[2] or None
    return None


def install() -> None:
    """Prepare this process, if the official host has started it."""
    engine = engine_of(sys.orig_argv)
    if engine is None:
        return
    if sys.excepthook is sys.__excepthook__:  # whoever has a hook of his own sees interrupts as well
        sys.excepthook = _report
    threading.Thread(target=_end_with, args=(engine,), name="trainup-engine", daemon=True).start()


def _report(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Replaces `sys.excepthook`: says nothing about an interrupt, which the engine tells."""
    if not issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal, the engine and the host each send one
    _end(INTERRUPTED)


def _end_with(engine: str) -> None:
    """End this process and its host once nobody listens at the engine's address any more."""
    hostname, _, port = engine.rpartition(":")
    while _is_there(hostname, int(port)):
        time.sleep(PAUSE_SECONDS)  # the engine closes connections that ask for nothing
    _end_host()
    _end(INTERRUPTED)


def _end_host() -> None:
    """Interrupt the host, which by itself looks for its engine only every five minutes. Where /proc tells its name."""
    host = os.getppid()
    with suppress(OSError):
        if Path(f"/proc/{host}/comm").read_text().startswith(HOST_NAME):
            os.kill(host, signal.SIGINT)


def _is_there(hostname: str, port: int) -> bool:
    """Wait until a connection ends; False if none could be made."""
    try:
        connection = socket.create_connection((hostname, port), CONNECT_SECONDS)
    except TimeoutError:  # it is busy
        return True
    except OSError:
        return False
    with connection, suppress(OSError):
        connection.settimeout(None)
        while connection.recv(4096):
            pass
    return True


def _end(code: int) -> None:
    with suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)
