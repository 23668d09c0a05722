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
import warnings
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import FrameType, TracebackType
from typing import NoReturn

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
    hostname, _, port = engine.rpartition(":")
    address = (hostname, int(port))
    if sys.excepthook is sys.__excepthook__:  # whoever has a hook of his own sees interrupts as well
        sys.excepthook = partial(_report, address)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler and _is_main_thread():
        signal.signal(signal.SIGINT, _interrupt)
    threading.Thread(target=_end_with, args=(address,), name="trainup-engine", daemon=True).start()


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Replaces Python's own handler: the calls that the program has begun and will not await need no warning."""
    warnings.simplefilter("ignore", RuntimeWarning)
    signal.default_int_handler(number, frame)


def _is_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


def _report(
    engine: tuple[str, int], kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Replaces `sys.excepthook`: says nothing about an interrupt, which the engine tells, and nothing to nobody."""
    if issubclass(kind, KeyboardInterrupt):
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal, the engine and the host each send one
    connection = _connect(engine)
    if connection is None:  # newer hosts interrupt the program when the engine is gone, and stay
        _end_host()
        _end(INTERRUPTED)
    connection.close()
    if issubclass(kind, KeyboardInterrupt):
        _end(INTERRUPTED)
    sys.__excepthook__(kind, error, trace)


def _end_with(engine: tuple[str, int]) -> None:
    """End this process and its host once nobody listens at the engine's address any more."""
    while connection := _connect(engine):
        with connection, suppress(OSError):
            connection.settimeout(None)
            while connection.recv(4096):
                pass
        time.sleep(PAUSE_SECONDS)  # the engine closes connections that ask for nothing
    _end_host()
    _end(INTERRUPTED)


def _connect(engine: tuple[str, int]) -> socket.socket | None:
    """A connection to the engine; None if it is gone."""
    while True:
        try:
            return socket.create_connection(engine, CONNECT_SECONDS)
        except TimeoutError:  # it is busy
            continue
        except OSError:
            return None


def _end_host() -> None:
    """Interrupt the host, which by itself looks for its engine only every five minutes. Where /proc tells its name."""
    host = os.getppid()
    with suppress(OSError):
        if Path(f"/proc/{host}/comm").read_text().startswith(HOST_NAME):
            os.kill(host, signal.SIGINT)


def _end(code: int) -> NoReturn:
    with suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)
