"""What is known of the trials of a sweep: which is the best, and why they failed."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from trainup.core.failure import Failure
from trainup.core.status import Status
from trainup.core.sweeps.declaration import Goal, Objective
from trainup.core.sweeps.distributions import Value, text_of

_OF_ONE_TRIAL = re.compile(r"[0-9a-f]{8,}|(?<!exit code )(?<!status code )(?<!\d)\d+")
"""What differs between messages of the same cause: ids, values, times; another exit code is another cause."""
Point = Mapping[str, Value]
"""Name of each hyperparameter → its value."""
Key = tuple[tuple[str, str], ...]
"""What tells points apart: equal keys fill in the same command, and so are the same trial."""


def key_of(point: Point) -> Key:
    """The names and values of a point as texts, in the order of the names."""
    return tuple((name, text_of(point[name])) for name in sorted(point))


@dataclass(frozen=True)
class Outcome:
    """A trial that was begun, as far as it is known."""

    number: int
    """Its place in the sweep, from 0; it never changes."""
    point: Point
    status: Status
    value: float | None = None
    """The best value of the primary metric that it logged (`best_value`); None if it logged none."""
    failure: Failure | None = None

    @cached_property
    def key(self) -> Key:
        """What tells its point from others."""
        return key_of(self.point)


def best_value(objective: Objective, values: Iterable[float]) -> float | None:
    """The best of the values that a trial logged: NaN if it logged no number, None if it logged nothing."""
    given = list(values)
    numbers = [value for value in given if math.isfinite(value)]
    if not numbers:
        return math.nan if given else None
    return min(numbers) if objective.goal is Goal.MINIMIZE else max(numbers)


def best(objective: Objective, outcomes: Iterable[Outcome]) -> Outcome | None:
    """The completed trial with the best value; the first one of equal trials. NaN and no value are never the best."""
    sign = 1 if objective.goal is Goal.MINIMIZE else -1
    ranked = [
        (sign * outcome.value, outcome.number, outcome)
        for outcome in outcomes
        if outcome.status is Status.COMPLETED and outcome.value is not None and math.isfinite(outcome.value)
    ]
    return min(ranked, key=lambda item: item[:2])[2] if ranked else None


def commonest_cause(outcomes: Iterable[Outcome]) -> str | None:
    """Why a sweep failed whose trials all did, in a sentence; None if a trial completed or none has ended."""
    ended = [outcome for outcome in outcomes if outcome.status.is_terminal]
    failures = [outcome.failure for outcome in ended if outcome.failure is not None]
    if not failures or any(outcome.status is Status.COMPLETED for outcome in ended):
        return None
    kinds = Counter((one.failure_class, _OF_ONE_TRIAL.sub("#", one.message)) for one in failures)
    kind, count = kinds.most_common(1)[0]
    first = next(one for one in failures if (one.failure_class, _OF_ONE_TRIAL.sub("#", one.message)) == kind)
    if len(ended) == 1:
        return f"the only trial did not complete: {first.message}: {first.remedy}"
    how_many = "all of them" if count == len(ended) else f"{count} of them"
    return f"none of {len(ended)} trials completed, {how_many} for this reason: {first.message}: {first.remedy}"
