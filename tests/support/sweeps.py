"""Sweeps that tests declare."""

from collections.abc import Callable
from typing import Any

from trainup.core.status import Status
from trainup.core.sweeps.declaration import Sweep
from trainup.core.sweeps.outcomes import Outcome, Point
from trainup.core.sweeps.parsing import parse_sweep
from trainup.core.sweeps.sampling import next_number, next_point

SPACE = {"lr": [0.1, 0.01], "batch": [16, 32, 64]}
OBJECTIVE = {"primary_metric": "accuracy", "goal": "maximize"}

EVERY_DISTRIBUTION: dict[str, Any] = {
    "list": [1, "two", 0.5],
    "choice": {"type": "choice", "values": [16, 32]},
    "randint": {"type": "randint", "upper": 10},
    "uniform": {"type": "uniform", "min_value": 0, "max_value": 0.5},
    "quniform": {"type": "quniform", "min_value": 10, "max_value": 100, "q": 10},
    "loguniform": {"type": "loguniform", "min_value": -6, "max_value": -1},
    "qloguniform": {"type": "qloguniform", "min_value": 0, "max_value": 3, "q": 0.5},
    "normal": {"type": "normal", "mu": 0, "sigma": 1},
    "qnormal": {"type": "qnormal", "mu": 10, "sigma": 3, "q": 1},
    "lognormal": {"type": "lognormal", "mu": -2, "sigma": 0.5},
    "qlognormal": {"type": "qlognormal", "mu": 3, "sigma": 1, "q": 2},
}
RANDOM = {"sampling_algorithm": {"type": "random", "seed": 1}, "limits": {"max_total_trials": 10}}


def declaration(**changes: Any) -> dict[str, Any]:
    """A right declaration of a grid, with changes; a change to None leaves a key out."""
    whole = {"sampling_algorithm": "grid", "search_space": SPACE, "objective": OBJECTIVE, **changes}
    return {name: value for name, value in whole.items() if value is not None}


def sweep(**changes: Any) -> Sweep:
    """A sweep; arguments as for `declaration`."""
    parsed, findings = parse_sweep(declaration(**changes))
    assert parsed is not None, findings
    return parsed


def findings(**changes: Any) -> list[str]:
    """The findings about a declaration, as `key: sentence`."""
    return [f"{one.key}: {one.reason}" for one in parse_sweep(declaration(**changes))[1]]


def completed(number: int, point: Point, value: float | None = 0.5) -> Outcome:
    """A trial that completed."""
    return Outcome(number, point, Status.COMPLETED, value)


def run_all(
    declared: Sweep, begun: list[Outcome] | None = None, value: Callable[[Point], float] = lambda point: 0.5
) -> list[Outcome]:
    """Every trial of a sweep, one after the other."""
    outcomes = [*(begun or [])]
    while (point := next_point(declared, outcomes)) is not None:
        assert isinstance(point, dict), "no trial runs that has to be waited for"
        outcomes.append(completed(next_number(outcomes), point, value(point)))
    return outcomes


def points(outcomes: list[Outcome]) -> list[Point]:
    """The points of trials."""
    return [outcome.point for outcome in outcomes]
