"""Ends trials early: reads what running trials log, and cancels those that the sweep's policy gives up."""

import contextlib
import time
from collections.abc import Mapping, Sequence

from trainup.core.curves import Point
from trainup.core.errors import TrainupError
from trainup.core.sweeps.declaration import Sweep
from trainup.core.sweeps.termination import History, early_end
from trainup.jobs.sweeps.trials import ALL_POINTS
from trainup.jobs.target import Record, Target

LOOKS = 10
"""How many of the shortest regular looks at a run lie between two looks at the metrics."""


class Judge:
    """Judges the trials of one sweep. `judge` is called by one thread at a time, and `ended` by any."""

    def __init__(self, target: Target, sweep: Sweep) -> None:
        self._target, self._sweep = target, sweep
        self._metric = sweep.objective.primary_metric
        self._pause = target.polling.running * LOOKS
        self._next = time.monotonic() + self._pause
        self._unread: dict[int, Record] = {}
        """Number → record, of trials that have ended and whose history was not read since."""
        self._histories: dict[int, History] = {}
        """Number → history, of trials that have ended: it does not change any more."""

    @property
    def is_due(self) -> bool:
        """Whether it is time to look again; never where nothing is declared."""
        return self._sweep.early_termination is not None and time.monotonic() >= self._next

    def ended(self, number: int, record: Record) -> None:
        """Note a trial that has ended: others are compared with it."""
        if self._sweep.early_termination is not None:
            self._unread[number] = record

    def judge(self, running: Mapping[int, Record]) -> None:
        """Cancel the trials that do badly; `running` has the others by number. What cannot be read is read later."""
        with contextlib.suppress(TrainupError):
            self._judge(running)
        self._next = time.monotonic() + self._pause

    def _judge(self, running: Mapping[int, Record]) -> None:
        over = dict(self._unread)
        curves = self._target.curves([*running.values(), *over.values()], ALL_POINTS, [self._metric])

        def history(record: Record) -> History:
            return _history(curves.get(record.name, {}).get(self._metric, ()))

        self._histories |= {number: history(record) for number, record in over.items()}
        for number in over:
            del self._unread[number]
        now = {number: history(record) for number, record in running.items()}
        histories = {number: one for number, one in {**self._histories, **now}.items() if one}
        for number in now.keys() & histories.keys():
            if reason := early_end(self._sweep, number, histories):
                self._target.cancel(running[number].name, reason)


def _history(points: Sequence[Point]) -> History:
    """Step → value; the last of those that were logged under the same step counts."""
    return {int(step): value for step, value in points}
