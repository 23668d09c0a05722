"""A fair queue for the slots of a local cluster."""

import contextlib
import json
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from trainup.jobs.local.files import Lock, is_held, read_json, write_json
from trainup.jobs.local.owners import Owners
from trainup.jobs.local.processes import kill_all_of
from trainup.jobs.local.workspace import RunFolder, Workspace

DEFAULT_CLUSTER = "default"
"""Where runs go that name no cluster: one slot."""


class NoSuchSlots(Exception):
    """The cluster can never give what was asked for."""


@dataclass(frozen=True)
class Grant:
    """The slots that an attempt may use, and the GPUs that belong to them."""

    slots: tuple[int, ...]
    gpus: tuple[str, ...] | None
    """Ids for CUDA_VISIBLE_DEVICES; None on a machine without GPUs."""


class Pool:
    """The slots of one cluster. A ticket is a file; it counts as long as its run's supervisor lives."""

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
        found = read_json(self.folder / "pool.json")
        return {"max_nodes": 1, "gpus": []} if found is None and self.name == DEFAULT_CLUSTER else found

    def enqueue(self, run: RunFolder, nodes: int) -> Path:
        """Take a place at the end of the queue. The caller holds the run's lock for as long as it wants it."""
        settings = self.settings()
        if settings is None:
            raise NoSuchSlots(f"there is no cluster {self.name!r} in this workspace")
        self._judge(nodes, settings)
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._lock():
            tickets = self._tickets()
            for stale in tickets:
                if _run_of(stale) == run.name:
                    stale.unlink()  # of a supervisor that was killed: the lock that it is judged by is ours now
            number = max((int(ticket.name.split("-", 1)[0]) for ticket in tickets), default=0) + 1
            ticket = self.folder / f"{number:08d}-{run.name}.ticket"
            token = (read_json(run.definition) or {}).get("token", "")
            write_json(ticket, {"nodes": nodes, "slots": [], "gpus": [], "token": token}, durable=False)
        return ticket

    def poll(self, ticket: Path) -> tuple[Grant | None, int]:
        """The grant when it is this ticket's turn, else None and how many tickets stand before it."""
        with self._lock():
            settings = self.settings()
            if settings is None:
                raise NoSuchSlots(f"cluster {self.name!r} was removed while the run waited for it")
            mine = _read_ticket(ticket)
            nodes = mine["nodes"]
            self._judge(nodes, settings)
            held: list[int] = []
            gpus: list[str] = []
            before = 0
            for other in self._tickets():
                if other == ticket:
                    break
                granted = _read_ticket(other)
                if not is_held(RunFolder(self._workspace.runs / _run_of(other)).lock):
                    # Its supervisor was killed, or its folder removed; what it started would share the slots.
                    if granted["slots"]:
                        kill_all_of(granted["token"])
                    other.unlink()
                    continue
                held += granted["slots"]
                gpus += granted["gpus"]
                before += not granted["slots"]
            if before or len(held) + nodes > settings["max_nodes"]:
                return None, before
            slots = list(islice((slot for slot in range(settings["max_nodes"]) if slot not in held), nodes))
            grant = Grant(tuple(slots), _gpus(settings, slots, gpus))
            write_json(ticket, {**mine, "slots": slots, "gpus": grant.gpus or ()}, durable=False)
        return grant, 0

    def leave(self, ticket: Path) -> None:
        """Give the slots, or the place in the queue, back."""
        with self._lock():
            ticket.unlink(missing_ok=True)

    def occupied(self) -> list[str]:
        """The attempts that have slots or wait for some, in the order of the queue."""
        names = [_run_of(ticket) for ticket in self._tickets()]
        return [name for name in names if is_held(RunFolder(self._workspace.runs / name).lock)]

    def in_use(self) -> int:
        """How many slots have a run."""
        running = self.occupied()
        tickets = (ticket for ticket in self._tickets() if _run_of(ticket) in running)
        count = 0
        for ticket in tickets:
            with contextlib.suppress(FileNotFoundError):  # it has just left
                count += len(_read_ticket(ticket)["slots"])
        return count

    def _judge(self, nodes: int, settings: dict[str, Any]) -> None:
        if nodes > settings["max_nodes"]:
            raise NoSuchSlots(
                f"{nodes} nodes are asked for; cluster {self.name!r} has max_nodes {settings['max_nodes']}"
            )

    def _tickets(self) -> list[Path]:
        return sorted(self.folder.glob("*.ticket"))

    def _lock(self) -> Lock:
        return Lock(self.folder / "pool.lock")


def _run_of(ticket: Path) -> str:
    return ticket.stem.split("-", 1)[1]


def _read_ticket(ticket: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(ticket.read_text(encoding="utf-8"))
    return found


def _gpus(settings: dict[str, Any], slots: list[int], taken: list[str]) -> tuple[str, ...] | None:
    gpus = settings["gpus"]
    if not gpus:
        return None
    dealt = (gpu for index, gpu in enumerate(gpus) if index % settings["max_nodes"] in slots)
    # After the number of slots changed, a running attempt may have what would be this slot's.
    return tuple(gpu for gpu in dealt if gpu not in taken)
