"""A fair queue for slots."""

import json
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainup.jobs.local.slots import NoSuchSlots, Pool, QueueEntry, SlotGrant, dealt
from trainup.jobs.local.workspace import Workspace


class Asking:
    """A pool, and tickets of which each asks whether it is its turn."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool

    def __call__(self, *tickets: Path) -> list[SlotGrant | None]:
        """What these tickets, which wait, are dealt."""
        turns = self.pool.deal({ticket.name: nodes_of(ticket) for ticket in tickets})
        for turn in turns.values():
            if isinstance(turn, NoSuchSlots):
                raise turn
        return [turns.get(ticket.name) for ticket in tickets]  # type: ignore[misc]


def nodes_of(ticket: Path) -> int:
    found: dict[str, int] = json.loads(ticket.read_text())
    return found["nodes"]


@pytest.fixture
def deal(pool: Pool) -> Asking:
    return Asking(pool)


@pytest.fixture
def pool(workspace: Workspace) -> Pool:
    made = Pool(workspace, "gpu")
    made.configure(2, [])
    return made


def test_first_come_first_served(pool: Pool, deal: Asking, runs: Any) -> None:
    c, a, d, b = (pool.enqueue(runs.add(name), 1) for name in ("c", "a", "d", "b"))
    assert deal(c, a, d, b) == [SlotGrant((0,), None), SlotGrant((1,), None), None, None]
    assert deal(d, b) == [None, None]
    pool.leave(c)
    assert deal(d, b) == [SlotGrant((0,), None), None]


def test_a_large_run_at_the_head_is_not_overtaken(pool: Pool, deal: Asking, runs: Any) -> None:
    running, large, small = (pool.enqueue(runs.add(name), nodes) for name, nodes in (("a", 1), ("b", 2), ("c", 1)))
    assert deal(running, large, small) == [SlotGrant((0,), None), None, None]
    pool.leave(running)
    assert deal(large, small) == [SlotGrant((0, 1), None), None]


def test_a_slot_is_free_when_its_holder_is_dead(pool: Pool, deal: Asking, runs: Any) -> None:
    folders = [runs.add(name) for name in "abc"]
    a, b, c = (pool.enqueue(folder, 1) for folder in folders)
    assert deal(a, b, c)[2] is None
    runs.die(folders[0])
    assert deal(c) == [SlotGrant((0,), None)]
    assert not a.exists()


@pytest.mark.parametrize("granted", [True, False])
def test_a_run_that_is_launched_again_does_not_wait_for_its_own_old_ticket(
    pool: Pool, deal: Asking, runs: Any, granted: bool
) -> None:
    pool.configure(1, [])
    folder = runs.add("a")
    old = pool.enqueue(folder, 1)
    if granted:
        assert deal(old)[0]
    runs.die(folder)
    runs.revive(folder)
    assert deal(pool.enqueue(folder, 1)) == [SlotGrant((0,), None)]


def test_a_run_that_nobody_watched_over_for_a_while_keeps_its_place_and_holds_nobody_up(
    pool: Pool, deal: Asking, runs: Any
) -> None:
    pool.configure(1, [])
    first, second = runs.add("a"), runs.add("b")
    before = pool.enqueue(first, 1)
    since = pool.waited_since(before)
    runs.die(first)
    running, last = pool.enqueue(second, 1), pool.enqueue(runs.add("c"), 1)
    assert deal(running, last) == [SlotGrant((0,), None), None]
    runs.revive(first)
    again = pool.enqueue(first, 1)
    assert (again, pool.waited_since(again)) == (before, since)
    assert deal(again, last) == [None, None], "who came later has the slot"
    pool.leave(running)
    assert deal(again, last) == [SlotGrant((0,), None), None]


def test_a_supervisor_of_an_older_trainup_that_waits_by_itself_is_not_overtaken(
    pool: Pool, deal: Asking, runs: Any
) -> None:
    older = pool.enqueue(runs.add("a"), 2)
    ours = pool.enqueue(runs.add("b"), 1)
    assert deal(ours) == [None]
    pool.leave(older)
    assert deal(ours) == [SlotGrant((0,), None)]


def test_a_time_of_waiting_from_before_a_restart_of_the_machine_counts_for_nothing(pool: Pool, runs: Any) -> None:
    ticket = pool.enqueue(runs.add("a"), 1)
    facts = json.loads(ticket.read_text())
    for since in (time.monotonic() + 1e6, None, "x"):
        ticket.write_text(json.dumps({**facts, "since": since}))
        assert time.monotonic() - pool.waited_since(ticket) < 60


def test_a_run_whose_name_ends_like_another_keeps_its_place(pool: Pool, deal: Asking, runs: Any) -> None:
    first = pool.enqueue(runs.add("big-a"), 2)
    pool.enqueue(runs.add("a"), 1)
    assert deal(first)[0]


def test_a_ticket_that_vanishes_while_somebody_looks_harms_nobody(
    pool: Pool, deal: Asking, runs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A supervisor that ends gives its ticket back at any moment."""
    first, second = pool.enqueue(runs.add("a"), 1), pool.enqueue(runs.add("b"), 1)
    assert all(deal(first, second))
    assert pool.in_use() == 2
    occupied = pool.occupied()

    def looked(_: Pool) -> list[str]:
        first.unlink()
        return occupied

    monkeypatch.setattr(Pool, "occupied", looked)
    listed = pool.tickets()
    monkeypatch.setattr(Pool, "tickets", lambda _: listed)
    assert pool.in_use() == 1
    assert not pool.is_waited_for()


