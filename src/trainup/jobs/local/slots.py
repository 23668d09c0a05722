"""A fair queue for the slots of a local cluster."""

import contextlib
import os
import re
import shutil
import time
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from trainup.core.errors import UserError
from trainup.jobs.local import run_record
from trainup.jobs.local.files import Lock, UnreadableRecord, is_held, read_json, write_json
from trainup.jobs.local.owners import Owners
from trainup.jobs.local.processes import kill_all_of
from trainup.jobs.local.workspace import RunFolder, Workspace

DEFAULT_CLUSTER = "default"
"""Where runs go that name no cluster: one slot."""


TICKET = re.compile(r"\d{1,18}-.+\.ticket")


class NoSuchSlots(UserError):
    """The cluster does not exist, or has fewer slots than the run needs."""


@dataclass(frozen=True)
class SlotGrant:
    """The slots that an attempt may use, and the GPUs that belong to them."""

    slots: tuple[int, ...]
    gpus: tuple[str, ...] | None
    """Ids for CUDA_VISIBLE_DEVICES; None on a machine without GPUs."""


class QueueEntry(NamedTuple):
    """One run in the queue of a cluster: it has slots, or waits for them."""

    ticket: str
    nodes: int
    slots: tuple[int, ...] = ()
    gpus: tuple[str, ...] = ()


def dealt(
    queue: Sequence[QueueEntry], settings: Mapping[str, Any], cluster: str, ours: Container[str]
) -> dict[str, SlotGrant | NoSuchSlots]:
    """Ticket → its slots, or the error if it can never get any. First come, first served: nobody is overtaken.

    Only tickets in `ours` get slots. Any other waiting ticket is of a supervisor of trainup before 0.3, which asks for
    slots itself.
    """
    most = settings["max_nodes"]
    used_slots = [slot for entry in queue for slot in entry.slots]
    gpus = [gpu for entry in queue for gpu in entry.gpus]
    turns: dict[str, SlotGrant | NoSuchSlots] = {}
    is_blocked = False
    for entry in queue:
        if entry.slots:
            continue
        if entry.ticket in ours and entry.nodes > most:
            turns[entry.ticket] = too_many(entry.nodes, cluster, most)
        elif is_blocked or entry.ticket not in ours or len(used_slots) + entry.nodes > most:
            is_blocked = True
        else:
            slots = list(islice((slot for slot in range(most) if slot not in used_slots), entry.nodes))
            slot_grant = SlotGrant(tuple(slots), _gpus(settings, slots, gpus))
            used_slots += slots
            gpus += slot_grant.gpus or ()
            turns[entry.ticket] = slot_grant
    return turns


def too_many(nodes: int, cluster: str, most: int) -> NoSuchSlots:
    """The error for a run that needs more nodes than the cluster has."""
    return NoSuchSlots(f"{nodes} nodes are asked for; cluster {cluster!r} has max_nodes {most}")


