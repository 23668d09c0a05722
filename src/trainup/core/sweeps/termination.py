"""Which trials end early, by the policies of Azure ML.

https://learn.microsoft.com/azure/machine-learning/how-to-tune-hyperparameters#early-termination
"""

import math
from collections.abc import Mapping, Sequence

from trainup.core.sweeps.declaration import Bandit, Goal, MedianStopping, Objective, Policy, Sweep, TruncationSelection
from trainup.core.trials import EARLY

History = Mapping[int, float]
"""Step → value of the primary metric, of one trial."""


def early_end(sweep: Sweep, number: int, histories: Mapping[int, History]) -> str | None:
    """Why a trial is to end now, in a sentence; None if it goes on or no policy is declared.

    `histories` has what every trial logged so far, by its number, those that have ended included. The sentence is
    `ended early: accuracy 0.31 by step 5 is below the median 0.62 of 4 trials`.

    A trial is judged at the last interval that it and another one have reached, by its best value so far, beside all
    trials that have reached it. What is no finite number is worse than any number.
    """
    policy = sweep.early_termination
    if policy is None or number not in histories:
        return None
    others = [len(history) for other, history in histories.items() if other != number]
    interval = _due(policy, min(len(histories[number]), max(others, default=0)))
    if interval is None:
        return None
    bests = {
        other: _best(sweep.objective, _first(history, interval))
        for other, history in histories.items()
        if len(history) >= interval
    }
    # What it logged since counts: nobody looks at every single value, and a trial that got better is to go on.
    bests[number] = _best(sweep.objective, [*histories[number].values()])
    reason = None
    if isinstance(policy, MedianStopping):
        averages = [_average(_first(histories[other], interval)) for other in bests]
        reason = _below_median(sweep.objective, bests[number], averages)
    elif isinstance(policy, Bandit):
        reason = _far_from_best(sweep.objective, policy, bests[number], [*bests.values()])
    elif isinstance(policy, TruncationSelection):
        reason = _among_worst(sweep.objective, policy, number, bests)
    if reason is None:
        return None
    step = max(histories[number])
    return f"{EARLY}{sweep.objective.primary_metric} {_text(bests[number])} by step {step} is {reason}"


def _due(policy: Policy, intervals: int) -> int | None:
    """The last of so many intervals at which trials are judged."""
    last = intervals - intervals % policy.evaluation_interval
    return last if last and last >= policy.delay_evaluation else None


def _first(history: History, count: int) -> list[float]:
    return [history[step] for step in sorted(history)[:count]]


def _best(objective: Objective, values: Sequence[float]) -> float | None:
    """The best of some values; None if none of them is a number."""
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return None
    return min(finite) if objective.goal is Goal.MINIMIZE else max(finite)


def _average(values: Sequence[float]) -> float | None:
    average = sum(values) / len(values)
    return average if math.isfinite(average) else None


def _is_worse(objective: Objective, value: float | None, other: float | None) -> bool:
    if value is None or other is None:
        return value is None and other is not None
    return value > other if objective.goal is Goal.MINIMIZE else value < other


def _ranked(objective: Objective, values: Sequence[float | None]) -> list[float | None]:
    """From the best to the worst."""
    sign = 1 if objective.goal is Goal.MINIMIZE else -1
    return sorted(values, key=lambda value: math.inf if value is None else sign * value)


def _below_median(objective: Objective, value: float | None, averages: Sequence[float | None]) -> str | None:
    ranked = _ranked(objective, averages)
    better, worse = ranked[(len(ranked) - 1) // 2], ranked[len(ranked) // 2]
    median = better if better is None or worse is None else better / 2 + worse / 2
    if not _is_worse(objective, value, median):
        return None
    return f"{_side(objective)} the median {_text(median)} of {_trials(len(ranked))}"


def _far_from_best(
    objective: Objective, policy: Bandit, value: float | None, values: Sequence[float | None]
) -> str | None:
    best = _ranked(objective, values)[0]
    if best is None:
        return None
    # For a best of 0.8 to maximize and a factor of 0.2, Azure ML ends what is below 0.8 / 1.2. The distance is taken
    # from the absolute value, or a negative best would end itself.
    if policy.slack_amount is not None:
        slack, name = policy.slack_amount, f"slack_amount {policy.slack_amount:g}"
    else:
        factor = policy.slack_factor or 0.0
        slack = abs(best) * (factor if objective.goal is Goal.MINIMIZE else factor / (1 + factor))
        name = f"slack_factor {factor:g}"
    limit = best + slack if objective.goal is Goal.MINIMIZE else best - slack
    if not _is_worse(objective, value, limit):
        return None
    return (
        f"{_side(objective)} {_text(limit)}, which the best of {_trials(len(values))}, {_text(best)}, allows by {name}"
    )


def _among_worst(
    objective: Objective, policy: TruncationSelection, number: int, bests: Mapping[int, float | None]
) -> str | None:
    count = len(bests) * policy.truncation_percentage // 100
    ranked = _ranked(objective, [*bests.values()])
    if not count or not _is_worse(objective, bests[number], ranked[-count - 1]):
        return None
    which = "highest" if objective.goal is Goal.MINIMIZE else "lowest"
    return f"among the {which} {policy.truncation_percentage} % of {_trials(len(bests))}"


def _side(objective: Objective) -> str:
    return "above" if objective.goal is Goal.MINIMIZE else "below"


def _trials(count: int) -> str:
    return f"{count} trial{'s' * (count != 1)}"


def _text(value: float | None) -> str:
    return "NaN" if value is None else f"{value:.4g}"
