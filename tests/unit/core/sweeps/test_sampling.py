"""Which points a sweep tries: a pure function of its declaration and of the trials that were begun."""

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.sweeps import SPACE, completed, points, run_all, sweep
from trainup.core.status import Status
from trainup.core.sweeps.outcomes import Outcome, key_of
from trainup.core.sweeps.sampling import WAIT, is_in, kept, next_point, planned

FLOATS = {"lr": {"type": "loguniform", "min_value": -9, "max_value": -1}, "batch": [16, 32]}


def random_sweep(total: int = 12, space: Any = FLOATS, seed: int = 7, **limits: Any) -> Any:
    sampling = {"type": "random", "seed": seed}
    return sweep(sampling_algorithm=sampling, search_space=space, limits={"max_total_trials": total, **limits})


def test_a_grid_tries_every_combination_and_the_last_name_changes_fastest() -> None:
    assert points(run_all(sweep())) == [{"lr": lr, "batch": batch} for lr in (0.1, 0.01) for batch in (16, 32, 64)]


def test_a_grid_counts_what_a_distribution_rounds_to() -> None:
    space = {
        "a": {"type": "randint", "upper": 3},
        "b": {"type": "quniform", "min_value": 0, "max_value": 0.3, "q": 0.1},
    }
    tried = points(run_all(sweep(search_space=space)))
    assert len(tried) == 12
    assert [point["b"] for point in tried[:4]] == [0.0, 0.1, 0.2, 0.3]


def test_a_grid_ends_at_its_limit() -> None:
    assert len(run_all(sweep(limits={"max_total_trials": 4}))) == 4


def test_a_wider_grid_adds_the_new_points_alone() -> None:
    before = run_all(sweep())
    wider = sweep(search_space={**SPACE, "lr": [0.1, 0.05, 0.01]})
    after = run_all(wider, before)
    assert after[:6] == before
    assert points(after[6:]) == [{"lr": 0.05, "batch": batch} for batch in (16, 32, 64)]
    assert [one.number for one in after] == list(range(9))


def test_points_that_the_space_lost_do_not_count() -> None:
    before = run_all(sweep())
    narrower = sweep(search_space={**SPACE, "lr": [0.1]})
    assert points(kept(narrower, before)) == [{"lr": 0.1, "batch": batch} for batch in (16, 32, 64)]
    assert next_point(narrower, before) is None
    assert kept(sweep(search_space={**SPACE, "more": [1]}), before) == []


def test_one_and_one_point_zero_are_the_same_point() -> None:
    """The engine does not distinguish the two, and a command gets the same text."""
    before = [completed(0, {"a": 1.0}), completed(1, {"a": 0.5})]
    assert next_point(sweep(search_space={"a": [1, 0.5]}), before) is None


def test_random_points_are_those_of_the_seed() -> None:
    assert points(run_all(random_sweep())) == points(run_all(random_sweep()))
    assert points(run_all(random_sweep())) != points(run_all(random_sweep(seed=8)))


def test_random_points_are_the_same_on_every_machine() -> None:
    """Written down once: they must not change with a version of Python or of trainup, or sweeps would train again."""
    assert points(run_all(random_sweep(3))) == RANDOM_POINTS


RANDOM_POINTS = [
    {"lr": 0.00199377948, "batch": 16},
    {"lr": 0.0002779066772, "batch": 16},
    {"lr": 0.1744079766, "batch": 32},
]


def test_a_higher_limit_keeps_the_points_that_were_drawn() -> None:
    assert points(run_all(random_sweep(20)))[:12] == points(run_all(random_sweep(12)))


def test_a_wider_random_space_keeps_the_trials_that_were_begun() -> None:
    before = run_all(random_sweep(12))
    after = run_all(random_sweep(15, {**FLOATS, "batch": [16, 32, 64]}), before)
    assert after[:12] == before
    assert len(after) == 15


def test_a_further_hyperparameter_leaves_the_values_of_the_others_alone() -> None:
    before = points(run_all(random_sweep(8)))
    after = points(run_all(random_sweep(8, {**FLOATS, "dropout": {"type": "uniform", "min_value": 0, "max_value": 1}})))
    assert [point["lr"] for point in after] == [point["lr"] for point in before]


def test_random_sampling_repeats_no_point_and_ends_when_there_are_no_more() -> None:
    tried = run_all(random_sweep(1000, SPACE))
    assert len({one.key for one in tried}) == len(tried) == 6


def test_a_space_with_few_points_and_no_count_of_them_ends_too() -> None:
    narrow = {"type": "qnormal", "mu": 0, "sigma": 0.1, "q": 1}
    assert len(run_all(random_sweep(1000, {"a": narrow}))) < 10


@given(st.randoms(use_true_random=False), st.integers(0, 20))
def test_what_is_next_depends_on_no_order_and_no_result(order: random.Random, begun: int) -> None:
    for declared in (sweep(), random_sweep(20)):
        outcomes = [Outcome(one.number, one.point, Status.RUNNING) for one in run_all(declared)[:begun]]
        expected = next_point(declared, outcomes)
        order.shuffle(outcomes)
        assert next_point(declared, outcomes) == expected