class Pool:
    """The slots of one cluster.

    A ticket is a file. It has slots or waits for some, and counts as long as somebody holds the lock of its run: the
    run's supervisor, or the keeper of the queue while it waits.
    """

    def __init__(self, workspace: Workspace, name: str) -> None:
        self._workspace = workspace
        self.name = name
        self.folder = workspace.slots / name

    @property
    def owners(self) -> Owners:
        """The resources that declare this cluster."""
        return Owners(self.folder / "owners.json")

    def configure(self, max_nodes: int, gpus: list[str]) -> None:
        """Set the number of slots; running attempts keep theirs. GPUs are dealt out over the slots."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._lock():
            write_json(self.folder / "pool.json", {"max_nodes": max_nodes, "gpus": gpus})

    def settings(self) -> dict[str, Any] | None:
        """`max_nodes` and `gpus`, or None where there is no such cluster."""
        settings = read_json(self.folder / "pool.json")
        return {"max_nodes": 1, "gpus": []} if settings is None and self.name == DEFAULT_CLUSTER else settings

    @property
    def keeper(self) -> Path:
        """Lock, socket and log of the keeper of the queue."""
        return self.folder / "keeper"

    def enqueue(self, run: RunFolder, nodes: int) -> Path:
        """Add a run to the end of the queue, or keep the ticket that it already has; returns the path of its ticket.

        The caller holds the run's lock as long as the ticket is to count. Raises NoSuchSlots.
        """
        settings = self.settings()
        if settings is None:
            raise NoSuchSlots(f"there is no cluster {self.name!r} in this workspace")
        if nodes > settings["max_nodes"]:
            raise too_many(nodes, self.name, settings["max_nodes"])
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._lock():
            tickets = self.tickets()
            number = max((int(ticket.name.split("-", 1)[0]) for ticket in tickets), default=0) + 1
            ticket = self.folder / f"{number:08d}-{run.name}.ticket"
            facts = {
                "nodes": nodes,
                "slots": [],
                "gpus": [],
                "token": _token_of(run),
                "since": time.monotonic(),
            }
            for stale in tickets:
                if run_of(stale) == run.name:
                    ticket = stale  # whose watcher was killed: the lock that it is judged by is ours now
                    with contextlib.suppress(OSError, UnreadableRecord):
                        facts["since"] = _read_ticket(stale).get("since", facts["since"])
            write_json(ticket, facts, durable=False)
        return ticket

    def deal(self, waiting: Mapping[str, int]) -> dict[str, SlotGrant | NoSuchSlots]:
        """Deal free slots out to waiting runs: what became of those that wait no more, in the order of the queue.

        `waiting` has the names of tickets and how many nodes each asks for; who calls watches over them.
        """
        with self._lock():
            settings = self.settings()
            if settings is None:
                error = NoSuchSlots(f"cluster {self.name!r} was removed while the run waited for it")
                return dict.fromkeys(waiting, error)
            queue = [
                QueueEntry(name, waiting[name])
                if name in waiting
                else self._entry_of(self.folder / name, settings["max_nodes"])
                for name in self.ticket_names()
            ]
            turns = dealt([entry for entry in queue if entry], settings, self.name, waiting)
            for name, turn in turns.items():
                if isinstance(turn, SlotGrant):
                    ticket = self.folder / name
                    facts = {**self._facts(ticket, waiting[name]), "slots": turn.slots, "gpus": turn.gpus or ()}
                    write_json(ticket, facts, durable=False)
        return turns

    def _facts(self, ticket: Path, nodes: int) -> dict[str, Any]:
        """What a ticket says; where it is damaged, what is known of its run."""
        try:
            return _read_ticket(ticket)
        except UnreadableRecord:
            return {"nodes": nodes, "slots": [], "gpus": [], "token": self._token_of(ticket)}

    def _token_of(self, ticket: Path) -> str:
        with contextlib.suppress(UnreadableRecord):  # whoever asks for that run gets the error
            return _token_of(RunFolder(self._workspace.runs / run_of(ticket)))
        return ""

    def _entry_of(self, ticket: Path, most: int) -> QueueEntry | None:
        """The queue entry of a ticket that is not ours; None if no process watches over its run."""
        try:
            facts = _read_ticket(ticket)
        except FileNotFoundError:
            return None  # it has just left
        except UnreadableRecord:
            # Nobody knows which slots its run has: until it ends, it may have any.
            facts = {"nodes": most, "slots": list(range(most)), "gpus": [], "token": self._token_of(ticket)}
        if is_held(RunFolder(self._workspace.runs / run_of(ticket)).lock):
            return QueueEntry(ticket.name, facts["nodes"], tuple(facts["slots"]), tuple(facts["gpus"]))
        if facts["slots"]:
            # Its supervisor was killed, or its folder removed: processes that are left would share the slots.
            if facts["token"]:
                kill_all_of(facts["token"])
            _remove(ticket)
        return None  # one that waited keeps its place: it is launched again

    def waited_since(self, ticket: Path) -> float:
        """When a run entered the queue, in seconds of `time.monotonic`."""
        now = time.monotonic()
        with contextlib.suppress(OSError, UnreadableRecord, ValueError, TypeError, OverflowError):
            return min(now, float(_read_ticket(ticket).get("since", now)))  # that clock starts again with the machine
        return now

    def leave(self, ticket: Path) -> None:
        """Remove the ticket, which frees its slots."""
        with self._lock():
            _remove(ticket)

    def withdraw(self, run: RunFolder) -> None:
        """Remove the tickets of a run without a supervisor; the caller holds the run's lock."""
        for ticket in self.tickets():
            if run_of(ticket) == run.name:
                self.leave(ticket)

    def occupied(self) -> list[str]:
        """The attempts that have slots or wait for some, in the order of the queue."""
        names = [run_of(ticket) for ticket in self.tickets()]
        return [name for name in names if is_held(RunFolder(self._workspace.runs / name).lock)]

    def is_waited_for(self) -> bool:
        """Whether there are tickets without slots."""
        for ticket in reversed(self.tickets()):  # those that came last most likely wait
            with contextlib.suppress(FileNotFoundError, UnreadableRecord):
                if not _read_ticket(ticket)["slots"]:
                    return True
        return False

    def waiting(self) -> list[str]:
        """The attempts that wait for slots, in the order of the queue."""
        names = []
        for ticket in self.tickets():
            with contextlib.suppress(FileNotFoundError, UnreadableRecord):  # it has just left, or is damaged
                if not _read_ticket(ticket)["slots"]:
                    names.append(run_of(ticket))
        return names

    def in_use(self) -> int:
        """How many slots have a run."""
        running = self.occupied()
        tickets = (ticket for ticket in self.tickets() if run_of(ticket) in running)
        count = 0
        for ticket in tickets:
            with contextlib.suppress(FileNotFoundError, UnreadableRecord):  # it has just left, or its ticket is damaged
                count += len(_read_ticket(ticket)["slots"])
        return count

    def tickets(self) -> list[Path]:
        """All tickets, in the order of the queue."""
        return [self.folder / name for name in self.ticket_names()]

    def ticket_names(self) -> list[str]:
        """The file names of all tickets, in order; building paths for thousands of them takes time."""
        try:
            return sorted(name for name in os.listdir(self.folder) if TICKET.fullmatch(name))
        except FileNotFoundError:
            return []

    def _lock(self) -> Lock:
        return Lock(self.folder / "pool.lock")


