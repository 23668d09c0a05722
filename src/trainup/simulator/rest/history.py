"""Run history of Azure ML: discovery, run details with logs, run data, and URIs of outputs."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from trainup.simulator.cloud import shape
from trainup.simulator.cloud.azure import Azure
from trainup.simulator.cloud.refusal import Refused
from trainup.simulator.cloud.runs import Run, Runs, output_uri
from trainup.simulator.rest.artifacts import artifacts_of, signed
from trainup.simulator.rest.routing import WORKSPACE, Request, Response, Route

HISTORY = f"/history/v1.0{WORKSPACE}"
LOGS = ("user_logs/", "logs/", "azureml-logs/", "system_logs/")
_TYPES = {"uri_folder": "UriFolder", "uri_file": "UriFile", "mltable": "MLTable"}
_MODELS = {"custom_model": "CustomModel", "mlflow_model": "MLFlowModel", "triton_model": "TritonModel"}


def run_of(azure: Azure, request: Request, name: str | None = None) -> Run:
    """The run with this name, by default that in the path. Raises Refused with 404 when there is none."""
    azure.get(request.workspace)
    name = name if name is not None else request.parts["run"]
    run = azure.runs.get(request.workspace, name)
    if run is None or (run.job and azure.unread.hides(run.job)):
        message = f"Run with id {name} was not found."
        raise Refused(404, "UserError", message)
    return run


def _discovery(azure: Azure, request: Request) -> Response:
    """The addresses of all services, which are the same here."""
    api = azure.endpoints.api(request.query.get("location", "westeurope"))
    names = ("api", "history", "experimentation", "catalog", "hyperdrive", "modelmanagement", "pipelines", "mlflow")
    return Response(200, {name: api for name in names} | {"studio": azure.endpoints.studio})


def _details(azure: Azure, request: Request) -> Response:
    run = run_of(azure, request)
    logs = {
        name: signed(azure, run, name)
        for name, _ in artifacts_of(azure, run)
        if name.startswith(LOGS) and name.endswith(".txt")
    }
    started, ended = run.moment("Running"), _end_time(run)
    return Response(
        200,
        {
            "runId": run.name,
            "target": str(shape.get(_job(azure, run), "properties.computeId") or "").rsplit("/", 1)[-1],
            "status": run.status,
            "createdTimeUtc": _time(run.moments[0][1]),
            "startTimeUtc": _time(started),
            "endTimeUtc": _time(ended),
            "services": {},
            "error": run.error,
            "warnings": [{"source": "service", "message": text} for text in run.warnings],
            "tags": shape.get(_job(azure, run), "properties.tags") or run.tags,
            "properties": shape.get(_job(azure, run), "properties.properties") or run.properties,
            "inputDatasets": [],
            "outputDatasets": [],
            "logFiles": logs,
            "revision": len(run.moments),
        },
    )


def _run(azure: Azure, request: Request) -> Response:
    return Response(200, _run_body(azure, run_of(azure, request)))


def _run_data(azure: Azure, request: Request) -> Response:
    run = run_of(azure, request, str(request.json().get("runId")))
    return Response(200, {"runMetadata": _run_body(azure, run), "runDefinition": {}, "jobSpecification": {}})


def _children(azure: Azure, request: Request) -> Response:
    run_of(azure, request)
    return Response(200, {"value": []})


def _run_body(azure: Azure, run: Run) -> dict[str, Any]:
    job = _job(azure, run)
    outputs = shape.get(job, "properties.outputs") or {}
    return {
        "runId": run.name,
        "runUuid": Runs.experiment_id(run.workspace, f"runs/{run.name}"),
        "rootRunId": run.name,
        "experimentId": Runs.experiment_id(run.workspace, run.experiment),
        "dataContainerId": f"dcid.{run.name}",
        "status": run.status,
        "createdUtc": _time(run.moments[0][1]),
        "startTimeUtc": _time(run.moment("Running")),
        "endTimeUtc": _time(_end_time(run)),
        "error": run.error,
        "displayName": shape.get(job, "properties.displayName") or run.name,
        "runType": "azureml.commandjob",
        "tags": shape.get(job, "properties.tags") or run.tags,
        "properties": shape.get(job, "properties.properties") or run.properties,
        "inputs": {},
        "outputs": {
            name: {"assetId": _asset_id(azure, run, name), "type": _type_of(output)}
            for name, output in outputs.items()
            if name != "default"
        },
    }


def _resolve_uris(azure: Azure, request: Request) -> Response:
    """Map the asset ids of outputs to their URIs; unknown ids are left out."""
    azure.get(request.workspace)
    resolved = {}
    for run in azure.runs.in_workspace(request.workspace):
        outputs: Mapping[str, Any] = shape.get(_job(azure, run), "properties.outputs") or {}
        for name, output in outputs.items():
            asset, uri = _asset_id(azure, run, name), str(shape.get(output, "uri") or output_uri(run.name, name))
            if asset in request.json().get("values", []):
                long = uri.replace("azureml://", f"azureml:/{_scope(request.workspace)}/", 1)
                resolved[asset] = {"uri": long, "path": long, "type": _type_of(output)}
    return Response(200, {"values": resolved})


def _scope(workspace: str) -> str:
    """`/subscriptions/…/workspaces/<name>` without the provider, which is the form in data URIs."""
    return workspace.replace("/providers/Microsoft.MachineLearningServices", "").replace(
        "resourceGroups", "resourcegroups"
    )


def _asset_id(azure: Azure, run: Run, output: str) -> str:
    workspace = azure.find(run.workspace) or {}
    where = (
        f"azureml://locations/{workspace.get('location')}/workspaces/{shape.get(workspace, 'properties.workspaceId')}"
    )
    return f"{where}/data/azureml_{run.name}_output_data_{output}/versions/1"


def _type_of(output: Any) -> str:
    kind = str(shape.get(output, "jobOutputType"))
    return _TYPES.get(kind) or _MODELS.get(kind) or kind


def _job(azure: Azure, run: Run) -> dict[str, Any] | None:
    return azure.find(run.job) if run.job else None


def _end_time(run: Run) -> datetime | None:
    return run.moments[-1][1] if run.is_over else None


def _time(moment: datetime | None) -> str | None:
    return moment.isoformat().replace("+00:00", "Z") if moment else None


ROUTES = (
    Route("GET", "/discovery", _discovery, open=True),
    Route("GET", f"{HISTORY}/runs/{{run}}/details", _details),
    Route("GET", f"{HISTORY}/runs/{{run}}/children", _children),
    Route("GET", f"{HISTORY}/runs/{{run}}", _run),
    Route("GET", f"{HISTORY}/experiments/{{experiment}}/runs/{{run}}/details", _details),
    Route("GET", f"{HISTORY}/experiments/{{experiment}}/runs/{{run}}", _run),
    Route("POST", f"{HISTORY}/rundata", _run_data),
    Route("POST", f"/data/v1.0{WORKSPACE}/dataversion/batchGetResolvedUris", _resolve_uris),
    Route("POST", f"/modelregistry/v1.0{WORKSPACE}/models/batchGetResolvedUris", _resolve_uris),
)
