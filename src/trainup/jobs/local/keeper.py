"""The process that keeps the queue of one cluster: it starts the supervisor of a waiting run when slots are free.

A waiting run costs a ticket (a file, see `slots.py`) and a few words of memory here. Runs are handed over to the keeper
(`handover.py`) with the lock that says that somebody watches over them, and the supervisor inherits it: so whether a
run is watched over has one answer, whoever does it, and a run is never started twice.

The keeper may be killed at any moment. Then the locks of the runs that wait are free, and their tickets keep their
places. Whoever notices next (a launch, an `up` that waits, a cancel, a supervisor that ends) starts another keeper. It
takes over all that wait, but for runs with secrets: these wait for the next `up`, since no disk knows the values.

It wakes when it is told to, and when a supervisor that it has started ends. Every few seconds it looks around by
itself, for what nobody tells: supervisors killed that another keeper had started, requests made by hand, folders
removed. It ends when nothing waits any more.

`python -m trainup.jobs.local.keeper WORKSPACE CLUSTER`
"""

import contextlib
import gc
import os
import resource
import select
import signal
import socket
import sys
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from trainup.jobs.local import handover, launch, run_record
from trainup.jobs.local.files import Lock, UnreadableRecord, sign
from trainup.jobs.local.processes import adopt_orphans, retitle
from trainup.jobs.local.slots import NoSuchSlots, Pool, SlotGrant, run_of
from trainup.jobs.local.supervisor import Supervisor
from trainup.jobs.local.workspace import RunFolder, Workspace

LOOK = 5.0
"""Seconds between two calls of `look_around`."""
IDLE = 0.5
"""Seconds without a waiting run after which the keeper ends."""

FILES = resource.getrlimit(resource.RLIMIT_NOFILE)
"""How many open files this process was started with."""


@dataclass(frozen=True)
class Waiting:
    """A run that waits, and what its supervisor will need."""

    folder: RunFolder
    ticket: Path
    nodes: int
    lock: int
    """The descriptor that holds the run's lock."""
    secrets: Mapping[str, str]
    environment: Mapping[str, str]

    def is_still_wanted(self) -> bool:
        """Whether it is still to start."""
        definition, cancel = self._signs
        return os.path.exists(definition) and not os.path.exists(cancel)

    @cached_property
    def _signs(self) -> tuple[str, str]:
        return str(self.folder.definition), str(self.folder.cancel)


