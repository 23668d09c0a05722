"""What is told of each mistake in the declaration of a sweep."""

from typing import Any

import pytest

from tests.support.sweeps import EVERY_DISTRIBUTION, RANDOM, findings
from trainup.core.sweeps import bayesian
from trainup.core.sweeps.parsing import parse_sweep
from trainup.core.values import Secret
from trainup.core.written import WrittenOther


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        # the space
        ({"search_space": None}, "search_space: it is missing; it names the values that the sweep tries"),
        ({"search_space": {}}, "search_space: it is empty, so there is nothing to try"),
        ({"search_space": [1]}, "search_space: [1] is no map; a search space is name: [values], or name: {type: …}"),
        ({"search_space": {"lr": []}}, "search_space.lr: it is empty, so there is nothing to try"),
        ({"search_space": {"lr": 0.1}}, "search_space.lr: 0.1 is one value, and a sweep tries several"),
        ({"search_space": {"lr": None}}, "search_space.lr: null is one value, and a sweep tries several"),
        ({"search_space": {"l r": [1]}}, "search_space.l r: 'l r' is no name for a hyperparameter"),
        ({"search_space": {"lr": [0.1, 0.10]}}, "search_space.lr.1: 0.1 stands in the list already"),
        ({"search_space": {"lr": [1, "1"]}}, "search_space.lr.1: 1 stands in the list already"),
        (
            {"search_space": {"lr": [True]}},
            "search_space.lr.0: true is a boolean in YAML: put in quotes what is meant, 'true' or 'True'",
        ),
        ({"search_space": {"lr": [WrittenOther(True, "yes")]}}, "search_space.lr.0: yes is a boolean in YAML"),
        ({"search_space": {"lr": [None]}}, "search_space.lr.0: null is neither a text nor a number"),
        ({"search_space": {"lr": [[1]]}}, "search_space.lr.0: [1] is neither a text nor a number"),
        ({"search_space": {"lr": [{"a": 1}]}}, "search_space.lr.0: it is a map: values within values"),
        ({"search_space": {"lr": [" "]}}, "search_space.lr.0: ' ' is blank"),
        ({"search_space": {"lr": [float("nan")]}}, "search_space.lr.0: nan is no finite number"),
        ({"search_space": {"lr": [2**60]}}, "search_space.lr.0: 1152921504606846976 is too large to stay exact"),
        ({"search_space": {"lr": [Secret("x")]}}, "search_space.lr.0: a secret would be readable"),
        ({"search_space": {"lr": Secret([1])}}, "search_space.lr: a secret would be readable"),
        ({"search_space": {"lr": {"type": "unifrm"}}}, "did you mean uniform?"),
        ({"search_space": {"lr": {"min_value": 0}}}, "search_space.lr.type: it is missing"),
        ({"search_space": {"lr": {"kind": "uniform"}}}, "search_space.lr.type: it is missing"),
        ({"search_space": {"lr": {"type": "choice"}}}, "search_space.lr.values: it is missing"),
        ({"search_space": {"lr": {"type": "choice", "value": [1]}}}, "did you mean values?"),
        ({"search_space": {"lr": {"type": "choice", "values": 3}}}, "search_space.lr.values: 3 is no list of values"),
        ({"search_space": {"lr": {"type": "randint", "upper": 0}}}, "search_space.lr.upper: 0 is out of range"),
        ({"search_space": {"lr": {"type": "randint", "upper": 1.5}}}, "search_space.lr.upper: 1.5 is no whole number"),
        (
            {"search_space": {"lr": {"type": "randint", "uper": 3}}},
            "search_space.lr.uper: the type randint has no such",
        ),
        (
            {"search_space": {"lr": {"type": "quniform", "min_value": 0, "max_value": 1}}},
            "search_space.lr.q: it is missing; values are multiples of it",
        ),
        (
            {"search_space": {"lr": {"type": "quniform", "min_value": 0, "max_value": 1, "q": 0}}},
            "search_space.lr.q: 0 is out of range: it is more than 0",
        ),
        (
            {"search_space": {"lr": {"type": "quniform", "min_value": 0, "max_value": 1, "q": 5}}},
            "search_space.lr.q: all values are rounded to a multiple of 5, and so to one",
        ),
        (
            {"search_space": {"lr": {"type": "quniform", "min_value": 0, "max_value": 1, "q": 1e-300}}},
            "search_space.lr.q: there are too many multiples of 1e-300",
        ),
        # endless
        (
            {"search_space": {"lr": EVERY_DISTRIBUTION["uniform"]}},
            "search_space.lr: a grid has every value, and uniform "
            "has no end of them: give a list, a `q`, or take random sampling",
        ),
        (
            {"search_space": {"lr": EVERY_DISTRIBUTION["qnormal"]}},
            "search_space.lr: a grid has every value, and qnormal",
        ),
        (
            {"search_space": {"a": {"type": "randint", "upper": 200}, "b": {"type": "randint", "upper": 200}}},
            "limits.max_total_trials: the grid has 40,000 points, and a sweep at most 10,000 trials",
        ),
        ({"sampling_algorithm": "random"}, "limits.max_total_trials: it is missing, and random sampling has no end"),
        (
            {"sampling_algorithm": "bayesian"},
            "limits.max_total_trials: it is missing, and bayesian sampling has no end",
        ),
        # sampling
        ({"sampling_algorithm": None}, "sampling_algorithm: it is missing; it says how points are found: grid, random"),
        (
            {"sampling_algorithm": "gird"},
            "sampling_algorithm: 'gird' is no sampling algorithm; there are grid, random, bayesian: did you mean grid?",
        ),
        ({"sampling_algorithm": 3}, "sampling_algorithm: 3 is no sampling algorithm"),
        ({"sampling_algorithm": {"seed": 3}}, "sampling_algorithm.type: it is missing"),
        ({"sampling_algorithm": {"type": "grid", "seed": 3}}, "sampling_algorithm.seed: grid sampling has no such key"),
        (
            {**RANDOM, "sampling_algorithm": {"type": "random", "seed": -1}},
            "sampling_algorithm.seed: -1 is out of range",
        ),
        (
            {**RANDOM, "sampling_algorithm": {"type": "random", "rule": "sobol"}},
            "sampling_algorithm.rule: 'sobol' is not supported",
        ),
        (
            {**RANDOM, "sampling_algorithm": {"type": "random", "logbase": 10}},
            "sampling_algorithm.logbase: 10 is not supported",
        ),
        # objective
        ({"objective": None}, "objective: it is missing; `objective: {primary_metric: accuracy, goal: maximize}`"),
        ({"objective": "accuracy"}, "objective: 'accuracy' is no map; an objective has primary_metric, goal"),
        ({"objective": {"goal": "maximize"}}, "objective.primary_metric: it is missing; it names a metric"),
        ({"objective": {"primary_metric": " ", "goal": "maximize"}}, "objective.primary_metric: it is empty"),
        ({"objective": {"primary_metric": "a"}}, "objective.goal: it is missing; it says which value is better"),
        ({"objective": {"primary_metric": "a", "goal": "maximise"}}, "did you mean maximize?"),
        ({"objective": {"metric": "a", "goal": "maximize"}}, "did you mean primary_metric?"),
        # limits
        ({"limits": []}, "limits: [] is no map"),
        ({"limits": {"max_trials": 3}}, "limits.max_trials: limits has no such key"),
        ({"limits": {"max_total_trials": 0}}, "limits.max_total_trials: 0 is out of range"),
        ({"limits": {"max_total_trials": -3}}, "limits.max_total_trials: -3 is out of range"),
        ({"limits": {"max_total_trials": 10_001}}, "limits.max_total_trials: 10001 is out of range"),
        ({"limits": {"max_total_trials": "3"}}, "limits.max_total_trials: '3' is no whole number"),
        ({"limits": {"max_concurrent_trials": 0}}, "limits.max_concurrent_trials: 0 is out of range"),
        (
            {"limits": {"max_total_trials": 2, "max_concurrent_trials": 3}},
            "limits.max_concurrent_trials: 3 at a time are more than the 2 in all",
        ),
        (
            {"limits": {"timeout": "1h", "trial_timeout": "2h"}},
            "limits.trial_timeout: a trial may take 7200 s and all of them 3600 s",
        ),
        ({"limits": {"timeout": 0}}, "limits.timeout: 0 is no usable length of time"),
        ({"limits": {"trial_timeout": "-5m"}}, "limits.trial_timeout: '-5m' is no length of time"),
        # early termination
        ({"early_termination": "bandit"}, "early_termination: 'bandit' is no map"),
        ({"early_termination": {}}, "early_termination.type: it is missing"),
        (
            {"early_termination": {"type": "median"}},
            "early_termination.type: 'median' is no policy of early termination",
        ),
        (
            {"early_termination": {"type": "bandit"}},
            "early_termination: bandit has either `slack_factor` or `slack_amount`",
        ),
        ({"early_termination": {"type": "bandit", "slack_factor": 1, "slack_amount": 1}}, "; both are given"),
        ({"early_termination": {"type": "bandit", "slack_factor": -1}}, "early_termination.slack_factor: -1 is out of"),
        ({"early_termination": {"type": "bandit", "slack_amount": 0}}, "early_termination.slack_amount: 0 is out of"),
        (
            {"early_termination": {"type": "truncation_selection"}},
            "early_termination.truncation_percentage: it is missing",
        ),
        ({"early_termination": {"type": "truncation_selection", "truncation_percentage": 0}}, "0 is out of range"),
        ({"early_termination": {"type": "truncation_selection", "truncation_percentage": 100}}, "100 is out of range"),
        (
            {"early_termination": {"type": "median_stopping", "evaluation_interval": 0}},
            "early_termination.evaluation_interval: 0 is out of range",
        ),
        (
            {"early_termination": {"type": "median_stopping", "delay_evaluation": -1}},
            "early_termination.delay_evaluation:",
        ),
        ({"early_termination": {"type": "median_stopping", "slack_factor": 1}}, "median_stopping has no such key"),
        # the whole
        ({"search_spaces": {}}, "search_spaces: a sweep has no such key; there are sampling_algorithm, search_space"),
    ],
)
def test_a_mistake_is_told_once(changes: dict[str, Any], says: str) -> None:
    told = findings(**changes)
    assert len(told) == 1, told
    assert says in told[0]


