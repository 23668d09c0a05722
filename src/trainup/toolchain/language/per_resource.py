"""What the SDK does anew for each resource, done once for many: a third of the time of a program of 300 runs.

It sends several debug messages, whether or not anybody wants to see them, and waits for the arrival of each. And it
finds out the types of a resource's outputs each time, though they are those of its class (pulumi 3.245).
"""

import functools
import threading
from collections.abc import Callable
from typing import Any

from pulumi import _types, log
from pulumi.runtime.proto import engine_pb2
from pulumi.runtime.settings import get_engine

TOGETHER = 50
"""Debug messages that are sent as one."""

_messages: list[str] = []
_lock = threading.Lock()
_debug = log.debug
_log: Callable[..., None] = log._log


def debug(msg: str, resource: Any = None, stream_id: int | None = None, ephemeral: bool | None = None) -> None:
    """What the SDK's function of this name does, but for the moment at which the engine hears it."""
    if get_engine() is None or resource is not None or stream_id or ephemeral:
        _debug(msg, resource, stream_id, ephemeral)
        return
    with _lock:
        _messages.append(msg)
        are_many = len(_messages) >= TOGETHER
    if are_many:
        flush()


def flush() -> None:
    """Send what waits to be sent."""
    with _lock:
        text = "\n".join(_messages)
        _messages.clear()
    if text:
        _log(get_engine(), engine_pb2.DEBUG, text, None, None, None)


def _after_debug_messages(engine: Any, severity: int, *rest: Any) -> None:
    flush()
    _log(engine, severity, *rest)


def install() -> None:
    """Let the SDK work so. Who ends the program has to `flush`."""
    log.debug = debug
    log._log = _after_debug_messages
    _types.resource_types = functools.cache(_types.resource_types)
