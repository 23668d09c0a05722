"""Phases that took much longer than they did before: a pure comparison with the earlier runs of a stack."""

import statistics
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

LEAST_RUNS = 3
"""Earlier runs from which on there is something to compare with."""
LAST = 10
"""Earlier runs that count: what was usual long ago is not usual now."""
TIMES = 3.0
"""A slow phase takes at least so many times the median of earlier runs."""
SECONDS = 30.0
"""It also takes at least so much longer than the median, or nobody would mind."""
UNUSUAL = 2.0
"""And so many times the upper quartile: where one run in four waits for a new node, that is no surprise."""
SHARED = ("preparing", "finalizing")
"""Phases that take as long for any run of a stack. How long one waits and trains is a matter of its own."""
NAMES = {
    "queued": "waiting for nodes",
    "preparing": "preparation (image pull)",
    "running": "the command",
    "finalizing": "collecting results",
}
"""Phase → its name for people."""


@dataclass(frozen=True)
class SlowPhase:
    """A phase that takes much longer than it did."""

    phase: str
    seconds: float
    usual: float
    """Median of the earlier runs, in seconds."""
    runs: int
    """How many earlier runs there are."""
    is_over: bool = True
    """Whether it has ended."""

    @property
    def text(self) -> str:
        """`preparation (image pull) took 6 m 0 s, was 40.0 s in the last 5 runs`."""
        verb = "took" if self.is_over else "takes longer than"
        name = NAMES.get(self.phase, self.phase)
        return f"{name} {verb} {length(self.seconds)}, was {length(self.usual)} in the last {self.runs} runs"


class Usual:
    """How long the phases of a stack's runs usually take, by those that completed before."""

    def __init__(self) -> None:
        self._of_run: dict[tuple[str, str], deque[tuple[str, float]]] = {}
        self._of_all: dict[str, deque[tuple[str, float]]] = {}

    def add(self, run: str, name: str, phases: Mapping[str, float]) -> None:
        """Count a completed attempt of a run, by its name; the oldest comes first."""
        for phase, seconds in phases.items():
            self._of_run.setdefault((run, phase), deque(maxlen=LAST + 1)).append((name, seconds))
            self._of_all.setdefault(phase, deque(maxlen=LAST + 1)).append((name, seconds))

    def slow(self, run: str, name: str, phases: Mapping[str, float], present: str | None = None) -> list[SlowPhase]:
        """The slow ones of an attempt's phases, compared with others; `present` is the one that goes on.

        Earlier runs of the same name are compared with, or any of the stack where they are too few and it is no matter.
        """
        result = []
        for phase, seconds in phases.items():
            before = _others(self._of_run.get((run, phase), ()), name)
            if len(before) < LEAST_RUNS and phase in SHARED:
                before = _others(self._of_all.get(phase, ()), name)
            limit = threshold(before)
            if limit is not None and seconds > limit:
                result.append(SlowPhase(phase, seconds, statistics.median(before), len(before), phase != present))
        return result


def _others(counted: Iterable[tuple[str, float]], name: str) -> list[float]:
    """The seconds of the last attempts but this one."""
    return [seconds for other, seconds in counted if other != name][-LAST:]


def threshold(earlier: Sequence[float]) -> float | None:
    """Seconds from which on a phase is slow, by those of earlier runs; None with too few of them."""
    if len(earlier) < LEAST_RUNS:
        return None
    median, upper = statistics.median(earlier), statistics.quantiles(earlier, n=4, method="inclusive")[2]
    return max(TIMES * median, median + SECONDS, UNUSUAL * upper)


def length(seconds: float) -> str:
    """`3 m 20 s`; less than a minute with one decimal."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} m" if hours else f"{minutes} m {rest} s"