class Keeper:
    """The queue of one cluster. `lock` ensures that there is one keeper, `listener` its socket."""

    def __init__(self, workspace: Workspace, pool: Pool, lock: Lock, listener: socket.socket) -> None:
        self.workspace, self.pool, self.lock, self.listener = workspace, pool, lock, listener
        self.waiting: dict[str, Waiting] = {}
        """By the names of their tickets, which are in the order of the queue."""
        self._started: set[str] = set()
        """Runs that we have started: if one dies before its command began, its `up` decides whether to try again."""
        self._environments: dict[tuple[tuple[str, str], ...], dict[str, str]] = {}
        """One copy of each environment; most runs come from the same."""
        self._wake, alarm = os.pipe()
        os.set_blocking(alarm, False)
        os.set_blocking(self._wake, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(alarm, warn_on_full_buffer=False)

    def main(self) -> None:
        """Keep the queue until nothing waits in it."""
        look_at, end_at = 0.0, time.monotonic() + IDLE
        while True:
            now = time.monotonic()
            if now >= look_at:
                self.look_around()
                look_at = now + LOOK
            self.deal()
            if self.waiting:
                end_at = time.monotonic() + IDLE
            elif time.monotonic() >= end_at:
                return
            until = look_at if self.waiting else end_at
            awaited = [self.listener.fileno(), self._wake]
            ready, _, _ = select.select(awaited, [], [], max(0.0, until - time.monotonic()))
            if self._wake in ready:
                self.reap()
            if self.listener.fileno() in ready and self.listen():
                end_at = time.monotonic() + IDLE

    def listen(self) -> bool:
        """Answer all pending connections; returns whether one of them handed over a run."""
        has_run = False
        while True:
            try:
                connection, _ = self.listener.accept()
            except BlockingIOError:
                return has_run
            with connection:
                try:
                    message, lock = handover.received(connection)
                    if lock is not None:
                        has_run = True
                        connection.sendall(self.take(message, lock).encode())
                    elif name := message.get("look"):
                        self.look_at(str(name))
                except (OSError, ValueError, KeyError, TypeError):  # the client was killed, or will ask again
                    traceback.print_exc()

    def take(self, message: Mapping[str, Any], lock: int) -> str:
        """Put a run into the queue; returns the answer for the sender. Its lock is the keeper's then, or released."""
        folder = RunFolder(self.workspace.runs / str(message["run"]))
        try:
            definition = run_record.read_definition(folder)
            if definition is None:
                raise UnreadableRecord(f"{folder.definition} was removed")
            missing = sorted(set(definition.spec.get("secrets", [])) - message["secrets"].keys())
            if missing:
                raise UnreadableRecord(f"the values of its secrets {', '.join(missing)} did not come with it")
            self._started.discard(folder.name)
            nodes = int(definition.spec["nodes"])
            try:
                ticket = self.pool.enqueue(folder, nodes)
            except NoSuchSlots as error:
                ticket = self.pool.folder / f"0-{folder.name}.ticket"  # it never had one
                self.start(Waiting(folder, ticket, nodes, lock, message["secrets"], message["environment"]), error)
            else:
                environment = self._shared(message["environment"])
                self.waiting[ticket.name] = Waiting(folder, ticket, nodes, lock, message["secrets"], environment)
        except (UnreadableRecord, OSError, KeyError, TypeError, ValueError) as error:
            os.close(lock)
            return f"{folder.name} could not be queued: {error}"
        return handover.ACCEPTED.decode()

    def deal(self) -> None:
        """Start the supervisors of all runs that get slots now, and of those that can never get any."""
        if not self.waiting:
            return
        is_ours = self.lock.is_valid()  # false if the folder was removed: a later keeper then has another queue
        error = NoSuchSlots(f"cluster {self.pool.name!r} was removed while the run waited for it")
        nodes = {name: waiting.nodes for name, waiting in self.waiting.items()}
        for name, turn in (self.pool.deal(nodes) if is_ours else dict.fromkeys(nodes, error)).items():
            self.start(self.waiting.pop(name), turn)

    def look_around(self) -> None:
        """Check for changes that nobody reports: requests made by hand, and runs of keepers that were killed."""
        for name in [name for name, waiting in self.waiting.items() if not waiting.is_still_wanted()]:
            self.give_up(name)
        for name in self.pool.ticket_names():
            if name not in self.waiting and run_of(ticket := self.pool.folder / name) not in self._started:
                with contextlib.suppress(UnreadableRecord, OSError, KeyError, TypeError, ValueError):
                    self.take_over(ticket)

    def look_at(self, name: str) -> None:
        """End one waiting run, if it is no longer wanted."""
        for ticket, waiting in self.waiting.items():
            if waiting.folder.name == name:
                if not waiting.is_still_wanted():
                    self.give_up(ticket)
                return

    def give_up(self, ticket: str) -> None:
        """Take a run out of the queue; a supervisor records its final status."""
        waiting = self.waiting.pop(ticket)
        if waiting.folder.definition.exists():
            self.start(waiting, None)
        else:
            self.pool.leave(waiting.ticket)
            os.close(waiting.lock)

    def take_over(self, ticket: Path) -> None:
        """Take over a waiting run of a keeper that was killed, unless it has begun or needs the secrets of an `up`."""
        folder = RunFolder(self.workspace.runs / run_of(ticket))
        definition = run_record.read_definition(folder)
        if definition is None:
            self.pool.leave(ticket)
            return
        if definition.spec.get("secrets"):
            return
        lock = Lock(folder.lock)
        if not lock.try_acquire():
            return
        try:
            state = run_record.read_state(folder) or run_record.RunState()
            if state.started:
                return  # what is left of it is cleared away when slots are dealt out
            if state.status.is_terminal:
                self.pool.leave(ticket)
                return
            nodes = int(definition.spec["nodes"])
            own_ticket = self.pool.enqueue(folder, nodes)
            environment = self._shared(launch.inherited(os.environ))
            self.waiting[own_ticket.name] = Waiting(folder, own_ticket, nodes, lock.hand_out(), {}, environment)
        finally:
            lock.release()

    def start(self, waiting: Waiting, turn: SlotGrant | NoSuchSlots | None) -> None:
        """Fork the supervisor of a run, which has the run's lock from now on. `turn` is what became of its waiting."""
        with contextlib.suppress(UnreadableRecord, OSError):  # the run says so
            if self.workspace.tracking()["kind"] != "none":
                _load_tracking()
        # Buffered output must not be written twice, and garbage collection in the child must not copy shared memory.
        sys.stdout.flush()
        sys.stderr.flush()
        gc.collect()  # of what is frozen, nothing is ever given back
        gc.freeze()
        try:
            child = os.fork()
        except OSError as error:  # no process left: the ticket is removed, so that a later launch can try again
            print(f"no supervisor can be started for {waiting.folder.name}: {error}", file=sys.stderr)
            self.pool.leave(waiting.ticket)
            os.close(waiting.lock)
            return
        if child == 0:
            _supervise(self.workspace, self.pool, waiting, turn)
        self._started.add(waiting.folder.name)
        os.close(waiting.lock)

    def reap(self) -> None:
        """Take note of supervisors that have ended."""
        with contextlib.suppress(BlockingIOError):
            while os.read(self._wake, 4096):
                pass
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass

    def _shared(self, environment: Mapping[str, str]) -> dict[str, str]:
        return self._environments.setdefault(tuple(sorted(environment.items())), dict(environment))


def _load_tracking() -> None:
    """Import once, before supervisors are forked, what each of them would import for its MLflow run: it takes 20 ms."""
    import encodings.idna  # noqa: F401 for the name of the server's host

    from trainup.jobs.local import tracked  # noqa: F401


def _supervise(workspace: Workspace, pool: Pool, waiting: Waiting, turn: SlotGrant | NoSuchSlots | None) -> None:
    """The life of a forked supervisor; never returns."""
    code = 1
    try:
        os.setsid()
        adopt_orphans()
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        # Whatever else is open here belongs to the keeper and to other runs: their locks above all.
        output = os.open(waiting.folder.logs / "supervisor.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.closerange(3, waiting.lock)
        os.closerange(waiting.lock + 1, os.sysconf("SC_OPEN_MAX"))
        sign(waiting.lock)  # so that who waits for the end need not look for it
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, FILES)  # what commands are used to
        os.environ.clear()
        os.environ.update(waiting.environment)
        folder = waiting.folder
        retitle([sys.executable, "-m", Supervisor.__module__, str(folder.path), str(workspace.root), str(waiting.lock)])
        Supervisor(workspace, folder, dict(waiting.secrets), waiting.ticket).main(turn)
        handover.wake(workspace, pool)  # if the keeper has been killed, those that still wait need another
        code = 0
    except BaseException:  # the run is as the record says; the reason is in its log
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def main() -> None:
    """Entry point; see the module's text."""
    root, name = sys.argv[1:3]
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    workspace = Workspace(Path(root))
    pool = Pool(workspace, name)
    lock = Lock(pool.keeper / "lock")
    if not lock.try_acquire():
        return  # there is one
    retitle(sys.orig_argv[:-1])
    # Each waiting run takes a descriptor, and the limit that is usual is 1,024.
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (FILES[1], FILES[1]))
    Keeper(workspace, pool, lock, handover.listening(pool)).main()


if __name__ == "__main__":
    main()
