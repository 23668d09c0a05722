"""Reads the declaration of a sweep, and finds everything that is wrong with it."""

from collections.abc import Iterator, Mapping
from math import prod
from typing import Any

from trainup.core import written
from trainup.core.input_values import Invalid, Whole, duration, filled
from trainup.core.sweeps import bayesian, places
from trainup.core.sweeps.declaration import MOST_TRIALS, Algorithm, Goal, Limits, Objective, Sampling, Sweep
from trainup.core.sweeps.distributions import Distribution
from trainup.core.sweeps.findings import Finding
from trainup.core.sweeps.policies import parse_policy
from trainup.core.sweeps.reading import Keys, named
from trainup.core.sweeps.spaces import parse_space

OBJECTIVE = "`objective: {primary_metric: accuracy, goal: maximize}` says which trial is the best"


def parse_sweep(given: Any) -> tuple[Sweep | None, list[Finding]]:
    """(the sweep, all findings); None with a finding. `given` has no unknown values."""
    findings: list[Finding] = []
    keys = Keys((), given, places.KEYS, findings, "a sweep")
    if not isinstance(given, Mapping):
        return None, findings
    sampling = _sampling(keys, findings)
    space: dict[str, Distribution] = {}
    if keys.value("search_space", lambda value: value, "it names the values that the sweep tries") is not None:
        space = parse_space(keys.plain("search_space"), ("search_space",), findings)
    objective = None
    if keys.value("objective", lambda value: value, OBJECTIVE) is not None:
        objective = _objective(keys.plain("objective"), findings)
    limits = _limits(keys.plain("limits"), findings) if "limits" in keys else Limits()
    policy = parse_policy(keys.plain("early_termination"), findings) if "early_termination" in keys else None
    if sampling is not None:
        findings += _cross(sampling, space, limits)
    if findings or sampling is None or objective is None or limits is None:
        return None, findings
    return Sweep(sampling, tuple(space.items()), objective, limits, policy), []


def _sampling(keys: Keys, findings: list[Finding]) -> Sampling | None:
    given = keys.plain("sampling_algorithm")
    parse = named(Algorithm, "sampling algorithm")
    if not isinstance(given, Mapping):
        why = f"it says how points are found: {', '.join(Algorithm)}"
        algorithm = keys.value("sampling_algorithm", parse, why)
        return None if algorithm is None else Sampling(algorithm)
    place = ("sampling_algorithm",)
    try:
        algorithm = parse(given.get("type"))
    except Invalid as error:
        findings.append(Finding((*place, "type"), str(error)))
        return None
    names = {
        Algorithm.GRID: ("type",),
        Algorithm.RANDOM: ("type", "seed", "rule", "logbase"),
        Algorithm.BAYESIAN: ("type", "seed"),
    }
    before = len(findings)
    inner = Keys(place, given, names[algorithm], findings, f"{algorithm} sampling")
    seed = inner.value("seed", Whole(0, 2**31 - 1, "it decides what is random"))
    inner.value("rule", _rule)
    inner.value("logbase", _logbase)
    return Sampling(algorithm, seed or 0) if len(findings) == before else None


def _rule(value: Any) -> None:
    if str(value).lower() != "random":
        raise Invalid(f"{written.shown(value)} is not supported, and `random` is: leave `rule` out")


def _logbase(value: Any) -> None:
    if value != "e":
        raise Invalid(f"{written.shown(value)} is not supported, and `e` is: leave `logbase` out")


def _objective(given: Any, findings: list[Finding]) -> Objective | None:
    keys = Keys(("objective",), given, ("primary_metric", "goal"), findings, "an objective")
    if not isinstance(given, Mapping):
        return None
    metric = keys.value("primary_metric", filled, "it names a metric that the trials log to MLflow")
    goal = keys.value("goal", named(Goal, "goal"), "it says which value is better: minimize or maximize")
    return None if metric is None or goal is None else Objective(metric, goal)


def _limits(given: Any, findings: list[Finding]) -> Limits | None:
    names = ("max_total_trials", "max_concurrent_trials", "timeout", "trial_timeout")
    before = len(findings)
    keys = Keys(("limits",), given, names, findings, "limits")
    total = keys.value("max_total_trials", Whole(1, MOST_TRIALS, "how many trials there are in all"))
    concurrent = keys.value("max_concurrent_trials", Whole(1, MOST_TRIALS, "how many trials run at a time"))
    timeout, trial_timeout = keys.value("timeout", duration), keys.value("trial_timeout", duration)
    if total is not None and concurrent is not None and concurrent > total:
        keys.problem(("max_concurrent_trials",), f"{concurrent} at a time are more than the {total} in all: lower it")
    if timeout is not None and trial_timeout is not None and trial_timeout > timeout:
        reason = f"a trial may take {trial_timeout:g} s and all of them {timeout:g} s, so none could use its time"
        keys.problem(("trial_timeout",), f"{reason}: lower it, or raise `timeout`")
    return Limits(total, concurrent, timeout, trial_timeout) if len(findings) == before else None


def _cross(sampling: Sampling, space: Mapping[str, Distribution], limits: Limits | None) -> Iterator[Finding]:
    algorithm = sampling.algorithm
    if algorithm is Algorithm.GRID:
        for name, distribution in space.items():
            if distribution.size is None:
                reason = f"a grid has every value, and {distribution.to_wire()['type']} has no end of them"
                yield Finding(("search_space", name), f"{reason}: give a list, a `q`, or take random sampling")
    if algorithm is Algorithm.BAYESIAN and (missing := bayesian.problem()):
        yield Finding(("sampling_algorithm",), missing)
    if limits is None or limits.max_total_trials is not None:
        return
    place = ("limits", "max_total_trials")
    sizes = [distribution.size for distribution in space.values()]
    size = prod(size or 1 for size in sizes)
    if algorithm is not Algorithm.GRID:
        yield Finding(place, f"it is missing, and {algorithm} sampling has no end by itself: say how many trials")
    elif None not in sizes and size > MOST_TRIALS:
        reason = f"the grid has {size:,} points, and a sweep at most {MOST_TRIALS:,} trials"
        yield Finding(place, f"{reason}: make it smaller, or say how many trials")
