"""Files that are uploaded or downloaded: several at once, with the progress told now and then."""

import os
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

AT_ONCE = min(16, 4 * (os.cpu_count() or 1))
EVERY = 2.0
"""Seconds between two lines of progress."""
MB = 1024**2
Item = TypeVar("Item")
Result = TypeVar("Result")


def side_by_side(action: Callable[[Item], Result], items: Iterable[Item], most: int = AT_ONCE) -> list[Result]:
    """The results of an action on each item, in order, with `most` at work. After an error no other item is begun."""
    with ThreadPoolExecutor(most) as pool:
        return list(pool.map(action, items))


class Transfer:
    """Counts what has been moved, in any thread. Tells the total at the start, then progress every `EVERY` seconds."""

    def __init__(
        self,
        what: str,
        sizes: Sequence[int],
        progress: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`what` is told first, such as `uploading the code`; `sizes` are those of all files, in bytes."""
        self._what, self._total, self._progress, self._clock = what, sum(sizes), progress, clock
        self._moved, self._told = 0, clock()
        self._lock = threading.Lock()
        progress(f"{what}: {len(sizes):,} file{'' if len(sizes) == 1 else 's'}, {self._total / MB:,.1f} MB")

    def moved(self, size: int) -> None:
        """Add `size` bytes to what has been moved."""
        with self._lock:
            self._moved += size
            if self._clock() - self._told < EVERY:
                return
            self._told = self._clock()
            moved = min(self._moved, self._total)  # a request that is repeated sends its bytes again
        self._progress(f"{self._what}: {moved / MB:,.1f} of {self._total / MB:,.1f} MB")
