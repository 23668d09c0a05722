"""Bayesian sampling: Optuna's tree-structured Parzen estimator, rebuilt from the results for every question.

Which results count is decided by numbers and not by time: with two trials at a time, trial 7 learns from trials 0 to 5.
So the points are the same after a kill, however fast the trials were.
"""

import hashlib
import importlib.util
import math
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from trainup.core.errors import UserError
from trainup.core.status import Status
from trainup.core.sweeps.declaration import Goal, Sweep
from trainup.core.sweeps.distributions import Choice, Distribution, Value
from trainup.core.sweeps.outcomes import Outcome, Point, key_of

RANDOM_TRIALS = 5
"""So many results are drawn at random, before there is something to learn from."""
TRIES = 20
"""So many times another point is asked for where the one that was found is a trial already."""
MISSING = (
    "bayesian sampling needs Optuna, which is not installed: `pip install 'trainup[sweep]'`, or take random sampling"
)


def problem() -> str | None:
    """Why this machine cannot sample, or None."""
    return None if importlib.util.find_spec("optuna") else MISSING


def is_ready(sweep: Sweep, begun: Sequence[Outcome]) -> bool:
    """Whether all trials that the next one learns from have ended. `begun` is in the order of the numbers."""
    return all(outcome.status.is_terminal for outcome in _known(sweep, begun))


def propose(sweep: Sweep, begun: Sequence[Outcome]) -> Point | None:
    """A point that no trial has; None where none was found. UserError without Optuna."""
    if reason := problem():
        raise UserError(reason)
    _quiet()
    keys = {outcome.key for outcome in begun}
    for attempt in range(TRIES):
        point = _asked(sweep, begun, _seed(sweep, len(begun), attempt))
        if key_of(point) not in keys:
            return point
    return None


def _seed(sweep: Sweep, number: int, attempt: int) -> int:
    """A seed of its own for each question."""
    digest = hashlib.sha256(f"{sweep.sampling.seed}\0{number}\0{attempt}".encode()).digest()
    return int.from_bytes(digest[:4], "big")


def _quiet() -> None:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    # The estimator's handling of trials that still run is marked as experimental.
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)


def _known(sweep: Sweep, begun: Sequence[Outcome]) -> Sequence[Outcome]:
    return begun[: max(0, len(begun) - sweep.concurrent + 1)]


def _asked(sweep: Sweep, begun: Sequence[Outcome], seed: int) -> Point:
    import optuna

    known = len(_known(sweep, begun))
    sampler = optuna.samplers.TPESampler(
        seed=seed, n_startup_trials=RANDOM_TRIALS, multivariate=True, constant_liar=True
    )
    direction = "minimize" if sweep.objective.goal is Goal.MINIMIZE else "maximize"
    study = optuna.create_study(sampler=sampler, direction=direction)
    distributions = {name: _distribution(one) for name, one in sweep.search_space}
    study.add_trials([_trial(sweep, outcome, distributions, index < known) for index, outcome in enumerate(begun)])
    parameters = study.ask(distributions).params
    return {name: _value(one, parameters[name]) for name, one in sweep.search_space}


def _trial(sweep: Sweep, outcome: Outcome, distributions: Mapping[str, Any], is_known: bool) -> Any:
    """A trial as Optuna has it. One without a result counts as worse than all with one."""
    import optuna

    State = optuna.trial.TrialState
    value = outcome.value if outcome.value is not None and math.isfinite(outcome.value) else None
    is_result = is_known and outcome.status is Status.COMPLETED and value is not None
    state = State.COMPLETE if is_result else State.PRUNED if is_known else State.RUNNING
    parameters = {name: one.place_of(outcome.point[name]) for name, one in sweep.search_space}
    return optuna.trial.create_trial(
        state=state,
        params=parameters,
        distributions=dict(distributions),
        value=value if is_result else None,
        # How far it got; of trials without a number, none is better than another.
        intermediate_values={0: value} if is_known and value is not None else None,
    )


def _distribution(declared: Distribution) -> Any:
    """What Optuna searches: one of the values, or how far a number is on its way through the range."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution

    return CategoricalDistribution(range(declared.size)) if isinstance(declared, Choice) else FloatDistribution(0, 1)


def _value(declared: Distribution, parameter: float) -> Value:
    return declared.at(int(parameter)) if isinstance(declared, Choice) else declared.draw(parameter)