def test_gpus_are_dealt_out_and_never_shared(pool: Pool, deal: Asking, runs: Any) -> None:
    pool.configure(2, ["0", "1", "2", "3"])
    grants = deal(*(pool.enqueue(runs.add(name), 1) for name in "ab"))
    assert [grant.gpus for grant in grants if grant] == [("0", "2"), ("1", "3")]


def test_gpus_are_not_shared_after_the_number_of_slots_changed(pool: Pool, deal: Asking, runs: Any) -> None:
    pool.configure(1, ["0", "1"])
    assert deal(pool.enqueue(runs.add("a"), 1)) == [SlotGrant((0,), ("0", "1"))]
    pool.configure(2, ["0", "1"])
    assert deal(pool.enqueue(runs.add("b"), 1)) == [SlotGrant((1,), ())]


def test_a_smaller_cluster_starts_nothing_until_there_is_room(pool: Pool, deal: Asking, runs: Any) -> None:
    pool.configure(3, [])
    held = [pool.enqueue(runs.add(name), 1) for name in "abc"]
    assert all(deal(*held))
    pool.configure(2, [])
    waiting = pool.enqueue(runs.add("d"), 1)
    pool.leave(held[0])
    assert deal(waiting) == [None], "slots 1 and 2 are held: two of two"
    pool.leave(held[1])
    assert deal(waiting) == [SlotGrant((0,), None)]


def test_more_nodes_than_there_are_is_refused(pool: Pool, runs: Any) -> None:
    with pytest.raises(NoSuchSlots, match="3 nodes are asked for; cluster 'gpu' has max_nodes 2"):
        pool.enqueue(runs.add("a"), 3)


def test_a_run_that_became_too_large_ends_and_does_not_block_the_queue(pool: Pool, runs: Any) -> None:
    large, small = pool.enqueue(runs.add("a"), 2), pool.enqueue(runs.add("b"), 1)
    pool.configure(1, [])
    turns = pool.deal({large.name: 2, small.name: 1})
    assert "2 nodes are asked for" in str(turns[large.name])
    assert turns[small.name] == SlotGrant((0,), None)


def test_a_cluster_that_is_not_there_is_refused(workspace: Workspace, pool: Pool, deal: Asking, runs: Any) -> None:
    with pytest.raises(NoSuchSlots, match="no cluster 'tpu'"):
        Pool(workspace, "tpu").enqueue(runs.add("a"), 1)
    name = pool.enqueue(runs.add("b"), 1).name
    shutil.rmtree(pool.folder)
    assert "was removed" in str(pool.deal({name: 1})[name])


def test_without_a_cluster_runs_go_one_after_the_other(workspace: Workspace, runs: Any) -> None:
    pool = Pool(workspace, "default")
    first, second = (pool.enqueue(runs.add(name), 1) for name in "ab")
    assert Asking(pool)(first, second) == [SlotGrant((0,), None), None]
    assert pool.occupied() == [first.stem.split("-", 1)[1], second.stem.split("-", 1)[1]]


@given(
    most=st.integers(1, 4),
    events=st.lists(st.tuples(st.sampled_from(["come", "leave", "resize"]), st.integers(1, 4)), max_size=40),
)
def test_no_slot_is_held_twice_and_nobody_is_overtaken(most: int, events: list[tuple[str, int]]) -> None:
    queue: list[QueueEntry] = []
    settings = {"max_nodes": most, "gpus": [str(number) for number in range(4)]}
    for number, (event, count) in enumerate(events):
        if event == "come":
            queue.append(QueueEntry(f"{number:03d}", count))
        elif event == "resize":
            settings["max_nodes"] = count
        elif running := [place for place in queue if place.slots]:
            queue.remove(running[count % len(running)])
        turns = dealt(queue, settings, "p", {place.ticket for place in queue})
        for ticket, turn in turns.items():
            (index,) = (index for index, place in enumerate(queue) if place.ticket == ticket)
            if isinstance(turn, SlotGrant):
                queue[index] = queue[index]._replace(slots=turn.slots, gpus=turn.gpus or ())
            else:
                assert queue.pop(index).nodes > settings["max_nodes"]  # type: ignore[operator]
        held = [slot for place in queue for slot in place.slots]
        gpus = [gpu for place in queue for gpu in place.gpus]
        assert len(set(held)) == len(held)
        assert len(set(gpus)) == len(gpus)
        waiting = [place for place in queue if not place.slots]
        if waiting:
            assert all(place.ticket < waiting[0].ticket for place in queue if place.slots)
            assert len(held) + waiting[0].nodes > settings["max_nodes"], "the first one waits because it has to"  # type: ignore[operator]
