"""The folder of an endpoint on this machine, and the records in it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainup.jobs.local.files import Lock, is_held, read_json, write_json
from trainup.jobs.local.owners import Owners
from trainup.jobs.local.workspace import Workspace

FOLDER = "endpoints"


@dataclass(frozen=True)
class DeploymentFolder:
    """Paths of one deployment: code, model, log and how its start went."""

    path: Path

    @property
    def name(self) -> str:
        """The deployment's name."""
        return self.path.name

    @property
    def definition(self) -> Path:
        """What to start; written last, so that a folder with it is whole."""
        return self.path / "deployment.json"

    @property
    def code(self) -> Path:
        """The snapshot of the source folder; the server's working directory."""
        return self.path / "code"

    @property
    def model(self) -> Path:
        """The model's files: `AZUREML_MODEL_DIR`."""
        return self.path / "model"

    @property
    def log(self) -> Path:
        """All that the server and the script print."""
        return self.path / "log.txt"

    @property
    def report(self) -> Path:
        """Written by the server once it could take requests: `problem` tells why it does not; null where it does."""
        return self.path / "report.json"

    @property
    def failure(self) -> Path:
        """Why the deployment could not be started; written by the keeper."""
        return self.path / "failure.json"


@dataclass(frozen=True)
class EndpointFolder:
    """Paths and records of one endpoint."""

    path: Path

    @property
    def record(self) -> Path:
        """`port`, `token`, and `wanted`: the deployment that is to serve. Written by the provider."""
        return self.path / "endpoint.json"

    @property
    def status(self) -> Path:
        """`live`: the deployment that serves, and `starts`: how often one was started. Written by the keeper."""
        return self.path / "status.json"

    @property
    def lock(self) -> Path:
        """Held by the keeper for as long as it lives."""
        return self.path / "keeper.lock"

    @property
    def log(self) -> Path:
        """What the keeper prints."""
        return self.path / "keeper.log"

    @property
    def stop(self) -> Path:
        """Its existence asks the keeper to end."""
        return self.path / "stop"

    @property
    def owners(self) -> Owners:
        """The resources that declare the endpoint."""
        return Owners(self.path / "owners.json")

    def deployment(self, name: str) -> DeploymentFolder:
        """The folder of a deployment."""
        return DeploymentFolder(self.path / "deployments" / name)

    def deployments(self) -> list[DeploymentFolder]:
        """All deployments that are kept."""
        parent = self.path / "deployments"
        return [DeploymentFolder(path) for path in sorted(parent.iterdir())] if parent.is_dir() else []

    def exclusive(self) -> Lock:
        """The lock under which the endpoint is changed."""
        return Lock(self.path.with_name(f".{self.path.name}.lock"))

    def read(self) -> dict[str, Any]:
        """The record; empty where there is none."""
        return read_json(self.record) or {}

    def write(self, record: dict[str, Any]) -> None:
        """Replace the record."""
        write_json(self.record, record)

    def live(self) -> str | None:
        """The deployment that serves, or served last."""
        return (read_json(self.status) or {}).get("live")

    def is_kept(self) -> bool:
        """Whether the keeper lives."""
        return is_held(self.lock)


def folder_of(workspace: Workspace, name: str) -> EndpointFolder:
    """The folder of an endpoint in a workspace."""
    return EndpointFolder(workspace.root / FOLDER / name)


def folders(workspace: Workspace) -> list[EndpointFolder]:
    """The folders of all endpoints of a workspace."""
    parent = workspace.root / FOLDER
    if not parent.is_dir():
        return []
    return [EndpointFolder(path) for path in sorted(parent.iterdir()) if path.is_dir()]
