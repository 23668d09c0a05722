"""Copies code and inputs to a job's node before its start, and its outputs to blobs after its end."""

import shutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainup.simulator.cloud import roles, shape
from trainup.simulator.cloud.azure import Azure
from trainup.simulator.cloud.runs import output_uri
from trainup.simulator.machines import files
from trainup.simulator.machines.errors import Failed
from trainup.simulator.machines.files import BlobPath, Unreachable

ARTIFACTS = "azureml"
"""Blob container of the workspace's artifacts."""

RUN_FOLDERS = ("outputs", "logs")
"""Folders beside the code whose files become artifacts of the run."""

_READERS = (roles.BLOB_READER, roles.BLOB_CONTRIBUTOR, roles.BLOB_OWNER)


@dataclass(frozen=True)
class Data:
    """The data of one job."""

    azure: Azure
    job: str
    """Resource id of the job."""

    own: Mapping[str, Any]
    """Properties of the job from its PUT."""

    folder: Path

    @property
    def name(self) -> str:
        """Name of the job."""
        return self.job.rsplit("/", 1)[1]

    @property
    def workspace(self) -> str:
        """Resource id of the workspace."""
        return self.job.rpartition("/jobs/")[0]

    def artifacts(self, path: str = "") -> BlobPath:
        """The blobs of the run's artifacts."""
        account = str(shape.get(self.azure.find(self.workspace), "properties.storageAccount")).rsplit("/", 1)[-1]
        return BlobPath(account, ARTIFACTS, f"ExperimentRun/dcid.{self.name}/{path}".rstrip("/"))

    def publish(self, name: str, path: Path) -> None:
        """Publish a growing file as the log with this name."""
        location = self.artifacts(name)
        self.azure.storage.follow(location.account, location.container, location.path, path)

    def code(self, node: int) -> Path:
        """A new copy of the code for a node, with the folders for artifacts. Raises Failed."""
        folder = self.folder / f"code-{node}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        if code := self.azure.find(self.own.get("codeId") or ""):
            try:
                files.download(self.azure, str(shape.get(code, "properties.codeUri")), folder)
            except Unreachable as error:
                raise Failed(f"The code of the job cannot be had: {error}", "CodeSnapshotError") from error
        for name in RUN_FOLDERS:
            (folder / name).mkdir(exist_ok=True)
        return folder

    def inputs(self, principals: Iterable[str]) -> dict[str, str]:
        """Name → value in the command. Without account keys, the principals need a role to read. Raises Failed."""
        values: dict[str, str] = {}
        for name, job_input in (self.own.get("inputs") or {}).items():
            if job_input is None:
                continue
            if job_input.get("jobInputType") == "literal":
                values[name] = str(job_input.get("value", ""))
            elif job_input.get("mode") == "Direct":
                values[name] = str(job_input["uri"])
            else:
                values[name] = self._input(name, str(job_input["uri"]), str(job_input.get("mode")), principals)
        return values

    def _input(self, name: str, uri: str, mode: str, principals: Iterable[str]) -> str:
        target = self.folder / "inputs" / name
        shutil.rmtree(target, ignore_errors=True)
        try:
            self._check_reader(files.resolve(self.azure, uri, self.workspace), uri, principals)
            local_path = files.download(self.azure, uri, target, self.workspace)
        except Unreachable as error:
            message = f"The data of the input {name!r} cannot be had: {error}"
            raise Failed(message, "ScriptExecution", "StreamAccess", "NotFound") from error
        if mode not in ("Download", "EvalDownload", "ReadWriteMount"):
            for path in [target, *target.rglob("*")]:
                path.chmod(0o555 if path.is_dir() else 0o444)
        return str(local_path)

    def _check_reader(self, location: BlobPath, uri: str, principals: Iterable[str]) -> None:
        """Raise Failed if the storage account permits no keys and no principal has a role to read from it."""
        accounts = self.azure.each("Microsoft.Storage/storageAccounts")
        account = next((resource for resource in accounts if resource["name"] == location.account), None)
        if account is None or shape.get(account, "properties.allowSharedKeyAccess") is not False:
            return
        if not any(self.azure.has_role(who, role, account["id"]) for who in principals for role in _READERS):
            raise Failed(
                f"Failed to mount URI {uri}. Error Code: ScriptExecution.StreamAccess.Authentication. Native Error: "
                "error in streaming from input data sources: StreamError(PermissionDenied(Some(This request is not "
                f"authorized to perform this operation using this permission.))): storage account {location.account!r}",
                "ScriptExecution",
                "StreamAccess",
                "Authentication",
            )

    def outputs(self) -> dict[str, str]:
        """Name → value in the command."""
        values = {}
        for name, output in self._named_outputs():
            uri = self._uri(name, output)
            if output.get("mode") == "Direct":
                values[name] = uri
                continue
            folder = self.folder / "outputs" / name
            if output.get("mode") == "Upload":  # uploaded only at the end, so a lost node loses it
                shutil.rmtree(folder, ignore_errors=True)
            else:  # a mount shows existing files
                with suppress(Unreachable):
                    files.download(self.azure, uri, folder, self.workspace)
            folder.mkdir(parents=True, exist_ok=True)
            values[name] = str(folder)
        return values

    def collect(self) -> None:
        """Upload the named outputs and the artifacts."""
        for name, output in self._named_outputs():
            if (folder := self.folder / "outputs" / name).is_dir():
                location = files.resolve(self.azure, self._uri(name, output), self.workspace)
                files.upload(self.azure, folder, location)
        for part in RUN_FOLDERS:
            if (folder := self.folder / "code-0" / part).is_dir():
                files.upload(self.azure, folder, self.artifacts(part))

    def _named_outputs(self) -> Iterable[tuple[str, Mapping[str, Any]]]:
        return [(name, output) for name, output in (self.own.get("outputs") or {}).items() if name != "default"]

    def _uri(self, name: str, output: Mapping[str, Any]) -> str:
        if output.get("uri"):
            return str(output["uri"]).replace("${{name}}", self.name)  # which the service fills in as well
        uri = output_uri(self.name, name)
        if self.azure.output_uris:
            self.azure.amend(self.job, {f"properties.outputs.{name}.uri": uri})
        return uri
