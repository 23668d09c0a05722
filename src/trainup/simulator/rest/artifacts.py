"""Files of runs: listed, signed for reading, and made room for before they are uploaded."""

from typing import Any
from urllib.parse import quote

from trainup.simulator.cloud import shape
from trainup.simulator.cloud.azure import Azure
from trainup.simulator.cloud.refusal import Refused
from trainup.simulator.cloud.runs import Run
from trainup.simulator.cloud.signatures import Grant
from trainup.simulator.cloud.storage import Blob
from trainup.simulator.rest.arm import paged
from trainup.simulator.rest.routing import WORKSPACE, Request, Response, Route

CONTAINER = "azureml"
"""Blob container of the workspace's artifact store."""

ORIGIN = "ExperimentRun"
RUN = f"/history/v1.0{WORKSPACE}/experiments/{{experiment}}/runs/{{run}}/artifacts"
BY_ORIGIN = f"/artifact/v2.0{WORKSPACE}/artifacts/{{origin}}/{{container}}"


def artifacts_of(azure: Azure, run: Run) -> list[tuple[str, Blob]]:
    """The files of a run by their path below it."""
    prefix = f"{ORIGIN}/dcid.{run.name}/"
    found = azure.storage.list(account_of(azure, run.workspace), CONTAINER, prefix)
    return [(name.removeprefix(prefix), blob) for name, blob in found]


def signed(azure: Azure, run: Run, name: str, permissions: str = "r") -> str:
    """The address of a run's file, opened for whoever has it."""
    return _address(azure, run.workspace, f"{ORIGIN}/dcid.{run.name}/{name}", permissions)


def account_of(azure: Azure, workspace: str) -> str:
    """The name of a workspace's storage account."""
    return str(shape.get(azure.find(workspace), "properties.storageAccount")).rsplit("/", 1)[-1]


def _address(azure: Azure, workspace: str, blob: str, permissions: str) -> str:
    account = account_of(azure, workspace)
    if not azure.signs:
        return f"{azure.endpoints.storage(account)}/{CONTAINER}/{quote(blob)}"
    signature = azure.signatures.issue(Grant(account, CONTAINER, blob, permissions, None))
    return f"{azure.endpoints.storage(account)}/{CONTAINER}/{quote(blob)}?{signature}"


def _folder(request: Request) -> str:
    """Where the files lie that a path speaks of: those of a run, or of an origin's container."""
    if run := request.parts.get("run"):
        return f"{ORIGIN}/dcid.{run}"
    return f"{request.parts['origin']}/{request.parts['container']}"


def _list(azure: Azure, request: Request) -> Response:
    azure.get(request.workspace)
    folder = _folder(request)
    prefix = f"{folder}/{request.query.get('path', '')}"
    found = azure.storage.list(account_of(azure, request.workspace), CONTAINER, prefix)
    return paged(azure, request, [_told(folder, name, blob) for name, blob in found])


def _content(azure: Azure, request: Request) -> Response:
    azure.get(request.workspace)
    folder, path = _folder(request), request.query.get("path", "")
    if azure.storage.get(account_of(azure, request.workspace), CONTAINER, f"{folder}/{path}") is None:
        raise Refused(404, "UserError", f"The artifact {path!r} was not found.")
    return Response(200, _opened(azure, request, folder, path, "r"))


def _content_by_prefix(azure: Azure, request: Request) -> Response:
    azure.get(request.workspace)
    folder = _folder(request)
    prefix = f"{folder}/{request.query.get('path', '')}"
    names = [name for name, _ in azure.storage.list(account_of(azure, request.workspace), CONTAINER, prefix)]
    opened = [_opened(azure, request, folder, name.removeprefix(f"{folder}/"), "r") for name in names]
    return paged(azure, request, opened)


def _create(azure: Azure, request: Request) -> Response:
    """Room for files that are about to be uploaded: an address to write to for each."""
    azure.get(request.workspace)
    folder = _folder(request)
    paths = [str(item["path"]) for item in request.json().get("paths", [])]
    opened = {path: _opened(azure, request, folder, path, "rcw") for path in paths}
    artifacts = {path: {"artifactId": f"{folder}/{path}", **_named(folder, path)} for path in paths}
    return Response(200, {"artifacts": artifacts, "artifactContentInformation": opened, "errors": {}})


def _opened(azure: Azure, request: Request, folder: str, path: str, permissions: str) -> dict[str, Any]:
    uri = _address(azure, request.workspace, f"{folder}/{path}", permissions)
    return {"contentUri": uri, **_named(folder, path)}


def _told(folder: str, name: str, blob: Blob) -> dict[str, Any]:
    path = name.removeprefix(f"{folder}/")
    return {"artifactId": name, **_named(folder, path), "createdTime": blob.modified.isoformat(), "etag": blob.etag}


def _named(folder: str, path: str) -> dict[str, str]:
    origin, _, container = folder.partition("/")
    return {"origin": origin, "container": container, "path": path}


ROUTES = tuple(
    route
    for place in (RUN, BY_ORIGIN)
    for route in (
        Route("GET", place, _list),
        Route("GET", f"{place}/path", _list),
        Route("GET", f"{place}/contentinfo", _content),
        Route("GET", f"{place}/prefix/contentinfo", _content_by_prefix),
        Route("POST", f"{place}/batch/metadata", _create),
    )
)