@given(st.integers(0, 2**31 - 1), st.sampled_from(["uniform", "quniform", "loguniform", "qloguniform"]))
def test_every_value_that_is_drawn_is_in_the_space(seed: int, kind: str) -> None:
    step = {"q": 0.25} if kind.startswith("q") else {}
    space = {"a": {"type": kind, "min_value": -1, "max_value": 2, **step}, "b": {"type": "randint", "upper": 5}}
    declared = random_sweep(20, space, seed)
    assert all(is_in(declared, point) for point in points(run_all(declared)))


@given(st.integers(0, 2**31 - 1), st.sampled_from(["normal", "qnormal", "lognormal", "qlognormal"]))
def test_normal_values_that_are_drawn_are_in_the_space(seed: int, kind: str) -> None:
    step = {"q": 0.1} if kind.startswith("q") else {}
    declared = random_sweep(20, {"a": {"type": kind, "mu": 0, "sigma": 2, **step}}, seed)
    assert all(is_in(declared, point) for point in points(run_all(declared)))


def test_log_distributions_take_exponents_as_in_azure_ml() -> None:
    tried = points(run_all(random_sweep(50, {"lr": {"type": "loguniform", "min_value": -9, "max_value": -1}})))
    rates = [float(point["lr"]) for point in tried]
    assert all(0.000123 < rate < 0.368 for rate in rates)
    assert sum(rate < 0.0067 for rate in rates) in range(15, 36)  # half of them are below e to the power of -5


def test_what_is_planned_is_what_will_be_tried() -> None:
    for declared in (sweep(), random_sweep(9)):
        first = run_all(declared)[:2]
        assert planned(declared, first) == points(run_all(declared))[2:]


def test_a_thousand_trials_have_a_thousand_points() -> None:
    tried = run_all(random_sweep(1000))
    assert len({key_of(point) for point in points(tried)}) == 1000


class TestBayesian:
    """Points that the results so far decide about."""

    @staticmethod
    def declared(total: int = 12, concurrent: int = 2, space: Any = FLOATS, seed: int = 1) -> Any:
        sampling = {"type": "bayesian", "seed": seed}
        limits = {"max_total_trials": total, "max_concurrent_trials": concurrent}
        return sweep(sampling_algorithm=sampling, search_space=space, limits=limits)

    @staticmethod
    def near(point: Any) -> float:
        """A result that is the better, the closer the learning rate is to 0.01."""
        return -abs(float(point["lr"]) - 0.01)

    def test_it_finds_better_points_than_chance(self) -> None:
        learned = [self.near(point) for point in points(run_all(self.declared(30), value=self.near))]
        assert sum(learned[20:]) > sum(learned[:10])

    def test_the_points_are_those_of_the_seed_and_of_the_results(self) -> None:
        first = run_all(self.declared(), value=self.near)
        assert first == run_all(self.declared(), value=self.near)
        assert first != run_all(self.declared(seed=2), value=self.near)
        assert points(first) != points(run_all(self.declared(), value=lambda point: -self.near(point)))

    def test_a_higher_limit_keeps_the_points_so_far(self) -> None:
        assert run_all(self.declared(14), value=self.near)[:12] == run_all(self.declared(12), value=self.near)

    def test_the_results_that_count_are_decided_by_numbers_and_not_by_time(self) -> None:
        """Two at a time: whether trial 5 has ended already or not, trial 6 learns from trials 0 to 4."""
        declared = self.declared()
        whole = run_all(declared, value=self.near)
        running = Outcome(5, whole[5].point, Status.RUNNING)
        assert next_point(declared, [running, *reversed(whole[:5])]) == whole[6].point
        late = [*whole[:4], Outcome(4, whole[4].point, Status.RUNNING), whole[5]]
        assert next_point(declared, late) is WAIT

    def test_failed_and_ended_trials_are_results_too(self) -> None:
        declared = self.declared(20)
        whole = run_all(declared, value=self.near)[:8]
        failed = [Outcome(one.number, one.point, Status.FAILED) for one in whole]
        ended = [Outcome(one.number, one.point, Status.CANCELED, one.value) for one in whole]
        found = [next_point(declared, outcomes) for outcomes in (whole, failed, ended)]
        assert all(isinstance(point, dict) for point in found)
        assert next_point(declared, [completed(one.number, one.point, float("nan")) for one in whole]) == found[1]

    def test_no_point_is_tried_twice_and_a_small_space_ends(self) -> None:
        tried = run_all(self.declared(100, space=SPACE))
        assert len({one.key for one in tried}) == len(tried) == 6

    def test_without_a_number_of_trials_at_a_time_it_learns_from_all_but_four(self) -> None:
        declared = sweep(sampling_algorithm="bayesian", search_space=FLOATS, limits={"max_total_trials": 50})
        assert declared.concurrent == 4

    @pytest.mark.parametrize("kind", ["normal", "qnormal", "lognormal", "qlognormal", "quniform", "qloguniform"])
    def test_it_takes_every_distribution(self, kind: str) -> None:
        ends = {"mu": 1, "sigma": 1} if "normal" in kind else {"min_value": 0, "max_value": 3}
        step = {"q": 0.01} if kind.startswith("q") else {}
        space = {"lr": {"type": kind, **ends, **step}, "n": {"type": "randint", "upper": 4}}
        declared = self.declared(8, space=space)
        assert all(is_in(declared, point) for point in points(run_all(declared, value=self.near)))
