"""Which point a sweep tries next: a pure function of its declaration and of the trials that were begun.

So a sweep goes on where it was killed, and the same declaration finds the same points on every machine.
"""

import hashlib
import threading
from collections.abc import Iterable, Iterator, Sequence
from enum import Enum
from functools import lru_cache

from trainup.core.sweeps import bayesian
from trainup.core.sweeps.declaration import Algorithm, Sweep
from trainup.core.sweeps.outcomes import Key, Outcome, Point, key_of

MOST_REPEATS = 100
"""So many random points in a row that were drawn before mean that there are few others."""


class Wait(Enum):
    """In place of a point."""

    WAIT = "wait"
    """The next point depends on trials that still run: ask again when one has ended."""


WAIT = Wait.WAIT


def next_point(sweep: Sweep, outcomes: Sequence[Outcome]) -> Point | Wait | None:
    """The point of the next trial; None when the sweep has no more.

    `outcomes` are all trials that were begun, in any order, those that still run included. The next one gets
    `next_number`.
    """
    begun = kept(sweep, outcomes)
    if len(begun) >= sweep.total:
        return None
    if sweep.sampling.algorithm is Algorithm.BAYESIAN:
        begun.sort(key=lambda outcome: outcome.number)
        if not bayesian.is_ready(sweep, begun):
            return WAIT
        if (point := bayesian.propose(sweep, begun)) is not None:
            return point
    return next(_others(sweep, begun), None)


def next_number(outcomes: Iterable[Outcome]) -> int:
    """The number of the next trial: one more than any that was given."""
    return max((outcome.number for outcome in outcomes), default=-1) + 1


def kept(sweep: Sweep, outcomes: Iterable[Outcome]) -> list[Outcome]:
    """The trials whose points are in the search space as it is declared now; others are of an earlier one."""
    points = _Points.of(sweep)
    return [outcome for outcome in outcomes if outcome.key in points.keys or is_in(sweep, outcome.point)]


def is_in(sweep: Sweep, point: Point) -> bool:
    """Whether the search space holds a point."""
    return len(point) == len(sweep.search_space) and all(
        name in point and distribution.holds(point[name]) for name, distribution in sweep.search_space
    )


def planned(sweep: Sweep, outcomes: Iterable[Outcome]) -> list[Point]:
    """The points that are still to be tried, in their order. Those of bayesian sampling depend on results: none."""
    begun = kept(sweep, outcomes)
    if sweep.sampling.algorithm is Algorithm.BAYESIAN:
        return []
    others = _others(sweep, begun)
    return [point for _, point in zip(range(sweep.total - len(begun)), others, strict=False)]


def _others(sweep: Sweep, begun: Iterable[Outcome]) -> Iterator[Point]:
    """The points that no trial has, without end where the space has none."""
    keys = {outcome.key for outcome in begun}
    for key, point in _Points.of(sweep):
        if key not in keys:
            yield point


class _Points:
    """The points of a sweep in their order. They are found once for all questions about the same sweep."""

    def __init__(self, sweep: Sweep) -> None:
        is_grid = sweep.sampling.algorithm is Algorithm.GRID
        self._lock = threading.Lock()
        self._source = _grid(sweep) if is_grid else _random(sweep)
        self._points: list[tuple[Key, Point]] = []
        self.keys: set[Key] = set()
        """What tells the points apart that were found so far."""

    @staticmethod
    @lru_cache(maxsize=16)
    def of(sweep: Sweep) -> "_Points":
        return _Points(sweep)

    def __iter__(self) -> Iterator[tuple[Key, Point]]:
        index = 0
        while index < len(self._points) or self._grow(index):
            yield self._points[index]
            index += 1

    def _grow(self, index: int) -> bool:
        """Find the point at an index; False if there are no more. Sweeps of several threads may share their points."""
        with self._lock:
            point = None if index < len(self._points) else next(self._source, None)
            if point is not None:
                self.keys.add(key_of(point))
                self._points.append((key_of(point), point))
            return index < len(self._points)


def _grid(sweep: Sweep) -> Iterator[Point]:
    """Every combination; the last hyperparameter changes fastest."""
    for index in range(sweep.size or 0):
        point, rest = {}, index
        for name, distribution in reversed(sweep.search_space):
            rest, place = divmod(rest, distribution.size or 1)
            point[name] = distribution.at(place)
        yield {name: point[name] for name in sweep.names}


def _random(sweep: Sweep) -> Iterator[Point]:
    """Points at random, each once; where few are left, these in the order of a grid."""
    seen: set[Key] = set()
    index = repeats = 0
    while repeats < MOST_REPEATS:
        point = {name: distribution.draw(_part(sweep, index, name)) for name, distribution in sweep.search_space}
        index += 1
        if (key := key_of(point)) in seen:
            repeats += 1
            continue
        repeats = 0
        seen.add(key)
        yield point
    yield from (point for point in _grid(sweep) if key_of(point) not in seen)


def _part(sweep: Sweep, index: int, name: str) -> float:
    """A random number from 0 to 1, without 1.

    It depends on nothing but the seed, the place in the sequence and the name: so a change of one hyperparameter leaves
    the values of the others alone. Python's own generator may draw differently in another version.
    """
    digest = hashlib.sha256(f"{sweep.sampling.seed}\0{index}\0{name}".encode()).digest()
    return (int.from_bytes(digest[:8], "big") >> 11) / 2**53
