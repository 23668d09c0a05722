"""Artifacts of runs: lists, signed URLs for downloads, and signed URLs for uploads."""

from typing import Any
from urllib.parse import quote

from trainup.simulator.cloud import shape
from trainup.simulator.cloud.azure import Azure
from trainup.simulator.cloud.refusal import Refused
from trainup.simulator.cloud.runs import Run
from trainup.simulator.cloud.signatures import SharedAccess
from trainup.simulator.cloud.storage import Blob
from trainup.simulator.rest.arm import paged
from trainup.simulator.rest.routing import WORKSPACE, Request, Response, Route

CONTAINER = "azureml"
"""Blob container of a workspace's artifact store."""

ORIGIN = "ExperimentRun"
RUN = f"/history/v1.0{WORKSPACE}/experiments/{{experiment}}/runs/{{run}}/artifacts"
BY_ORIGIN = f"/artifact/v2.0{WORKSPACE}/artifacts/{{origin}}/{{container}}"


def artifacts_of(azure: Azure, run: Run) -> list[tuple[str, Blob]]:
    """The paths and blobs of a run's artifacts; paths are relative to the run."""
    prefix = f"{ORIGIN}/dcid.{run.name}/"
    files = azure.storage.list(account_of(azure, run.workspace), CONTAINER, prefix)
    return [(name.removeprefix(prefix), blob) for name, blob in files]


def signed(azure: Azure, run: Run, name: str, permissions: str = "r") -> str:
    """A signed URL of a run's artifact."""
    return _address(azure, run.workspace, f"{ORIGIN}/dcid.{run.name}/{name}", permissions)


def account_of(azure: Azure, workspace: str) -> str:
    """The name of a workspace's storage account."""
    return str(shape.get(azure.find(workspace), "properties.storageAccount")).rsplit("/", 1)[-1]


def _address(azure: Azure, workspace: str, blob: str, permissions: str) -> str:
    account = account_of(azure, workspace)
    if not azure.signs:
        return f"{azure.endpoints.storage(account)}/{CONTAINER}/{quote(blob)}"
    signature = azure.signatures.issue(SharedAccess(account, CONTAINER, blob, permissions, None))
    return f"{azure.endpoints.storage(account)}/{CONTAINER}/{quote(blob)}?{signature}"


def _folder(request: Request) -> str:
    """The folder of the artifacts that a path refers to: of a run, or of an origin's container."""
    if run := request.parts.get("run"):
        return f"{ORIGIN}/dcid.{run}"
    return f"{request.parts['origin']}/{request.parts['container']}"


def _asked_for(azure: Azure, request: Request) -> tuple[str, list[tuple[str, Blob]]]:
    """(the folder of the artifacts, the names and blobs that begin with the path in the query)."""
    azure.get(request.workspace)
    folder = _folder(request)
    prefix = f"{folder}/{request.query.get('path', '')}"
    return folder, azure.storage.list(account_of(azure, request.workspace), CONTAINER, prefix)


def _list(azure: Azure, request: Request) -> Response:
    folder, files = _asked_for(azure, request)
    return paged(azure, request, [_artifact(folder, name, blob) for name, blob in files])


def _content(azure: Azure, request: Request) -> Response:
    azure.get(request.workspace)
    folder, path = _folder(request), request.query.get("path", "")
    if azure.storage.get(account_of(azure, request.workspace), CONTAINER, f"{folder}/{path}") is None:
        raise Refused(404, "UserError", f"The artifact {path!r} was not found.")
    return Response(200, _content_info(azure, request, folder, path, "r"))


def _content_by_prefix(azure: Azure, request: Request) -> Response:
    folder, files = _asked_for(azure, request)
    opened = [_content_info(azure, request, folder, name.removeprefix(f"{folder}/"), "r") for name, _ in files]
    return paged(azure, request, opened)


def _create(azure: Azure, request: Request) -> Response:
    """Register artifacts before their upload, and return a URL to upload each of them to."""
    azure.get(request.workspace)
    folder = _folder(request)
    paths = [str(item["path"]) for item in request.json().get("paths", [])]
    opened = {path: _content_info(azure, request, folder, path, "rcw") for path in paths}
    artifacts = {path: {"artifactId": f"{folder}/{path}", **_location(folder, path)} for path in paths}
    return Response(200, {"artifacts": artifacts, "artifactContentInformation": opened, "errors": {}})


def _content_info(azure: Azure, request: Request, folder: str, path: str, permissions: str) -> dict[str, Any]:
    uri = _address(azure, request.workspace, f"{folder}/{path}", permissions)
    return {"contentUri": uri, **_location(folder, path)}


def _artifact(folder: str, name: str, blob: Blob) -> dict[str, Any]:
    path = name.removeprefix(f"{folder}/")
    return {"artifactId": name, **_location(folder, path), "createdTime": blob.modified.isoformat(), "etag": blob.etag}


def _location(folder: str, path: str) -> dict[str, str]:
    origin, _, container = folder.partition("/")
    return {"origin": origin, "container": container, "path": path}


ROUTES = tuple(
    route
    for base in (RUN, BY_ORIGIN)
    for route in (
        Route("GET", base, _list),
        Route("GET", f"{base}/path", _list),
        Route("GET", f"{base}/contentinfo", _content),
        Route("GET", f"{base}/prefix/contentinfo", _content_by_prefix),
        Route("POST", f"{base}/batch/metadata", _create),
    )
)
