"""The output files of a job in the workspace's storage."""

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any
from urllib.parse import unquote, urlsplit

from trainup.core import suggest
from trainup.core.input_assets import CHECKPOINTS
from trainup.jobs.azure.http.blobs import Blob, below
from trainup.jobs.azure.http.client import AzureError
from trainup.jobs.azure.platform.workspace import ARTIFACTS, HISTORY_VERSION, Workspace
from trainup.jobs.target import File, TargetError

STORE = re.compile(r"azureml://(?:subscriptions/.+/)?datastores/(?P<store>[^/]+)/(?:paths/)?(?P<path>.*)")
DATA_VERSION = "1.5.0"
MOST_LISTED = 5000
"""How many blobs are looked at to name those that are there: a page of a list."""
SELECTED = {"selectRunMetadata": True, "selectRunDefinition": True, "selectJobSpecification": True}


def files(workspace: Workspace, name: str, part: str | None = None) -> list[File]:
    """The files of a job's default outputs, or of the named output `part`. Raises TargetError, AzureError."""
    job = workspace.client.find(workspace.job(name))
    if job is None:
        raise TargetError(f"there is no job {name} in the workspace")
    container, prefix = _default(workspace, name) if part is None else _named(workspace, job, part)
    try:
        listed = list(workspace.blobs.names(container, prefix))
    except AzureError as error:
        raise _explained(error) from error
    blobs = [blob for blob in listed if (path := blob.name.removeprefix(prefix)) and not path.endswith("/")]
    return [_file(workspace, container, blob, blob.name.removeprefix(prefix)) for blob in blobs]


def code(workspace: Workspace, name: str) -> list[File]:
    """The files of a job's code, sorted by path; empty where it has none. Raises TargetError, AzureError."""
    job = workspace.client.find(workspace.job(name))
    if job is None:
        raise TargetError(f"there is no job {name} in the workspace")
    code_id = job["properties"].get("codeId")
    if not code_id:
        return []
    version = workspace.client.find(str(code_id))
    if version is None:
        raise TargetError(f"the code of {name} was removed from the workspace")
    container, prefix = _place(workspace, str(version["properties"]["codeUri"]).rstrip("/"))
    try:
        listed = list(workspace.blobs.names(container, f"{prefix}/"))
    except AzureError as error:
        raise _explained(error) from error
    blobs = [blob for blob in listed if not blob.name.endswith("/")]
    files = [_file(workspace, container, blob, blob.name.removeprefix(f"{prefix}/")) for blob in blobs]
    return sorted(files, key=lambda file: file.path)


def files_below(workspace: Workspace, folder: str, path: str) -> list[File]:
    """The file, or the files of the folder, at a path below a folder in a datastore; their paths begin with that path.

    Raises AzureError.
    """
    container, above = _place(workspace, folder.rstrip("/"))
    listed = list(workspace.blobs.names(container, f"{above}/{path}"))
    names = {blob: blob.name.removeprefix(f"{above}/") for blob in listed if not blob.name.endswith("/")}
    inside = {blob: name for blob, name in names.items() if name == path or name.startswith(f"{path}/")}
    return [_file(workspace, container, blob, name) for blob, name in inside.items()]


def beside(workspace: Workspace, folder: str, path: str) -> list[str]:
    """What is in the folder of a path below a folder in a datastore, or in that one, as paths below it. AzureError."""
    container, above = _place(workspace, folder.rstrip("/"))
    for inside in (f"{path.rpartition('/')[0]}/".lstrip("/"), ""):
        start = f"{above}/{inside}"
        listed = islice(workspace.blobs.names(container, start), MOST_LISTED)
        if names := {blob.name.removeprefix(start).partition("/")[0] for blob in listed} - {""}:
            return [inside + name for name in sorted(names)]
    return []


def _place(workspace: Workspace, uri: str) -> tuple[str, str]:
    """(container URL, prefix of the blob names) of a folder in a datastore, or at the URL of a blob."""
    if match := STORE.fullmatch(uri):
        return workspace.datastore(match["store"])[0], match["path"].rstrip("/")
    if uri.startswith(f"{(endpoint := workspace.blob_endpoint)}/") and endpoint:
        base, rest = endpoint, uri.removeprefix(f"{endpoint}/")
    else:
        parts = urlsplit(uri)
        base, rest = f"{parts.scheme}://{parts.netloc}", parts.path.lstrip("/")
    container, _, path = rest.partition("/")
    if not base.startswith("https://") or not path:
        raise TargetError(f"code that is kept at {uri} cannot be read from here")
    return f"{base}/{container}", unquote(path)


def _default(workspace: Workspace, name: str) -> tuple[str, str]:
    return workspace.datastore(ARTIFACTS)[0], f"ExperimentRun/dcid.{name}/outputs/"


def _named(workspace: Workspace, job: dict[str, Any], part: str) -> tuple[str, str]:
    """(container URL, prefix of the blob names) of a named output."""
    outputs = (job["properties"].get("outputs") or {}).keys() - {CHECKPOINTS, "default"}
    if part not in outputs:
        raise TargetError(suggest.unknown(part, sorted(outputs), f"{job['name']} has no output {part!r}"))
    uri = job["properties"]["outputs"][part].get("uri") or _resolved(workspace, job["name"], part)
    match = STORE.fullmatch(uri)
    if match is None:
        raise TargetError(
            f"the output {part!r} of {job['name']} is kept at {uri or 'an unknown location'}: only "
            "datastores can be read from here"
        )
    return workspace.datastore(match["store"])[0], match["path"].rstrip("/") + "/"


def _resolved(workspace: Workspace, name: str, part: str) -> str:
    """URI of a named output that the job does not list: run history has its asset id, the data service its URI."""
    client = workspace.client
    run = client.post(workspace.history("rundata"), {"runId": name, **SELECTED}, version=HISTORY_VERSION)
    asset = ((run.get("runMetadata") or {}).get("outputs") or {}).get(part, {}).get("assetId")
    if not asset:
        return ""
    address = f"{workspace.api}/data/v1.0{workspace.id}/dataversion/batchGetResolvedUris"
    answer = client.post(address, {"values": [asset]}, version=DATA_VERSION)
    return str((answer.get("values") or {}).get(asset, {}).get("uri") or "")


def _file(workspace: Workspace, container: str, blob: Blob, path: str) -> File:
    def pieces() -> Iterator[bytes]:
        try:
            yield from workspace.blobs.pieces(below(container, blob.name))
        except AzureError as error:
            raise _explained(error) from error

    return File(path, blob.size, blob.modified, pieces, blob.md5)


def _explained(error: AzureError) -> TargetError:
    if error.status not in (401, 403):
        return error
    return TargetError(
        f"the workspace's storage refuses to be read ({error}): ask for the role Storage Blob Data Reader on it"
    )
