"""The models of a workspace of Azure ML: versions named by their content, and a tag of the model for the live one.

The files of a version are those among the artifacts of its job: Azure ML copies nothing, and nor does trainup. Only a
version from another workspace is copied, into the default datastore.
"""

import tempfile
import threading
from collections.abc import Callable, Sequence
from pathlib import PurePosixPath
from typing import Any, BinaryIO, cast

from trainup.core.azure_ids import WORKSPACE, parse_id
from trainup.core.models import ModelVersion
from trainup.core.retry import Result
from trainup.jobs.azure.http.blobs import below
from trainup.jobs.azure.http.client import AzureError
from trainup.jobs.azure.job.files import STORE, files_below
from trainup.jobs.azure.platform.storage import write
from trainup.jobs.azure.platform.workspace import DEFAULT_STORE, Workspace
from trainup.jobs.azure.registry import imports
from trainup.jobs.models.registry import LIVE, METRICS, PREFIX, ModelRegistry, Registration, labels_of, version_of
from trainup.jobs.target import File, TargetError

FOLDER = "trainup/models"
"""Folder of the default datastore with the versions that were copied from other workspaces."""
LIVE_TAG = f"{PREFIX}{LIVE}"


class AzureModels:
    """The `ModelRegistry` of a workspace of Azure ML."""

    def __init__(self, workspace: Workspace, progress: Callable[[str], None], stop: threading.Event) -> None:
        self.workspace, self._progress, self._stop = workspace, progress, stop

    def find(self, name: str, version: str) -> ModelVersion | None:
        """The version with this name."""
        found = self.workspace.client.find(self._id(name, version))
        return self._version(name, found) if found else None

    def live(self, name: str, *, start: bool) -> ModelVersion | None:
        """The version that the model's tag names; nothing has to be started for it."""
        model = self.workspace.client.find(self._model(name))
        version = ((model or {}).get("properties") or {}).get("tags", {}).get(LIVE_TAG)
        return self.find(name, str(version)) if version else None

    def make_live(self, version: ModelVersion) -> None:
        """Keep the metrics with the version, then name it in the model's tag."""
        client = self.workspace.client
        found = client.find(self._id(version.name, version.version))
        if found is None:
            raise TargetError(f"the version {version.version} of model {version.name} was removed from the workspace")
        metrics = labels_of(version).get(METRICS, "{}")
        if (found["properties"].get("tags") or {}).get(METRICS) != metrics:
            client.put(self._id(version.name, version.version), _changed(found, {METRICS: metrics}))
        model = client.get(self._model(version.name))
        if (model["properties"].get("tags") or {}).get(LIVE_TAG) != version.version:
            client.put(self._model(version.name), _changed(model, {LIVE_TAG: version.version}))

    def files(self, version: ModelVersion) -> list[File]:
        """The files at the address of the version."""
        above = f"{self._short(version.uri).rstrip('/')}/"
        every = self._patient(lambda: files_below(self.workspace, above, version.path))
        if not every:
            raise TargetError(f"the files of model {version.name}, version {version.version}, are gone from {above}")
        return every

    def add(self, version: ModelVersion, files: Sequence[File], registration: Registration) -> ModelVersion:
        """Register the version at the address of its files, which are copied where it has none in this workspace."""
        if found := self.find(version.name, version.version):
            return found
        uri = version.uri or self._patient(lambda: self._copied(version, files))
        labels = labels_of(version)
        properties = {
            "modelType": registration.type,
            "modelUri": self._long(f"{uri.rstrip('/')}/{version.path}"),
            "description": registration.description,
            "tags": {**(registration.tags or {}), METRICS: labels.pop(METRICS, "{}")},
            "properties": labels,
        }
        if version.run and version.uri:
            properties["jobName"] = version.run
        try:
            made = self.workspace.client.put(self._id(version.name, version.version), {"properties": properties})
        except AzureError as error:
            if error.status not in (400, 409) or not (found := self.find(version.name, version.version)):
                raise  # nobody else has registered it meanwhile
            return found
        made_version = self._version(version.name, made)
        assert made_version, "its properties are those that were sent"
        return made_version

    def take_image(self, source: ModelRegistry, image: str) -> str:
        """The image in the container registry of this workspace, imported by its digest."""
        assert isinstance(source, AzureModels), "a reference names the target of its stack"
        theirs, own = (str(one.facts.get("containerRegistry") or "") for one in (source.workspace, self.workspace))
        return imports.take_over(self.workspace.client, theirs, own, image) if theirs and own else image

    def _copied(self, version: ModelVersion, files: Sequence[File]) -> str:
        """The address of the folder with copies of the files."""
        container, _ = self.workspace.datastore(DEFAULT_STORE)
        folder = f"{FOLDER}/{version.name}/{version.version}"
        for file in files:
            with tempfile.TemporaryFile() as content:
                for piece in file.pieces():
                    content.write(piece)
                address = below(container, f"{folder}/{file.path}")
                if content.tell():
                    self.workspace.blobs.put_file(address, cast(BinaryIO, content))
                else:
                    self.workspace.blobs.put(address, b"")
        return f"azureml://datastores/{DEFAULT_STORE}/paths/{folder}"

    def _patient(self, action: Callable[[], Result]) -> Result:
        """The result of an action, also where the role that it needs was assigned only now. Raises TargetError."""
        return write(self.workspace.client, action, "the files of the model", "", self._progress, self._stop)

    def _model(self, name: str) -> str:
        return f"{self.workspace.id}/models/{name}"

    def _id(self, name: str, version: str) -> str:
        return f"{self._model(name)}/versions/{version}"

    def _long(self, uri: str) -> str:
        """The address with its workspace, which official clients need to download it."""
        own = parse_id(self.workspace.id, WORKSPACE)
        scope = f"subscriptions/{own.subscription_id}/resourcegroups/{own.resource_group}/workspaces/{own.name}"
        return f"azureml://{scope}/{self._short(uri).removeprefix('azureml://')}"

    def _short(self, uri: str) -> str:
        """The address within the workspace."""
        match = STORE.fullmatch(uri)
        return f"azureml://datastores/{match['store']}/paths/{match['path']}" if match else uri

    def _version(self, name: str, found: dict[str, Any]) -> ModelVersion | None:
        """A version of Azure ML as ours; None where somebody else registered it."""
        inside = found["properties"]
        labels = {**(inside.get("properties") or {}), METRICS: (inside.get("tags") or {}).get(METRICS, "{}")}
        uri = str(inside.get("modelUri") or "").rstrip("/")
        return version_of(name, labels, id=str(found["id"]), uri=uri.removesuffix(PurePosixPath(uri).name).rstrip("/"))


def _changed(found: dict[str, Any], tags: dict[str, str]) -> dict[str, Any]:
    """The body that adds tags to a model, or to a version of one. What is read-only is left out."""
    kept = ("modelType", "modelUri", "jobName", "flavors", "description", "properties", "isAnonymous", "isArchived")
    inside = {key: found["properties"][key] for key in kept if found["properties"].get(key) not in (None, "")}
    return {"properties": {**inside, "tags": {**(found["properties"].get("tags") or {}), **tags}}}
