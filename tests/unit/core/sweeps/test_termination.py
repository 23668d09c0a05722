"""Which trials end early, by the policies of Azure ML."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.sweeps import sweep
from trainup.core.sweeps.termination import History, early_end

MEDIAN = {"type": "median_stopping"}
NUMBERS = st.floats(allow_nan=True, allow_infinity=True)
HISTORIES = st.dictionaries(
    st.integers(0, 9), st.dictionaries(st.integers(0, 50), NUMBERS, min_size=1, max_size=8), min_size=1, max_size=8
)
POLICIES = st.sampled_from(
    [
        MEDIAN,
        {"type": "bandit", "slack_factor": 0.2},
        {"type": "bandit", "slack_amount": 0.5},
        {"type": "truncation_selection", "truncation_percentage": 30},
    ]
)


def curve(*values: float) -> History:
    return {5 * index: value for index, value in enumerate(values, start=1)}


def end(policy: dict[str, Any], number: int, *curves: History, goal: str = "maximize") -> str | None:
    objective = {"primary_metric": "accuracy", "goal": goal}
    return early_end(sweep(early_termination=policy, objective=objective), number, dict(enumerate(curves)))


def test_without_a_policy_every_trial_goes_on() -> None:
    assert early_end(sweep(), 0, {0: {1: 0.1}, 1: {1: 0.9}}) is None


def test_a_trial_below_the_median_of_the_running_averages_ends() -> None:
    curves = curve(0.31), curve(0.60), curve(0.64), curve(0.90)
    assert end(MEDIAN, 0, *curves) == "ended early: accuracy 0.31 by step 5 is below the median 0.62 of 4 trials"
    assert [end(MEDIAN, number, *curves) is None for number in range(4)] == [False, False, True, True]


def test_its_best_value_counts_and_the_averages_of_the_others() -> None:
    """Azure ML: ended at interval 5 if its best is worse than the median of the running averages over intervals 1:5."""
    steady, late = curve(0.5, 0.5, 0.5), curve(0.2, 0.2, 0.9)
    assert end(MEDIAN, 0, curve(0.6, 0.1, 0.1), steady, late) is None
    assert end(MEDIAN, 0, curve(0.4, 0.1, 0.1), steady, late) is not None


def test_what_is_to_be_small_ends_above_the_median() -> None:
    curves = curve(0.9), curve(0.2), curve(0.1)
    assert end(MEDIAN, 0, *curves, goal="minimize") == (
        "ended early: accuracy 0.9 by step 5 is above the median 0.2 of 3 trials"
    )
    assert end(MEDIAN, 2, *curves, goal="minimize") is None


def test_a_trial_is_compared_with_those_that_got_as_far() -> None:
    assert end(MEDIAN, 0, curve(0.5, 0.5), curve(0.1, 0.2), curve(0.9)) is None
    assert end(MEDIAN, 0, curve(0.5), curve(0.9, 0.1), curve(0.9, 0.1)) is not None


def test_a_trial_that_got_farther_than_all_others_is_judged_as_far_as_they_got() -> None:
    """Or one that was not looked at in time would go on for ever."""
    policy = {"type": "bandit", "slack_amount": 0.2, "evaluation_interval": 2}
    ended = end(policy, 0, curve(*[0.1] * 50), curve(*[0.9] * 5))
    assert str(ended).startswith("ended early: accuracy 0.1 by step 250 is below 0.7")
    late = curve(*[0.1] * 4, *[0.95] * 46)
    assert end(policy, 0, late, curve(*[0.9] * 9)) is None


def test_a_trial_without_values_goes_on() -> None:
    assert end(MEDIAN, 0, {}, curve(0.9)) is None
    assert end(MEDIAN, 7, curve(0.9)) is None


@pytest.mark.parametrize(
    ("interval", "delay", "judged"),
    [(1, 0, [1, 2, 3, 4, 5, 6]), (2, 0, [2, 3, 4, 5, 6]), (1, 4, [4, 5, 6]), (3, 4, [6]), (1, 9, [])],
)
def test_trials_are_judged_at_every_so_many_values_and_not_before_a_delay(
    interval: int, delay: int, judged: list[int]
) -> None:
    policy = {**MEDIAN, "evaluation_interval": interval, "delay_evaluation": delay}
    good = curve(*[0.9] * 6)
    ended = [count for count in range(1, 7) if end(policy, 0, curve(*[0.1] * count), good, good)]
    assert ended == judged


def test_a_trial_that_improved_before_it_was_looked_at_goes_on() -> None:
    policy = {**MEDIAN, "evaluation_interval": 2}
    others = curve(0.9, 0.9), curve(0.9, 0.9)
    assert end(policy, 0, curve(0.1, 0.2, 0.95), *others) is None
    assert end(policy, 0, curve(0.1, 0.2, 0.3), *others) == (
        "ended early: accuracy 0.3 by step 15 is below the median 0.9 of 3 trials"
    )


def test_one_that_starts_late_and_well_does_not_end_one_that_got_better_since() -> None:
    assert end(MEDIAN, 0, curve(0.1, 0.5, 0.95), curve(0.8), curve(0.8)) is None


def test_the_bandit_of_the_documents_of_azure_ml() -> None:
    """The best is 0.8 and slack_factor 0.2: what is below 0.66 (0.8 / 1.2) ends."""
    policy = {"type": "bandit", "slack_factor": 0.2}
    assert end(policy, 0, curve(0.67), curve(0.8)) is None
    assert end(policy, 0, curve(0.66), curve(0.8)) == (
        "ended early: accuracy 0.66 by step 5 is below 0.6667, which the best of 2 trials, 0.8, allows by "
        "slack_factor 0.2"
    )


def test_the_bandit_to_minimize() -> None:
    policy = {"type": "bandit", "slack_factor": 0.2}
    assert end(policy, 0, curve(0.95), curve(0.8), goal="minimize") is None
    assert end(policy, 0, curve(0.97), curve(0.8), goal="minimize") is not None


def test_the_bandit_takes_an_amount() -> None:
    policy = {"type": "bandit", "slack_amount": 0.2}
    assert end(policy, 0, curve(0.61), curve(0.8)) is None
    assert end(policy, 0, curve(0.59), curve(0.8)) is not None


def test_the_lowest_part_of_the_trials_is_cut() -> None:
    policy = {"type": "truncation_selection", "truncation_percentage": 20}
    curves = [curve(number / 10) for number in range(10)]
    assert [number for number in range(10) if end(policy, number, *curves)] == [0, 1]
    assert end(policy, 1, *curves) == "ended early: accuracy 0.1 by step 5 is among the lowest 20 % of 10 trials"
    assert end(policy, 0, *curves[:4]) is None  # a fifth of four is none


def test_equal_trials_are_not_cut() -> None:
    policy = {"type": "truncation_selection", "truncation_percentage": 50}
    assert [end(policy, number, *[curve(0.5)] * 4) for number in range(4)] == [None] * 4


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("goal", ["minimize", "maximize"])
def test_what_is_no_number_is_worse_than_any_number(value: float, goal: str) -> None:
    for policy in (MEDIAN, {"type": "bandit", "slack_amount": 100}):
        assert "accuracy NaN by step 5" in str(end(policy, 0, curve(value), curve(0.5), curve(0.4), goal=goal))
        assert end(policy, 1, curve(value), curve(0.5), curve(0.5), goal=goal) is None
        assert [end(policy, number, *[curve(value)] * 3, goal=goal) for number in range(3)] == [None] * 3


@given(HISTORIES, POLICIES, st.sampled_from(["minimize", "maximize"]))
def test_somebody_always_goes_on(histories: dict[int, History], policy: dict[str, Any], goal: str) -> None:
    """Not all trials end, whatever they log: of the two that got farthest, the better one goes on."""
    declared = sweep(early_termination=policy, objective={"primary_metric": "accuracy", "goal": goal})
    ended = {number for number in histories if early_end(declared, number, histories)}
    assert histories.keys() - ended


@given(HISTORIES, POLICIES, st.integers(0, 9))
def test_a_better_curve_never_ends_where_a_worse_one_goes_on(
    histories: dict[int, History], policy: dict[str, Any], number: int
) -> None:
    declared = sweep(early_termination={**policy})
    history = {step: value for step, value in histories.get(number, {}).items() if math.isfinite(value)}
    if not history or policy == MEDIAN:  # its own average moves the median
        return
    better = {step: value + 1 for step, value in history.items()}
    before = early_end(declared, number, {**histories, number: history})
    if before is None:
        assert early_end(declared, number, {**histories, number: better}) is None