def _token_of(run: RunFolder) -> str:
    definition = run_record.read_definition(run)
    return definition.token if definition else ""


def run_of(ticket: Path) -> str:
    """The name of the attempt that a ticket belongs to."""
    return ticket.stem.split("-", 1)[1]


def _read_ticket(ticket: Path) -> dict[str, Any]:
    """What a ticket says. FileNotFoundError where it is gone, UnreadableRecord where it is damaged."""
    if (facts := read_json(ticket)) is None:
        raise FileNotFoundError(ticket)
    if not (
        type(facts.get("nodes")) is int
        and isinstance(facts.setdefault("token", ""), str)
        and isinstance(slots := facts.get("slots"), list)
        and all(type(slot) is int for slot in slots)
        and isinstance(gpus := facts.get("gpus"), list)
        and all(isinstance(gpu, str) for gpu in gpus)
    ):
        raise UnreadableRecord(f"{ticket} is damaged: it is removed when its run ends")
    return facts


def _remove(ticket: Path) -> None:
    """Remove a ticket, or a folder of its name."""
    if ticket.is_dir() and not ticket.is_symlink():
        shutil.rmtree(ticket)
    else:
        ticket.unlink(missing_ok=True)


def _gpus(settings: Mapping[str, Any], slots: list[int], used: list[str]) -> tuple[str, ...] | None:
    gpus = settings["gpus"]
    if not gpus:
        return None
    candidates = (gpu for index, gpu in enumerate(gpus) if index % settings["max_nodes"] in slots)
    # After the number of slots changed, a running attempt may have what would be this slot's.
    return tuple(gpu for gpu in candidates if gpu not in used)
