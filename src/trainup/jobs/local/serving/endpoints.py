"""Deploys to an endpoint on this machine, and removes it."""

import contextlib
import os
import shutil
import sys
import threading
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from trainup.jobs import snapshot
from trainup.jobs.local import launch, mlflow_server, processes
from trainup.jobs.local.files import read_json, temporary_folder, write_json
from trainup.jobs.local.launch import environment_folder
from trainup.jobs.local.links import address_of
from trainup.jobs.local.serving import folder as folders
from trainup.jobs.local.serving import keeper
from trainup.jobs.local.serving.folder import DeploymentFolder, EndpointFolder
from trainup.jobs.local.workspace import Workspace
from trainup.jobs.serving import server_log
from trainup.jobs.serving.deployment import Deployment, ServingError

ENTRY = keeper.SHARED / "trainup_entry.py"
STOP_SECONDS = 60.0
POLL = 0.05
TAIL_BYTES = 1 << 16
TAKEN = "port {port} is taken by another program: end that one, or give the endpoint another `port`"


def address(port: int) -> str:
    """The address that takes requests; the same path as on Azure."""
    return f"http://{keeper.HOST}:{port}/score"


def is_live(endpoint: EndpointFolder, deployment: str) -> bool:
    """Whether this deployment serves now."""
    return endpoint.live() == deployment and endpoint.is_kept()


def is_taken(endpoint: EndpointFolder, port: int) -> bool:
    """Whether somebody else listens on the port."""
    is_own = endpoint.read().get("port") == port and endpoint.is_kept()
    return not is_own and not mlflow_server.is_free(port)


def deploy(
    workspace: Workspace,
    name: str,
    deployment: Deployment,
    image: str,
    port: int | None,
    progress: Callable[[str], None] = lambda text: None,
    stop: threading.Event | None = None,
) -> int:
    """Have the endpoint served by this deployment; returns its port.

    `image` is the environment that serves. The deployment before serves until the new one has answered the samples, and
    goes on where that does not. Raises ServingError, SnapshotError, OSError.
    """
    endpoint = folders.folder_of(workspace, name)
    with endpoint.exclusive():
        record = endpoint.read()
        if record and port not in (None, record["port"]):
            _stop(endpoint)
            record["port"] = port
        elif not record:
            record = {"port": port or mlflow_server.free_port(), "token": uuid.uuid4().hex, "wanted": ""}
        if is_taken(endpoint, int(record["port"])):
            raise ServingError(TAKEN.format(port=record["port"]))
        before = endpoint.live()
        target = endpoint.deployment(deployment.name)
        if not target.definition.exists():
            _prepare(workspace, target, deployment, image)
        target.failure.unlink(missing_ok=True)
        try:
            endpoint.write({**record, "wanted": deployment.name})
            _wait(endpoint, target, progress, stop)
        except BaseException:
            if before is None:
                _stop(endpoint)
                shutil.rmtree(endpoint.path, ignore_errors=True)
            else:
                endpoint.write({**record, "wanted": before})
            raise
        _prune(endpoint, {deployment.name, before})
    return int(record["port"])


def start(workspace: Workspace, name: str) -> None:
    """Start the keeper of an endpoint unless it lives; waits for nothing."""
    endpoint = folders.folder_of(workspace, name)
    if endpoint.is_kept():
        return
    endpoint.stop.unlink(missing_ok=True)
    with endpoint.log.open("ab") as log:
        launch.detached([sys.executable, "-I", "-m", keeper.__name__, str(endpoint.path)], log)


def remove(workspace: Workspace, name: str) -> None:
    """End the server of an endpoint, after its last requests, and remove what it was made of."""
    endpoint = folders.folder_of(workspace, name)
    with endpoint.exclusive():
        _stop(endpoint)
        shutil.rmtree(endpoint.path, ignore_errors=True)
    endpoint.exclusive().path.unlink(missing_ok=True)


