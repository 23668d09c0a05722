"""Sends the SDK's debug messages without waiting until each has arrived.

The SDK sends several for each resource, whether or not anybody wants to see them, and the whole program waits for each:
half the time that a program of 300 runs takes (pulumi 3.245).
"""

import threading
from typing import Any

from pulumi import log
from pulumi.runtime.proto import engine_pb2
from pulumi.runtime.settings import get_engine

_wait_for_arrival = log.debug
MOST_ON_THEIR_WAY = 100
"""More would only fill the memory; the program waits then."""
_on_their_way = threading.Semaphore(MOST_ON_THEIR_WAY)


def debug(msg: str, resource: Any = None, stream_id: int | None = None, ephemeral: bool | None = None) -> None:
    """What the SDK's function of this name does. A message that gets lost is nobody's error."""
    engine = get_engine()
    if engine is None or resource is not None:
        _wait_for_arrival(msg, resource, stream_id, ephemeral)
        return
    request = engine_pb2.LogRequest(
        severity=engine_pb2.DEBUG, message=msg, urn="", streamId=stream_id or 0, ephemeral=bool(ephemeral)
    )
    _on_their_way.acquire()
    engine.Log.future(request).add_done_callback(lambda _: _on_their_way.release())


def install() -> None:
    """Let the SDK send them so."""
    log.debug = debug