@pytest.mark.parametrize("kind", ["uniform", "quniform", "loguniform", "qloguniform"])
def test_the_ends_of_a_range_are_in_their_order(kind: str) -> None:
    step = {"q": 0.1} if kind.startswith("q") else {}
    for low, high in ((1, 1), (2, 1)):
        (told,) = findings(**RANDOM, search_space={"a": {"type": kind, "min_value": low, "max_value": high, **step}})
        assert f"search_space.a.min_value: {low} is not less than `max_value`, {high}" in told


def test_exponents_that_no_number_holds_are_told_with_what_may_be_meant() -> None:
    told = findings(
        **RANDOM,
        search_space={
            "a": {"type": "loguniform", "min_value": 1, "max_value": 1000},
            "b": {"type": "lognormal", "mu": 1000, "sigma": 1},
        },
    )
    assert told == [
        "search_space.a.max_value: 1000 is an exponent of e, and beyond what is a number: for 1000 itself write its "
        "logarithm, 6.908",
        "search_space.b.mu: lognormal takes exponents of e, and values would be too large: for 1000 itself write its "
        "logarithm, 6.908",
    ]


def test_a_wrong_limit_is_not_said_to_be_missing_as_well() -> None:
    (told,) = findings(sampling_algorithm="random", limits={"max_total_trials": 0})
    assert told.startswith("limits.max_total_trials: 0 is out of range")