def _stop(endpoint: EndpointFolder) -> None:
    """Stop keeper and server, and wait until they are gone."""
    if not endpoint.record.exists():
        return
    if not processes.end_keeper(keeper.__name__, endpoint.path, endpoint.lock, endpoint.stop, STOP_SECONDS):
        raise ServingError(f"the endpoint did not stop within {STOP_SECONDS:.0f} s; see {endpoint.log}")
    processes.kill_all_of(str(endpoint.read()["token"]))


def _prepare(workspace: Workspace, target: DeploymentFolder, deployment: Deployment, image: str) -> None:
    """Make the deployment's folder: the code as it was previewed, and the model's files."""
    shutil.rmtree(target.path, ignore_errors=True)
    with temporary_folder(target.path) as working:
        made = DeploymentFolder(working)
        snapshot.copy(deployment.source, made.code, expected_digest=deployment.snapshot, manifest=deployment.manifest)
        made.model.mkdir()
        if deployment.model:
            _copy_model(Path(address_of(deployment.model)), made.model)
        write_json(made.definition, _definition(workspace, target, deployment, image))


def _definition(workspace: Workspace, folder: DeploymentFolder, deployment: Deployment, image: str) -> dict[str, Any]:
    environment = environment_folder(workspace, image)
    seconds = deployment.request_seconds
    return {
        "command": [
            str(environment / "bin" / "python"),
            *("-m", "azureml_inference_server_http"),
            *("--entry_script", str(ENTRY)),
            *("--model_dir", str(folder.model)),
            *("--worker_count", str(deployment.instances)),
        ],
        "variables": {
            "PYTHONUNBUFFERED": "1",
            **deployment.variables,
            "PATH": f"{environment / 'bin'}:{os.environ.get('PATH', os.defpath)}",
            "VIRTUAL_ENV": str(environment),
            "AML_APP_ROOT": str(folder.code),
            "SCORING_TIMEOUT_MS": str(round(seconds * 1000)),
            "GUNICORN_CMD_ARGS": f"--config {keeper.HOOKS} --graceful-timeout {round(seconds) + 1}",
            "TRAINUP_SCORING_SCRIPT": str(folder.code / deployment.script),
            "TRAINUP_SAMPLES": str(folder.code / deployment.samples) if deployment.samples else "",
        },
        "request_seconds": seconds,
    }


def _copy_model(source: Path, folder: Path) -> None:
    """Copy the model: `gc`, or whoever removes the run, must not take it from a server that works with it."""
    if source.is_dir():
        shutil.copytree(source, folder / source.name)
    elif source.is_file():
        shutil.copy2(source, folder / source.name)
    else:
        raise ServingError(
            f"there is no model {source}: the run left no such file; `path` names one of its outputs, or leave it out"
        )


def _wait(
    endpoint: EndpointFolder, target: DeploymentFolder, progress: Callable[[str], None], stop: threading.Event | None
) -> None:
    told = False
    stop = stop or threading.Event()
    while not is_live(endpoint, target.name):
        if (failure := read_json(target.failure)) is not None:
            raise ServingError(_sentence(failure, target.log))
        status = read_json(endpoint.status) or {}
        if problem := status.get("problem"):
            endpoint.status.unlink()
            raise ServingError(f"port {endpoint.read()['port']} cannot be opened: {problem}")
        if not endpoint.is_kept():
            start(Workspace(endpoint.path.parent.parent), endpoint.path.name)
        if not told:
            told = True
            progress(f"{endpoint.path.name}: {target.name} starts, and answers the samples")
        if stop.wait(POLL):
            raise ServingError("it was interrupted; the next `pulumi up` deploys it")


def _sentence(failure: Mapping[str, Any], log: Path) -> str:
    if failure["reason"]:
        return f"{failure['reason']}; its log is {log}"
    with contextlib.suppress(OSError), log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - TAIL_BYTES))
        return server_log.failure(file.read().decode(errors="replace"))
    return "its server ended, and left no log"


def _prune(endpoint: EndpointFolder, kept: set[str | None]) -> None:
    """Remove deployments that serve no more; the last one stays, for it may still answer its last requests."""
    for one in endpoint.deployments():
        if one.name not in kept:
            shutil.rmtree(one.path, ignore_errors=True)
