"""Ends trials early: reads what running trials log, and cancels those that the sweep's policy gives up."""

import contextlib
import time
from collections.abc import Mapping

from trainup.core.errors import TrainupError
from trainup.core.sweeps.declaration import Sweep
from trainup.core.sweeps.termination import History, early_end
from trainup.jobs.sweeps.trials import KnownTrial
from trainup.jobs.target import Target

LOOKS = 10
"""How many of the shortest regular looks at a run lie between two looks at the metrics."""


class Judge:
    """Judges the trials of one sweep. Used by one thread at a time."""

    def __init__(self, target: Target, sweep: Sweep) -> None:
        self._target, self._sweep = target, sweep
        self._metric = sweep.objective.primary_metric
        self._pause = target.polling.running * LOOKS
        self._next = time.monotonic() + self._pause
        self._ended: dict[int, History] = {}
        """Number → history, of trials that have ended: it does not change any more."""

    @property
    def is_due(self) -> bool:
        """Whether it is time to look again; never where nothing is declared."""
        return self._sweep.early_termination is not None and time.monotonic() >= self._next

    def judge(self, running: Mapping[int, str], trials: Mapping[int, KnownTrial]) -> None:
        """Cancel the trials that do badly; `running` has number → attempt. What cannot be read now is read later."""
        with contextlib.suppress(TrainupError):
            self._judge(running, trials)
        self._next = time.monotonic() + self._pause

    def _judge(self, running: Mapping[int, str], trials: Mapping[int, KnownTrial]) -> None:
        over = {
            number: trial.name
            for number, trial in trials.items()
            if trial.status.is_terminal and trial.name and number not in self._ended and number not in running
        }
        logged = self._target.histories([*running.values(), *over.values()], self._metric)
        self._ended |= {number: logged.get(name, {}) for number, name in over.items()}
        now = {number: logged.get(name, {}) for number, name in running.items()}
        histories = {number: history for number, history in {**self._ended, **now}.items() if history}
        for number in now.keys() & histories.keys():
            if reason := early_end(self._sweep, number, histories):
                self._target.cancel(running[number], reason)