def test_all_mistakes_come_at_once() -> None:
    told = findings(
        sampling_algorithm="gird",
        search_space={"lr": {"type": "unifrm"}, "batch": []},
        objective={"goal": "max"},
        limits={"max_total_trials": 2, "max_concurrent_trials": 3, "timeout": "x"},
        early_termination={"type": "truncation_selection", "truncation_percentage": 0, "evaluation_interval": 0},
    )
    assert [line.split(":")[0] for line in told] == [
        "sampling_algorithm",
        "search_space.lr.type",
        "search_space.batch",
        "objective.primary_metric",
        "objective.goal",
        "limits.timeout",
        "limits.max_concurrent_trials",
        "early_termination.evaluation_interval",
        "early_termination.truncation_percentage",
    ]


@pytest.mark.parametrize("given", [None, [], "grid", 3, Secret({})])
def test_what_is_no_map_is_no_sweep(given: Any) -> None:
    parsed, (finding,) = parse_sweep(given)
    assert parsed is None
    assert "is no map; a sweep has sampling_algorithm, search_space" in finding.reason


def test_bayesian_sampling_without_optuna_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bayesian.importlib.util, "find_spec", lambda name: None)
    (told,) = findings(sampling_algorithm="bayesian", limits={"max_total_trials": 3})
    assert "sampling_algorithm: bayesian sampling needs Optuna, which is not installed" in told
    assert "pip install 'trainup[sweep]'" in told
