"""The declaration of a sweep: what `sweep` says, in the words of Azure ML's sweep jobs."""

from dataclasses import dataclass, fields
from enum import StrEnum
from functools import cached_property
from math import prod
from typing import Any, ClassVar

from trainup.core.sweeps.distributions import Distribution

MOST_TRIALS = 10_000
"""A sweep has at most so many trials; each is a line of the stack's state."""
LEARNING_TRIALS = 4
"""How many trials of a bayesian sweep run at a time where nothing is said: more learn from fewer results."""


class Algorithm(StrEnum):
    """How the points of a sweep are found."""

    GRID = "grid"
    """Every combination, in the order in which the search space names them."""
    RANDOM = "random"
    BAYESIAN = "bayesian"
    """The results so far decide where to look next."""


class Goal(StrEnum):
    """Which value of the metric is better."""

    MINIMIZE = "minimize"
    MAXIMIZE = "maximize"


@dataclass(frozen=True)
class Sampling:
    """How points are found."""

    algorithm: Algorithm
    seed: int = 0
    """Decides what is random: the same seed finds the same points."""


@dataclass(frozen=True)
class Objective:
    """What a sweep looks for."""

    primary_metric: str
    """Name of a metric that the trials log to MLflow."""
    goal: Goal


@dataclass(frozen=True)
class Limits:
    """How much a sweep may run. Times are seconds; None means no limit."""

    max_total_trials: int | None = None
    max_concurrent_trials: int | None = None
    timeout: float | None = None
    """For the sweep as a whole: no trial starts afterwards, and those that run are canceled."""
    trial_timeout: float | None = None
    """For each trial."""


@dataclass(frozen=True, kw_only=True)
class Policy:
    """When trials are judged. An interval is one value of the primary metric that a trial logged."""

    type: ClassVar[str]
    """Azure ML's name of the policy."""
    evaluation_interval: int = 1
    """A trial is judged at every so many intervals."""
    delay_evaluation: int = 0
    """It is not judged before so many intervals."""


@dataclass(frozen=True, kw_only=True)
class MedianStopping(Policy):
    """Ends a trial whose best value is worse than the median of all trials' running averages."""

    type: ClassVar[str] = "median_stopping"


@dataclass(frozen=True, kw_only=True)
class Bandit(Policy):
    """Ends a trial that is too far from the best one: by a part of its value or by an amount."""

    type: ClassVar[str] = "bandit"
    slack_factor: float | None = None
    slack_amount: float | None = None


@dataclass(frozen=True, kw_only=True)
class TruncationSelection(Policy):
    """Ends the worst trials."""

    type: ClassVar[str] = "truncation_selection"
    truncation_percentage: int
    """How many of a hundred."""


@dataclass(frozen=True)
class Sweep:
    """A sweep whose declaration is right."""

    sampling: Sampling
    search_space: tuple[tuple[str, Distribution], ...]
    """(name, distribution), in the order of the declaration."""
    objective: Objective
    limits: Limits = Limits()
    early_termination: Policy | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The hyperparameters."""
        return tuple(name for name, _ in self.search_space)

    @cached_property
    def size(self) -> int | None:
        """How many points the search space has; None where there is no end of them."""
        sizes = [distribution.size for _, distribution in self.search_space]
        return None if None in sizes else prod(size for size in sizes if size is not None)

    @property
    def total(self) -> int:
        """How many trials the sweep has at most."""
        return min(value for value in (self.limits.max_total_trials, self.size, MOST_TRIALS) if value is not None)

    @property
    def concurrent(self) -> int:
        """How many trials run at a time at most; the cluster may have room for fewer."""
        usual = LEARNING_TRIALS if self.sampling.algorithm is Algorithm.BAYESIAN else self.total
        return min(self.limits.max_concurrent_trials or usual, self.total)

    def to_wire(self) -> dict[str, Any]:
        """The declaration as plain JSON values, which `parsing.parse_sweep` reads again. Defaults are left out."""
        sampling: Any = {"type": self.sampling.algorithm.value}
        if self.sampling.seed:
            sampling["seed"] = self.sampling.seed
        result: dict[str, Any] = {
            "sampling_algorithm": sampling,
            "search_space": {name: distribution.to_wire() for name, distribution in self.search_space},
            "objective": {"primary_metric": self.objective.primary_metric, "goal": self.objective.goal.value},
        }
        if limits := _given(self.limits):
            result["limits"] = limits
        if self.early_termination is not None:
            result["early_termination"] = {"type": self.early_termination.type, **_given(self.early_termination)}
        return result


def _given(declared: Limits | Policy) -> dict[str, Any]:
    """The fields that differ from their defaults."""
    values = {item.name: (getattr(declared, item.name), item.default) for item in fields(declared)}
    return {name: value for name, (value, default) in values.items() if value != default}
