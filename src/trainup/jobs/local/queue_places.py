"""The places of waiting runs in the queue of a local cluster, in words."""

import threading
import time
from pathlib import Path

from trainup.jobs.local.slots import Pool

SECONDS = 1.0
"""How long a look at a queue is used. All runs that one `up` waits for share it: a queue may have thousands."""
MOST_TOLD = 10
"""Places beyond this one are not told one by one, since each change of a place is a line on the user's terminal."""

_looks: dict[Path, tuple[float, dict[str, int]]] = {}
_lock = threading.Lock()


def place(pool: Pool, name: str) -> str:
    """What an attempt waits for, such as `2 runs before it`; empty if it does not wait in the queue."""
    with _lock:
        looked, places = _looks.get(pool.folder, (float("-inf"), {}))
        if time.monotonic() - looked > SECONDS:
            places = {waiting: number for number, waiting in enumerate(pool.waiting())}
            _looks[pool.folder] = (time.monotonic(), places)
    before = places.get(name)
    if before is None:
        return ""
    if before == 0:
        return "next in the queue"
    if before > MOST_TOLD:
        return f"more than {MOST_TOLD} runs before it"
    return f"{before} run{'s' if before > 1 else ''} before it"
