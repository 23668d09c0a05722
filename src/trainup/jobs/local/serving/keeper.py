"""The process that keeps an endpoint on this machine: it holds the port, and starts and replaces the server.

The listening socket is opened once and handed to each server, as systemd does it for Gunicorn, so no request meets a
closed port: what arrives while one server gives way to another waits in the socket's queue. A server that dies is
started again. When the keeper itself is killed, the server starts another keeper and hands it the socket.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from trainup.jobs.local import launch, processes
from trainup.jobs.local.files import Lock, read_json, write_json
from trainup.jobs.local.serving.folder import DeploymentFolder, EndpointFolder

POLL = 0.05
RESTART_PAUSE = 1.0
"""Seconds between two starts of a server that dies."""
RETRY_PAUSE = 5.0
"""Seconds before a server that did not even start is started again."""
START_SECONDS = 600.0
"""How long a deployment may take to load its model and answer the samples."""
GRACE_SECONDS = 5.0
"""What a server that gives way gets beyond the time of a request."""
BACKLOG = 2048
HOST = "127.0.0.1"
"""Everybody on this machine can connect, and nobody else."""
SHARED = Path(__file__).parents[2] / "serving"
HOOKS = Path(__file__).with_name("gunicorn_hooks.py")
# The socket has to be descriptor 3 and LISTEN_PID the server's own id: sd_listen_fds(3).
AS_SYSTEMD = 'exec 3<&"$TRAINUP_SOCKET"; LISTEN_FDS=1 LISTEN_PID=$$ exec "$@"'


@dataclass
class Server:
    """A server that was started."""

    folder: DeploymentFolder
    process: "subprocess.Popen[bytes]"
    alive: int
    """The end of a pipe that closes when this process is killed."""
    grace: float
    """Seconds for its last requests."""
    started: float = field(default_factory=time.monotonic)


class Keeper:
    """Keeps one endpoint."""

    def __init__(self, folder: EndpointFolder, listening: socket.socket) -> None:
        self._folder, self._socket = folder, listening
        self._token = str(folder.read()["token"])
        self._current: Server | None = None
        self._candidate: Server | None = None
        self._leaving: list[tuple[Server | None, list[psutil.Process], float]] = []
        self._starts = 0
        self._failed: str | None = None
        self._not_before = 0.0

    def run(self) -> None:
        """Work until the endpoint is removed or asked to stop."""
        while not self._folder.stop.exists() and self._folder.record.exists():
            self._step()
            time.sleep(POLL)
        self._end()

    def _step(self) -> None:
        wanted, live = str(self._folder.read().get("wanted", "")), self._folder.live()
        self._dismiss()
        if self._candidate is not None:
            self._judge(self._candidate, wanted)
            return
        if self._failed and not self._folder.deployment(self._failed).failure.exists():
            self._failed = None  # somebody wants to try it again
        if self._current and self._current.process.poll() is not None:
            ended, self._current = self._current, None
            print(f"the server of {ended.folder.name} ended: {ended.process.returncode}", flush=True)
            _let_go(ended)
            self._not_before = ended.started + RESTART_PAUSE
        name = live if wanted == self._failed else wanted
        is_there = self._current is not None and self._current.folder.name == name
        if name and not is_there and time.monotonic() >= self._not_before:
            self._candidate = self._start(name)

    def _start(self, name: str) -> Server | None:
        folder = self._folder.deployment(name)
        definition = read_json(folder.definition)
        if definition is None:
            self._fail(folder, "its folder has no definition")
            return None
        for path in (folder.report, folder.failure):
            path.unlink(missing_ok=True)
        alive, keep = os.pipe()
        for end in (alive, keep):
            os.set_inheritable(end, False)
        environment = {
            **launch.inherited(os.environ),
            **definition["variables"],
            processes.TOKEN_VARIABLE: self._token,
            "TRAINUP_SOCKET": str(self._socket.fileno()),
            "TRAINUP_KEEPER": json.dumps([sys.executable, "-I", "-m", __spec__.name, str(self._folder.path)]),
            "TRAINUP_KEEPER_ALIVE": str(alive),
            "TRAINUP_REPORT": str(folder.report),
            "TRAINUP_SHARED": str(SHARED),
        }
        with folder.log.open("ab") as log:
            process = subprocess.Popen(
                ["sh", "-c", AS_SYSTEMD, "sh", *definition["command"]],
                cwd=folder.code,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=(self._socket.fileno(), alive),
                preexec_fn=lambda: processes.mark(self._token),
            )
        os.close(alive)
        self._starts += 1
        return Server(folder, process, keep, float(definition["request_seconds"]) + GRACE_SECONDS)

    def _judge(self, candidate: Server, wanted: str) -> None:
        """Put the candidate in the place of the current server once it takes requests, or find that it cannot."""
        report = read_json(candidate.folder.report)
        if report is not None and report["problem"] is None:
            before, self._current, self._candidate = self._current, candidate, None
            others = [one for one in processes.processes_of(self._token) if not _is_of(one, candidate.process.pid)]
            self._leave(before, others)
            write_json(self._folder.status, {"live": candidate.folder.name, "starts": self._starts})
            return
        is_late = time.monotonic() - candidate.started > START_SECONDS
        is_given_up = candidate.folder.name != wanted and self._current is not None
        if candidate.process.poll() is None and not is_late and not is_given_up:
            return
        reason = str(report["problem"]) if report else ""
        if is_late:
            reason = f"it did not take requests within {START_SECONDS:.0f} s"
        self._candidate = None
        _kill(candidate)
        self._fail(candidate.folder, reason)

    def _fail(self, folder: DeploymentFolder, reason: str) -> None:
        """Record that a deployment does not start. The one that was live is tried again, after a pause."""
        self._not_before = time.monotonic() + RETRY_PAUSE
        if folder.name != self._folder.live():
            self._failed = folder.name
            if folder.path.is_dir():
                write_json(folder.failure, {"reason": reason})

    def _leave(self, server: Server | None, others: list[psutil.Process]) -> None:
        """Let servers finish their requests and end; whoever is not ended by then is killed."""
        for process in others:
            with contextlib.suppress(psutil.Error):
                process.terminate()
        grace = server.grace if server else GRACE_SECONDS + 30
        self._leaving.append((server, others, time.monotonic() + grace))

    def _dismiss(self) -> None:
        remaining = []
        for server, others, end in self._leaving:
            alive = [one for one in others if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]
            if server:
                server.process.poll()
            if alive and time.monotonic() < end:
                remaining.append((server, alive, end))
                continue
            for one in alive:
                with contextlib.suppress(psutil.Error):
                    one.kill()
            if server:
                server.process.wait()
                _let_go(server)
        self._leaving = remaining

    def _end(self) -> None:
        """End every server, with its last requests."""
        self._socket.close()
        for server in (self._candidate, self._current):
            if server:
                _let_go(server)
        everybody = processes.processes_of(self._token)
        for one in everybody:
            with contextlib.suppress(psutil.Error):
                one.terminate()
        psutil.wait_procs(everybody, timeout=GRACE_SECONDS)
        processes.kill_all_of(self._token)


def _is_of(process: psutil.Process, server: int) -> bool:
    with contextlib.suppress(psutil.Error):
        return process.pid == server or any(parent.pid == server for parent in process.parents())
    return False


def _let_go(server: Server) -> None:
    """Tell a server that its keeper leaves it in order, so that it starts no other one."""
    with contextlib.suppress(OSError):
        os.write(server.alive, b".")
    with contextlib.suppress(OSError):
        os.close(server.alive)


def _kill(server: Server) -> None:
    _let_go(server)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(server.process.pid, signal.SIGKILL)
    server.process.wait()


def _listening(folder: EndpointFolder, descriptor: int | None) -> socket.socket:
    """The socket of the endpoint: the one that was handed over, or a new one. OSError where the port is taken."""
    if descriptor is not None:
        return socket.socket(fileno=descriptor)
    record = folder.read()
    processes.kill_all_of(str(record["token"]))  # what killed keepers left behind, which would hold the port
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind((HOST, int(record["port"])))
    made.listen(BACKLOG)
    return made


def main(folder: EndpointFolder, descriptor: int | None) -> None:
    """Keep the endpoint, unless somebody else does."""
    lock = Lock(folder.lock)
    if not lock.try_acquire():
        return
    try:
        listening = _listening(folder, descriptor)
    except OSError as error:
        write_json(folder.status, {"live": folder.live(), "starts": 0, "problem": str(error)})
        return
    Keeper(folder, listening).run()


if __name__ == "__main__":
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    main(EndpointFolder(Path(sys.argv[1])), int(sys.argv[2]) if len(sys.argv) > 2 else None)
