"""Phases that took much longer than they did before: a pure comparison with the earlier runs of a stack."""

import statistics
from collections.abc import Mapping, Sequence
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


def threshold(phase: str, earlier: Sequence[Mapping[str, float]]) -> float | None:
    """Seconds from which on a phase is slow, by the phases of earlier runs, oldest first; None with too few of them."""
    seconds = [one[phase] for one in earlier if phase in one][-LAST:]
    if len(seconds) < LEAST_RUNS:
        return None
    median, upper = statistics.median(seconds), statistics.quantiles(seconds, n=4, method="inclusive")[2]
    return max(TIMES * median, median + SECONDS, UNUSUAL * upper)


def slow(
    phases: Mapping[str, float], earlier: Sequence[Mapping[str, float]], present: str | None = None
) -> list[SlowPhase]:
    """The slow ones of a run's phases; `present` is the one that goes on."""
    result = []
    for phase, seconds in phases.items():
        limit = threshold(phase, earlier)
        if limit is not None and seconds > limit:
            before = [one[phase] for one in earlier if phase in one][-LAST:]
            result.append(SlowPhase(phase, seconds, statistics.median(before), len(before), phase != present))
    return result


def length(seconds: float) -> str:
    """`3 m 20 s`; less than a minute with one decimal."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} m" if hours else f"{minutes} m {rest} s"
