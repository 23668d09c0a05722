"""The best trial of a sweep, and why trials failed."""

import math

import pytest

from tests.support.sweeps import completed
from trainup.core.failure import Failure, FailureClass
from trainup.core.status import Status
from trainup.core.sweeps.declaration import Goal, Objective
from trainup.core.sweeps.outcomes import Outcome, best, best_value, commonest_cause

HIGH, LOW = Objective("accuracy", Goal.MAXIMIZE), Objective("loss", Goal.MINIMIZE)


def failed(number: int, message: str, kind: FailureClass = FailureClass.USER_CODE) -> Outcome:
    return Outcome(number, {"lr": number}, Status.FAILED, failure=Failure(kind, message))


def test_the_best_trial_has_the_best_value() -> None:
    trials = [completed(number, {"lr": number}, value) for number, value in enumerate((0.5, 0.9, 0.1))]
    assert best(HIGH, trials) == trials[1]
    assert best(LOW, trials) == trials[2]


def test_the_first_of_equal_trials_is_the_best_in_whatever_order_they_come() -> None:
    trials = [completed(number, {"lr": number}, 0.5) for number in range(3)]
    assert best(HIGH, reversed(trials)) == trials[0]


@pytest.mark.parametrize("value", [None, math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_never_the_best(value: float | None) -> None:
    trials = [completed(0, {"lr": 1}, value), completed(1, {"lr": 2}, 0.1)]
    for objective in (HIGH, LOW):
        assert best(objective, trials) == trials[1]
        assert best(objective, trials[:1]) is None


def test_a_trial_that_did_not_complete_is_not_the_best() -> None:
    ended = Outcome(0, {"lr": 1}, Status.CANCELED, 0.9)
    assert best(HIGH, [ended]) is None


def test_the_best_value_is_the_best_that_was_logged() -> None:
    assert best_value(HIGH, [0.1, 0.9, 0.5, math.nan]) == 0.9
    assert best_value(LOW, [0.1, 0.9, -math.inf]) == 0.1
    assert best_value(HIGH, []) is None
    assert math.isnan(best_value(HIGH, [math.nan]) or 0.0)


def test_the_commonest_cause_is_named_with_what_to_do() -> None:
    full = failed(1, "no space", FailureClass.CAPACITY)
    trials = [failed(0, "exit code 1"), full, failed(2, "exit code 1")]
    assert commonest_cause(trials) == (
        "none of 3 trials completed, 2 of them for this reason: exit code 1: read the log, correct the script, "
        "then run `pulumi up` again"
    )
    assert str(commonest_cause([full])).startswith("the only trial did not complete: no space: ask for fewer nodes")


def test_a_cause_that_names_each_trial_by_its_own_name_and_values_is_one_cause() -> None:
    message = 'File "/jobs/trial-{}/train.py", line 15: rate {} is too high'
    trials = [failed(number, message.format(f"1959427ad67{number}", number / 10)) for number in range(4)]
    assert str(commonest_cause([*trials, failed(4, "no such file")])).startswith(
        f"none of 5 trials completed, 4 of them for this reason: {message.format('1959427ad670', 0.0)}: read the log"
    )


def test_a_sweep_of_which_a_trial_completed_has_no_cause() -> None:
    assert commonest_cause([failed(0, "exit code 1"), completed(1, {"lr": 1})]) is None
    assert commonest_cause([]) is None
    assert commonest_cause([Outcome(0, {}, Status.RUNNING)]) is None
