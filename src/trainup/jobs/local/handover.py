"""How a run is handed over to the keeper of its cluster's queue, and how the keeper learns of changes.

The keeper (`keeper.py`) listens on a socket of the file system that this user alone can reach. Who connects sends one
JSON object, ends its side of the connection, and reads the answer:

- `{"run": NAME, "secrets": {…}, "environment": {…}}`, and with it the descriptor that holds the run's lock. The answer
  `taken` says that the run has its place in the queue, and that the keeper holds its lock from now on. Anything else is
  the reason for a refusal. No answer says nothing: the keeper may have been killed before it took the run, or after.
- `{"look": NAME}`: somebody wants this waiting run to end. `{}`: slots may have become free. No answer.

Secrets go this way alone: they are in the memory of two processes, and never on disk. Where no keeper listens, whoever
finds that starts one; a lock sees to it that there is never a second.
"""

import contextlib
import json
import os
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from trainup.core.errors import ServiceError
from trainup.jobs.local import launch, ledger
from trainup.jobs.local.files import Lock, is_held
from trainup.jobs.local.slots import DEFAULT_CLUSTER, Pool
from trainup.jobs.local.workspace import RunFolder, Workspace

ACCEPTED = b"taken"
START_SECONDS = 60.0
"""How long a keeper may take to listen; it is a fraction of a second on a machine that has nothing else to do."""
ANSWER_SECONDS = 60.0
LONGEST_ADDRESS = 100
"""Bytes; systems allow at least 103 in the address of a socket."""


class NoKeeper(Exception):
    """The queue has no keeper, or its keeper was killed during the call."""


class Refused(ServiceError):
    """The keeper does not take the run; the message says why."""


def pool_of(workspace: Workspace, run: RunFolder) -> Pool:
    """The slots that an attempt runs on, or waits for. Raises as `ledger.definition_of`."""
    return Pool(workspace, ledger.definition_of(run).cluster or DEFAULT_CLUSTER)


def hand_over(
    workspace: Workspace,
    pool: Pool,
    run: RunFolder,
    lock: Lock,
    secrets: Mapping[str, str],
    patience: float = START_SECONDS,
) -> None:
    """Give a run and its lock, which is held here, to the keeper, starting one where there is none.

    NoKeeper when it did not answer: whether the run was taken is told by its lock alone, once `lock` is released.
    """
    message = {"run": run.name, "secrets": dict(secrets), "environment": launch.inherited(os.environ)}
    end = time.monotonic() + patience
    while True:
        try:
            connection = _connected(pool)
            break
        except OSError as error:
            if time.monotonic() > end:
                raise Refused(
                    f"the keeper of cluster {pool.name!r} does not start; see {pool.keeper / 'log'}"
                ) from error
            start_keeper(workspace, pool)
            time.sleep(0.02)
    with connection:
        try:
            _send(connection, message, lock)
            answer = _received(connection)
        except OSError as error:
            raise NoKeeper(str(error)) from error
    if answer != ACCEPTED:
        raise Refused(answer.decode()) if answer else NoKeeper("it was killed before it answered")


def wake(workspace: Workspace, pool: Pool, run: RunFolder | None = None) -> None:
    """Tell the keeper that slots may be free, or that this waiting run is to end. Starts a keeper if there is none."""
    if not poke(pool, run) and pool.is_waited_for():
        start_keeper(workspace, pool)


def poke(pool: Pool, run: RunFolder | None = None) -> bool:
    """As `wake`, but never starts a keeper; returns whether there is one."""
    with contextlib.suppress(OSError), _connected(pool) as connection:
        _send(connection, {"look": run.name} if run else {})
        return True
    return False


def start_keeper(workspace: Workspace, pool: Pool) -> None:
    """Start a keeper unless there is one. It outlives this process, and ends once no run waits."""
    keeper_folder = pool.keeper
    keeper_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    words = [sys.executable, "-I", "-m", "trainup.jobs.local.keeper", str(workspace.root), pool.name]
    # Supervisors are forked from the keeper and retitled for `ps`, which needs room for their command lines.
    room = "." * (len(str(workspace.runs)) + 160)
    with _started_lock, (keeper_folder / "log").open("ab") as output:
        for folder in [folder for folder, child in _started.items() if child.poll() is not None]:
            del _started[folder]  # reaped
        if keeper_folder in _started or is_held(keeper_folder / "lock"):
            return  # it is about to listen
        _started[keeper_folder] = launch.detached([*words, room], output)


_started: dict[Path, "subprocess.Popen[bytes]"] = {}
"""The keepers that this process has started, by their folders."""
_started_lock = threading.Lock()


def listening(pool: Pool) -> socket.socket:
    """Open the keeper's socket; the caller holds the keeper's lock."""
    path = pool.keeper / "socket"
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    before = os.umask(0o177)
    try:
        with _address(path) as address:
            listener.bind(address)
    finally:
        os.umask(before)
    listener.listen(4096)
    listener.setblocking(False)
    return listener


def received(connection: socket.socket) -> tuple[dict[str, Any], int | None]:
    """(message of the client, descriptor that came with it or None); the descriptor belongs to the caller."""
    connection.settimeout(ANSWER_SECONDS)
    _judge_peer(connection)
    content, descriptors, _, _ = socket.recv_fds(connection, 1 << 16, 1)
    try:
        content += _received(connection) if content else b""
        message: dict[str, Any] = json.loads(content)
        for descriptor in descriptors:
            os.set_inheritable(descriptor, False)
    except BaseException:
        for descriptor in descriptors:
            os.close(descriptor)  # or the run's lock would stay held
        raise
    return message, descriptors[0] if descriptors else None


def _connected(pool: Pool) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(ANSWER_SECONDS)
    try:
        with _address(pool.keeper / "socket") as address:
            connection.connect(address)
        _judge_peer(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _send(connection: socket.socket, message: Mapping[str, Any], lock: Lock | None = None) -> None:
    content = json.dumps(message).encode()
    sent = socket.send_fds(connection, [content], [lock.fd] if lock and lock.fd is not None else [])
    connection.sendall(content[sent:])
    connection.shutdown(socket.SHUT_WR)


def _received(connection: socket.socket) -> bytes:
    return b"".join(iter(lambda: connection.recv(1 << 16), b""))


def _judge_peer(connection: socket.socket) -> None:
    """Raise PermissionError for another user's process: secrets pass here, and the folder's mode alone may not do."""
    if hasattr(socket, "SO_PEERCRED"):
        _, user, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        if user not in (os.getuid(), 0):
            raise PermissionError(f"user {user} is at the other end of the keeper's socket")


@contextlib.contextmanager
def _address(path: Path) -> Iterator[str]:
    """The address of a socket: a path, or a shorter way to it on systems that have one."""
    if len(os.fsencode(path)) <= LONGEST_ADDRESS:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
