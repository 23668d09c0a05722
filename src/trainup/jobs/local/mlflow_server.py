"""One MLflow server per workspace: started when first needed, restarted when it dies, stopped when long idle."""

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from trainup.jobs.local import launch, processes
from trainup.jobs.local.files import Lock, is_held, write_json
from trainup.jobs.local.owners import Owners
from trainup.jobs.local.tracking import Tracking
from trainup.jobs.local.workspace import RunFolder, Workspace
from trainup.jobs.target import TargetError

START_SECONDS = 120.0
"""The first start on a fresh store, on a busy machine, takes most of a minute at worst."""
STOP_SECONDS = 60.0
IDLE_SECONDS = 8 * 3600.0
POLL = 0.25
RESTART_PAUSE = 1.0


class ServerError(TargetError):
    """The MLflow server could not be started or stopped."""


def configure(workspace: Workspace, image: str) -> dict[str, Any]:
    """Configure a server for the workspace; returns its record. An existing record keeps its port."""
    record = workspace.tracking()
    if record["kind"] != "server":
        record = _record(free_port(), uuid.uuid4().hex, secrets.token_urlsafe(32))
    return _recorded(workspace, {**record, "image": image})


def owners(workspace: Workspace) -> Owners:
    """The resources that declare how this workspace tracks its runs."""
    return Owners(workspace.mlflow / "owners.json")


def use_external(workspace: Workspace, uri: str | None) -> dict[str, Any]:
    """Track runs on another server, or (None) not at all; returns the record."""
    return _recorded(workspace, {"kind": "external", "uri": uri} if uri else {"kind": "none"})


def _recorded(workspace: Workspace, record: dict[str, Any]) -> dict[str, Any]:
    workspace.mlflow.mkdir(parents=True, exist_ok=True)
    write_json(workspace.mlflow / "server.json", record)
    return record


def is_running(workspace: Workspace) -> bool:
    """Whether the server's keeper lives."""
    return is_held(workspace.mlflow / "server.lock")


def launch_keeper(workspace: Workspace) -> None:
    """Start the server unless it runs; does not wait for it."""
    lock = Lock(workspace.mlflow / "server.lock")
    if not lock.try_acquire() or lock.fd is None:
        return
    try:
        processes.kill_all_of(workspace.tracking()["token"])  # what a killed keeper left behind
        (workspace.mlflow / "stop").unlink(missing_ok=True)
        with (workspace.mlflow / "server.log").open("ab") as log:
            words = [sys.executable, "-I", "-m", __name__, str(workspace.root), str(lock.fd)]
            launch.detached(words, log, [lock.fd])
    finally:
        lock.release()  # the keeper holds it by its own descriptor


def ensure(workspace: Workspace, check: Callable[[], None] = lambda: None) -> str:
    """Start the server if needed; returns its tracking URI once it answers. `check` is called meanwhile and may raise.

    Raises ServerError after `START_SECONDS`.
    """
    end = time.monotonic() + START_SECONDS
    while True:
        check()
        uri = str(workspace.tracking()["uri"])
        if Tracking(uri).healthy() and is_running(workspace):
            return uri
        launch_keeper(workspace)
        if time.monotonic() > end:
            raise ServerError(
                f"the MLflow server did not answer at {uri} within {START_SECONDS:.0f} s; "
                f"see {workspace.mlflow / 'server.log'}"
            )
        time.sleep(POLL)


def stop(workspace: Workspace) -> None:
    """Stop the server and wait until it is gone."""
    if not (workspace.mlflow / "server.json").exists():
        return
    folder = workspace.mlflow
    if not processes.end_keeper(__name__, workspace.root, folder / "server.lock", folder / "stop", STOP_SECONDS):
        raise ServerError(f"the MLflow server did not stop within {STOP_SECONDS:.0f} s; see {folder / 'server.log'}")
    if token := workspace.tracking().get("token"):
        processes.kill_all_of(token)


def command(workspace: Workspace, port: int, environment: Path) -> list[str]:
    """The server's command line: SQLite beside its artifacts, one process, this machine only."""
    return [
        str(environment / "bin" / "python"),
        "-I",  # the script's own folder is full of modules that are no packages of MLflow
        str(Path(__file__).with_name("mlflow_main.py")),
        str(workspace.mlflow / "mlflow.db"),
        str(workspace.mlflow / "artifacts"),
        str(port),
    ]


def keep(workspace: Workspace) -> None:
    """Run the server until it is asked to stop or has long been idle; start it again when it dies."""
    begin = time.monotonic()
    log, size, busy = workspace.mlflow / "server.log", -1, begin
    stop_file = workspace.mlflow / "stop"
    process: subprocess.Popen[bytes] | None = None
    started = 0.0
    while True:
        now = time.monotonic()
        if process is None or (process.poll() is not None and now - started > RESTART_PAUSE):
            process, started = _start(workspace), now
        # A run that is active may not have logged for long. There may be thousands of records, so they are seldom read.
        if log.stat().st_size != size or (now - busy > IDLE_SECONDS and _has_active_runs(workspace)):
            size, busy = log.stat().st_size, now
        # A workspace folder that was removed takes its server with it.
        if stop_file.exists() or not workspace.mlflow.is_dir() or now - busy > IDLE_SECONDS:
            _end(process)
            return
        time.sleep(POLL)


def _start(workspace: Workspace) -> "subprocess.Popen[bytes]":
    record = workspace.tracking()
    free = is_free(record["port"])
    if not free or "secret" not in record:  # older versions had none
        port = record["port"] if free else free_port()
        record |= _record(port, record["token"], record.get("secret") or secrets.token_urlsafe(32))
        write_json(workspace.mlflow / "server.json", record)
    environment = {
        **launch.inherited(os.environ),
        processes.TOKEN_VARIABLE: record["token"],
        "TRAINUP_TRACKING_SECRET": record["secret"],
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
    }
    folder = launch.environment_folder(workspace, record["image"])
    words = command(workspace, record["port"], folder)
    return processes.start(words, environment, workspace.mlflow, sys.stdout.fileno())


def _end(process: "subprocess.Popen[bytes]") -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=5)
            return


def _has_active_runs(workspace: Workspace) -> bool:
    if not workspace.runs.is_dir():
        return False
    return any(is_held(RunFolder(path).lock) for path in workspace.runs.iterdir())


def _record(port: int, token: str, secret: str) -> dict[str, Any]:
    """`secret` is the first part of every address: everybody on this machine can connect to the port."""
    uri = f"http://127.0.0.1:{port}/{secret}"
    return {"kind": "server", "uri": uri, "port": port, "token": token, "secret": secret}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def remove(workspace: Workspace) -> None:
    """Stop the server and remove its store."""
    stop(workspace)
    shutil.rmtree(workspace.mlflow, ignore_errors=True)


if __name__ == "__main__":
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    keep(Workspace(Path(sys.argv[1])))
