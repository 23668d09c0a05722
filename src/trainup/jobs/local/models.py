"""The models of a workspace folder: versions and aliases in its MLflow server, the files among MLflow's artifacts.

A version is found by an alias of its own, its name by content, since MLflow counts versions. `models:/digits@live` is
what is live. The files are copied: what is live must not change when a run writes, or is deleted.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from trainup.core.errors import UserError
from trainup.core.models import ModelVersion
from trainup.jobs import downloads
from trainup.jobs.local import environments, mlflow_server, run_record
from trainup.jobs.local.code import file_of
from trainup.jobs.local.files import Lock, temporary_folder
from trainup.jobs.local.tracking import Tracking, TrackingError
from trainup.jobs.local.workspace import RunFolder, Workspace
from trainup.jobs.models.registry import LIVE, METRICS, ModelRegistry, NotAtHand, Registration, labels_of, version_of
from trainup.jobs.target import File, TargetError

EXPERIMENT = "models"
"""The experiment with a run for each model that no run of this workspace trained."""
SOURCE = "mlflow-artifacts:/"
FOLDER = "models"
"""Folder of a run's artifacts with the models that were registered of it."""
MISSING = ("RESOURCE_DOES_NOT_EXIST", "not found")
"""What MLflow's refusals say where there is no such model or alias."""


class NoServer(UserError):
    """The workspace has no MLflow server of its own."""


class LocalModels:
    """The `ModelRegistry` of a workspace folder."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace

    def find(self, name: str, version: str) -> ModelVersion | None:
        """The version with this name by content."""
        found = self._by_alias(self._client(), name, version)
        return self._version(name, found) if found else None

    def live(self, name: str, *, start: bool) -> ModelVersion | None:
        """The version with the alias `live`."""
        found = self._by_alias(self._client(start=start), name, LIVE)
        return self._version(name, found) if found else None

    def make_live(self, version: ModelVersion) -> None:
        """Move the alias `live`."""
        client = self._client()
        found = self._by_alias(client, version.name, version.version)
        if found is None:
            raise TargetError(f"the version {version.version} of model {version.name} was removed from MLflow")
        number = str(found["version"])
        body = {"name": version.name, "version": number, "key": METRICS, "value": labels_of(version).get(METRICS, "{}")}
        client.post("model-versions/set-tag", body)
        self._set_alias(client, version.name, LIVE, number)

    def files(self, version: ModelVersion) -> list[File]:
        """The copied files."""
        root = self._folder(version)
        return [file_of(root, path) for path in sorted(root.rglob("*")) if path.is_file()]

    def add(self, version: ModelVersion, files: Sequence[File], registration: Registration) -> ModelVersion:
        """Copy the files, and register the version by its source, tags and alias."""
        client = self._client()
        with Lock(self.workspace.mlflow / "models.lock"):  # of two at once, the second finds the version
            if found := self._known(client, version):
                self._set_alias(client, version.name, version.version, str(found["version"]))
                return self._version(version.name, found) or version
            home, run_id = self._home(client, version)
            folder = self._artifacts / home / FOLDER / version.name / version.version
            if not folder.is_dir():
                with temporary_folder(folder) as working:
                    downloads.download(files, working)
            self._make_model(client, version.name, registration)
            tags = {**(registration.tags or {}), **labels_of(version)}
            body = {
                "name": version.name,
                "source": f"{SOURCE}{folder.relative_to(self._artifacts).as_posix()}",
                "run_id": run_id,
                "description": registration.description,
                "tags": [{"key": key, "value": value} for key, value in tags.items()],
            }
            made = client.post("model-versions/create", body)["model_version"]
            self._set_alias(client, version.name, version.version, str(made["version"]))
        made_version = self._version(version.name, made)
        assert made_version, "its tags are those that were sent"
        return made_version

    def take_image(self, source: ModelRegistry, image: str) -> str:
        """The environment in this workspace, as a copy: uv has made it so that it can be moved."""
        assert isinstance(source, LocalModels), "a reference names the target of its stack"
        environments.take_over(source.workspace, self.workspace, image)
        return image

    @property
    def _artifacts(self) -> Path:
        return self.workspace.mlflow / "artifacts"

    def _client(self, *, start: bool = True) -> Tracking:
        record = self.workspace.tracking()
        if record["kind"] != "server":
            how = record["uri"] if record["kind"] == "external" else "`none`"
            raise NoServer(
                f"models are registered in the MLflow server of the workspace, and this one tracks by {how}: set "
                "trainup:workspace.tracking to `server`"
            )
        client = Tracking(str(record["uri"]))
        if start:
            return Tracking(mlflow_server.ensure(self.workspace))
        if not client.healthy():
            raise NotAtHand(f"MLflow does not run at {record['uri']}")
        return client

    def _by_alias(self, client: Tracking, name: str, alias: str) -> dict[str, Any] | None:
        try:
            answer = client.get("registered-models/alias", {"name": name, "alias": alias})
        except TrackingError as error:
            if error.status in (400, 404) and any(text in str(error) for text in MISSING):
                return None
            raise
        return dict(answer["model_version"])

    def _known(self, client: Tracking, version: ModelVersion) -> dict[str, Any] | None:
        """The version as it is registered, though a kill came before its alias."""
        if found := self._by_alias(client, version.name, version.version):
            return found
        query = {"filter": f"name = '{version.name}'", "max_results": "1000"}
        for one in client.get("model-versions/search", query).get("model_versions") or ():
            known = self._version(version.name, one)
            if known and known.digest == version.digest:
                return dict(one)
        return None

    def _home(self, client: Tracking, version: ModelVersion) -> tuple[str, str]:
        """(its artifacts, its id) of the MLflow run that a version is registered of; a new one where there is none."""
        state = run_record.read_state(RunFolder(self.workspace.runs / version.run)) if version.run else None
        if state and state.mlflow_run_id:
            experiment, run_id = state.mlflow_experiment_id, state.mlflow_run_id
        else:
            tags = {key: value for key, value in labels_of(version).items() if len(value) < 5000}
            run_id, experiment = client.create_run(EXPERIMENT, f"{version.name}-{version.version}", tags)
            client.end_run(run_id, "FINISHED", 0)
        return f"{experiment}/{run_id}/artifacts", run_id

    def _make_model(self, client: Tracking, name: str, registration: Registration) -> None:
        try:
            client.post("registered-models/create", {"name": name, "description": registration.description})
        except TrackingError as error:
            if "RESOURCE_ALREADY_EXISTS" not in str(error):
                raise

    def _set_alias(self, client: Tracking, name: str, alias: str, number: str) -> None:
        body = {"name": name, "alias": alias, "version": number}
        client.post("registered-models/alias", body)

    def _version(self, name: str, found: dict[str, Any]) -> ModelVersion | None:
        """A version of MLflow as ours; None where somebody else registered it."""
        labels = {str(tag["key"]): str(tag.get("value", "")) for tag in found.get("tags") or ()}
        place = self._artifacts / str(found.get("source", "")).removeprefix(SOURCE)
        uri = self.workspace.shown(place)
        return version_of(name, labels, id=f"models:/{name}/{found['version']}", uri=uri)

    def _folder(self, version: ModelVersion) -> Path:
        folder = (self.workspace.project or Path()) / version.uri
        if not folder.is_dir():
            raise TargetError(f"the files of model {version.name}, version {version.version}, are gone from {folder}")
        return folder
