"""A fair queue for slots."""

import shutil
from typing import Any

import pytest

from trainup.jobs.local.slots import Grant, NoSuchSlots, Pool
from trainup.jobs.local.workspace import Workspace


@pytest.fixture
def pool(workspace: Workspace) -> Pool:
    made = Pool(workspace, "gpu")
    made.configure(2, [])
    return made


def test_first_come_first_served(pool: Pool, runs: Any) -> None:
    tickets = [pool.enqueue(runs.add(name), 1) for name in ("c", "a", "d", "b")]
    assert pool.poll(tickets[3]) == (None, 3)
    assert pool.poll(tickets[0]) == (Grant((0,), None), 0)
    assert pool.poll(tickets[1]) == (Grant((1,), None), 0)
    assert pool.poll(tickets[2]) == (None, 0)
    assert pool.poll(tickets[3]) == (None, 1)
    pool.leave(tickets[0])
    assert pool.poll(tickets[3]) == (None, 1)
    assert pool.poll(tickets[2]) == (Grant((0,), None), 0)


def test_a_large_run_at_the_head_is_not_overtaken(pool: Pool, runs: Any) -> None:
    running, large, small = (pool.enqueue(runs.add(name), nodes) for name, nodes in (("a", 1), ("b", 2), ("c", 1)))
    assert pool.poll(running)[0]
    assert pool.poll(large) == (None, 0)
    assert pool.poll(small) == (None, 1)
    pool.leave(running)
    assert pool.poll(large) == (Grant((0, 1), None), 0)


def test_a_slot_is_free_when_its_holder_is_dead(pool: Pool, runs: Any) -> None:
    folders = [runs.add(name) for name in "abc"]
    tickets = [pool.enqueue(folder, 1) for folder in folders]
    assert pool.poll(tickets[0])[0]
    assert pool.poll(tickets[1])[0]
    assert pool.poll(tickets[2]) == (None, 0)
    runs.die(folders[0])
    assert pool.poll(tickets[2]) == (Grant((0,), None), 0)
    assert not tickets[0].exists()


@pytest.mark.parametrize("granted", [True, False])
def test_a_run_that_is_launched_again_does_not_wait_for_its_own_old_ticket(
    pool: Pool, runs: Any, granted: bool
) -> None:
    pool.configure(1, [])
    folder = runs.add("a")
    old = pool.enqueue(folder, 1)
    if granted:
        assert pool.poll(old)[0]
    runs.die(folder)
    runs.revive(folder)
    assert pool.poll(pool.enqueue(folder, 1)) == (Grant((0,), None), 0)


def test_a_run_whose_name_ends_like_another_keeps_its_place(pool: Pool, runs: Any) -> None:
    first = pool.enqueue(runs.add("big-a"), 2)
    pool.enqueue(runs.add("a"), 1)
    assert pool.poll(first)[0]


def test_a_ticket_that_vanishes_while_somebody_looks_harms_nobody(
    pool: Pool, runs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A supervisor that ends gives its ticket back at any moment."""
    first, second = pool.enqueue(runs.add("a"), 1), pool.enqueue(runs.add("b"), 1)
    assert pool.poll(first)[0]
    assert pool.poll(second)[0]
    assert pool.in_use() == 2
    occupied = pool.occupied()

    def looked(_: Pool) -> list[str]:
        first.unlink()
        return occupied

    monkeypatch.setattr(Pool, "occupied", looked)
    listed = pool._tickets()
    monkeypatch.setattr(Pool, "_tickets", lambda _: listed)
    assert pool.in_use() == 1


def test_gpus_are_dealt_out_and_never_shared(pool: Pool, runs: Any) -> None:
    pool.configure(2, ["0", "1", "2", "3"])
    grants = [pool.poll(pool.enqueue(runs.add(name), 1))[0] for name in "ab"]
    assert [grant.gpus for grant in grants if grant] == [("0", "2"), ("1", "3")]


def test_gpus_are_not_shared_after_the_number_of_slots_changed(pool: Pool, runs: Any) -> None:
    pool.configure(1, ["0", "1"])
    first = pool.poll(pool.enqueue(runs.add("a"), 1))[0]
    pool.configure(2, ["0", "1"])
    second = pool.poll(pool.enqueue(runs.add("b"), 1))[0]
    assert first == Grant((0,), ("0", "1"))
    assert second == Grant((1,), ())


def test_a_smaller_cluster_starts_nothing_until_there_is_room(pool: Pool, runs: Any) -> None:
    pool.configure(3, [])
    held = [pool.enqueue(runs.add(name), 1) for name in "abc"]
    assert all(pool.poll(ticket)[0] for ticket in held)
    pool.configure(2, [])
    waiting = pool.enqueue(runs.add("d"), 1)
    pool.leave(held[0])
    assert pool.poll(waiting) == (None, 0), "slots 1 and 2 are held: two of two"
    pool.leave(held[1])
    assert pool.poll(waiting)[0] == Grant((0,), None)


def test_more_nodes_than_there_are_is_refused(pool: Pool, runs: Any) -> None:
    with pytest.raises(NoSuchSlots, match="3 nodes are asked for; cluster 'gpu' has max_nodes 2"):
        pool.enqueue(runs.add("a"), 3)


def test_a_run_that_became_too_large_ends_and_does_not_block_the_queue(pool: Pool, runs: Any) -> None:
    large = pool.enqueue(runs.add("a"), 2)
    pool.configure(1, [])
    with pytest.raises(NoSuchSlots, match="2 nodes are asked for"):
        pool.poll(large)


def test_a_cluster_that_is_not_there_is_refused(workspace: Workspace, pool: Pool, runs: Any) -> None:
    with pytest.raises(NoSuchSlots, match="no cluster 'tpu'"):
        Pool(workspace, "tpu").enqueue(runs.add("a"), 1)
    ticket = pool.enqueue(runs.add("b"), 1)
    shutil.rmtree(pool.folder)
    with pytest.raises(NoSuchSlots, match="was removed"):
        pool.poll(ticket)


def test_without_a_cluster_runs_go_one_after_the_other(workspace: Workspace, runs: Any) -> None:
    pool = Pool(workspace, "default")
    first, second = (pool.enqueue(runs.add(name), 1) for name in "ab")
    assert pool.poll(first)[0]
    assert pool.poll(second) == (None, 0)
    assert pool.occupied() == [first.stem.split("-", 1)[1], second.stem.split("-", 1)[1]]
