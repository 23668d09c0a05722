"""Slots share the processors of this machine."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainup.jobs.local.cores import THREAD_VARIABLES, share, thread_variables


@given(count=st.integers(1, 64), max_nodes=st.integers(1, 64))
def test_every_processor_belongs_to_a_slot_and_every_slot_has_one(count: int, max_nodes: int) -> None:
    processors = tuple(range(100, 100 + count))
    shares = [share(processors, [slot], max_nodes) for slot in range(max_nodes)]
    assert all(shares)
    if max_nodes <= count:
        assert sorted(number for own in shares for number in own) == list(processors), "each belongs to one slot"
        assert max(map(len, shares)) - min(map(len, shares)) <= 1
    assert share(processors, range(max_nodes), max_nodes) == processors


def test_a_run_on_several_slots_has_the_processors_of_all() -> None:
    assert share((0, 1, 2, 3, 4, 5), [0, 2], 3) == (0, 1, 4, 5)


def test_slots_that_were_given_before_the_cluster_shrank_still_have_processors() -> None:
    assert share((0, 1), [3], 2) == (0, 1)


@pytest.mark.parametrize(("processors", "processes", "threads"), [(4, 1, "4"), (4, 2, "2"), (1, 3, "1")])
def test_the_processes_of_a_run_share_its_processors(processors: int, processes: int, threads: str) -> None:
    assert thread_variables(processors, processes, {}) == dict.fromkeys(THREAD_VARIABLES, threads)


@pytest.mark.parametrize("name", THREAD_VARIABLES)
def test_a_run_that_counts_its_threads_itself_is_left_alone(name: str) -> None:
    assert thread_variables(4, 2, {name: "8"}) == {}
