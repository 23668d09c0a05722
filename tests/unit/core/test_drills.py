"""Eviction drills: the moment of the eviction, and what its end proves."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.drills import SURVIVED
from trainup.core.drills import DrillResult, Moment, first_trained, sentences, step_after


def test_a_node_is_taken_away_in_the_middle_between_two_steps() -> None:
    moment = Moment(10, 100.0)
    seen = [(1, None), (2, 2), (3, 2), (4, 4), (4.9, 4), (5.1, 4)]
    assert [moment.is_due(now, now, step) for now, step in seen] == [*[False] * 5, True]


def test_a_run_that_begins_again_could_not_be_told_after_its_first_steps() -> None:
    moment = Moment(10, 100.0)
    assert not any(moment.is_due(now, now, step) for now, step in [(1, 0), (2, 1), (9, 1), (10, 3), (30, 3)])


def test_steps_shorter_than_two_looks_do_not_let_the_run_end_first() -> None:
    moment = Moment(10, 100.0)
    assert [moment.is_due(now, now, step) for now, step in [(1, 2), (1.1, 3), (1.2, 6)]] == [False, False, True]


def test_after_the_last_step_it_is_too_late() -> None:
    assert not any(Moment(3, 1.0).is_due(now, now, 3) for now in (1, 5, 100))


def test_without_steps_half_of_the_former_time_decides() -> None:
    moment = Moment(None, 8.0)
    assert [moment.is_due(now, now, None) for now in (1, 3.9, 4)] == [False, False, True]
    assert not Moment(None, None).is_due(1000, 1000, None)


@given(st.lists(st.integers(0, 20)), st.integers(1, 20))
def test_whatever_is_seen_no_node_is_taken_away_after_the_end(steps: list[int], final: int) -> None:
    moment = Moment(final, None)
    for now, step in enumerate(steps):
        assert not (moment.is_due(now, now, step) and step >= final)


@pytest.mark.parametrize(
    ("seen", "first"),
    [
        ([], None),
        ([(4.0, None)], None),
        ([(4.0, None), (5.0, 4)], 4),
        ([(0.0, None), (4.0, None), (5.0, 4)], 4),  # it was long in starting
        ([(4.0, None), (5.0, 0), (5.6, 1)], 0),  # it begins again
        ([(0.0, None), (5.0, 2)], 2),  # whenever it is seen, it has to be behind
        ([(4.0, None), (5.0, 0), (5.3, 4)], 4),  # it logs again what it has
        ([(2.0, None), (5.0, 4)], None),  # so long unseen, it may have begun again
        ([(5.0, 4)], None),
    ],
)
def test_steps_that_come_faster_than_they_are_trained_are_the_former_ones(
    seen: list[tuple[float, int | None]], first: int | None
) -> None:
    assert first_trained(seen, step_seconds=0.6, evicted=3) == first


@pytest.mark.parametrize(
    ("steps", "last"),
    [([0, 1, 2], None), ([0, 1, 2, 3], 3), ([0, 0, 1, 2], 0), ([0, 1, 1, 2, 2], 2), ([0, 0, 1, 1, 2, 2, 3], 3)],
)
def test_an_attempt_that_the_target_starts_again_logs_former_steps_twice(steps: list[int], last: int | None) -> None:
    assert step_after(steps, evicted=2) == last


def test_where_steps_are_shorter_than_looks_nobody_can_tell_what_an_attempt_trained_first() -> None:
    assert first_trained([(4.0, None), (4.3, 7)], step_seconds=0.0, evicted=3) is None
    assert first_trained([(4.0, None), (4.3, 7)], step_seconds=0.01, evicted=3) is None


@pytest.mark.parametrize(("step", "why"), [(9, "its first step was not seen in time"), (None, "it logs no metric")])
def test_what_cannot_be_told_is_no_success(step: int | None, why: str) -> None:
    result = replace(SURVIVED, resumed_step=None, final_step=step, original_step=step)
    assert why in result.doubt
    assert "survives" not in sentences(result)[-1]
    assert result.to_dict()["resumed"] is None
    assert DrillResult.from_dict(result.to_dict()) == result


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({}, ""),
        ({"resumed_step": None}, ""),
        ({"evicted_after": None}, "ended before its node was taken away"),
        ({"status": "Failed"}, "is Failed after its node was taken away"),
        ({"final_step": 8}, "ended at step 8, and pets-0123456789ab at step 9"),
        ({"resumed_step": 0}, "began again at step 0, though it had come to step 3"),
    ],
)
def test_what_a_drill_proves(changes: dict[str, object], problem: str) -> None:
    result = replace(SURVIVED, **changes)  # type: ignore[arg-type]
    assert problem in result.problem
    assert bool(problem) == bool(result.problem)
    assert bool(result.doubt) == ("resumed_step" in changes and not problem)


def test_it_is_told_in_sentences() -> None:
    assert sentences(SURVIVED) == [
        "its node was taken away 12.2 s after it started, after step 3",
        "the next attempt was first seen at step 4",
        "last step: 9, and 9 without an eviction",
        "accuracy: 0.9712, and 0.9725 without an eviction",
        "pets survives the loss of its node: it resumes, and comes to the same end",
    ]


def test_a_kept_result_is_read_as_it_was() -> None:
    nan = replace(SURVIVED, metrics={"loss": float("inf")})
    for result in (SURVIVED, nan):
        assert DrillResult.from_dict(json.loads(json.dumps(result.to_dict()))) == result


@pytest.mark.parametrize("content", [{}, {"version": 2}, {"version": 1}, {"version": 1, "attempts": 3, "metrics": []}])
def test_what_is_no_result_is_refused(content: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"format|no result"):
        DrillResult.from_dict(content)
