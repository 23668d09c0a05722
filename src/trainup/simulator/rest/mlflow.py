"""MLflow's REST API over the run history, for both versions of the tracking URI."""

import math
import time
import uuid
from collections.abc import Callable
from typing import Any

from trainup.simulator.cloud.azure import Azure
from trainup.simulator.cloud.runs import Metric, Run, Runs
from trainup.simulator.rest.artifacts import artifacts_of
from trainup.simulator.rest.mlflow_calls import BASE, MlflowError, arguments_of, page, routes, with_errors
from trainup.simulator.rest.mlflow_filter import parse
from trainup.simulator.rest.routing import ANY, Request, Route

METRICS = 50
"""Number of metric names that a run may have."""

BATCH = {"metrics": 1000, "params": 100, "tags": 100}
_STATUSES = {"Completed": "FINISHED", "Failed": "FAILED", "NotResponding": "FAILED", "Canceled": "KILLED"}
_BACK = {"FINISHED": "Completed", "FAILED": "Failed", "KILLED": "Canceled", "RUNNING": "Running"}


def _run(azure: Azure, request: Request) -> Run:
    arguments = arguments_of(request)
    name = str(arguments.get("run_id") or arguments.get("run_uuid") or "")
    run = azure.runs.get(request.workspace, name)
    if run is None:
        raise MlflowError(404, "RESOURCE_DOES_NOT_EXIST", f"Run with id '{name}' not found")
    return run


def _create_run(azure: Azure, request: Request) -> dict[str, Any]:
    arguments = request.json()
    experiment = _experiments(azure, request).get(str(arguments.get("experiment_id") or ""))
    if experiment is None:
        raise MlflowError(404, "RESOURCE_DOES_NOT_EXIST", f"There is no experiment {arguments.get('experiment_id')!r}")
    run = Run(str(uuid.uuid4()), request.workspace, experiment, status="Running")
    run.tags |= {str(tag["key"]): str(tag["value"]) for tag in arguments.get("tags", [])}
    if arguments.get("run_name"):
        run.tags["mlflow.runName"] = str(arguments["run_name"])
    return {"run": _run_body(azure, azure.runs.add(run))}


def _get_run(azure: Azure, request: Request) -> dict[str, Any]:
    return {"run": _run_body(azure, _run(azure, request))}


def _update_run(azure: Azure, request: Request) -> dict[str, Any]:
    run = _run(azure, request)
    arguments = request.json()
    if run.job is None and (status := _BACK.get(str(arguments.get("status")))):
        run.move(status)  # clients cannot change the status of a job
    if arguments.get("run_name"):
        run.tags["mlflow.runName"] = str(arguments["run_name"])
    return {"run_info": _info(azure, run)}


def _delete_run(azure: Azure, request: Request) -> dict[str, Any]:
    _run(azure, request).deleted = True
    return {}


def _restore_run(azure: Azure, request: Request) -> dict[str, Any]:
    _run(azure, request).deleted = False
    return {}


def _search(azure: Azure, request: Request) -> dict[str, Any]:
    arguments = request.json()
    try:
        conditions = parse(str(arguments.get("filter") or ""))
    except ValueError as error:
        raise MlflowError(400, "INVALID_PARAMETER_VALUE", str(error)) from error
    experiments = {str(runs) for runs in arguments.get("experiment_ids", [])}
    runs = [
        run
        for run in azure.runs.in_workspace(request.workspace)
        if not run.deleted
        and (not experiments or Runs.experiment_id(run.workspace, run.experiment) in experiments)
        and all(condition.holds(run, _info(azure, run)) for condition in conditions)
    ]
    runs.reverse()
    found = page(request, "runs", runs, 1000)
    return {**found, "runs": [_run_body(azure, run) for run in found["runs"]]}


def _log_batch(azure: Azure, request: Request) -> dict[str, Any]:
    run, batch = _run(azure, request), request.json()
    for name, most in BATCH.items():
        if len(batch.get(name) or []) > most:
            count = len(batch[name])
            raise MlflowError(400, "INVALID_PARAMETER_VALUE", f"{count} {name} in one batch: the most is {most}")
    for metric in batch.get("metrics") or []:
        _log(run, metric)
    for param in batch.get("params") or []:
        _set_param(run, param)
    for tag in batch.get("tags") or []:
        run.tags[str(tag["key"])] = str(tag["value"])
    return {}


def _log_metric(azure: Azure, request: Request) -> dict[str, Any]:
    _log(_run(azure, request), request.json())
    return {}


def _log(run: Run, entry: dict[str, Any]) -> None:
    name = str(entry.get("key") or "")
    try:
        metric = Metric(
            name, float(entry["value"]), int(entry.get("timestamp") or time.time() * 1000), int(entry.get("step") or 0)
        )
    except (KeyError, TypeError, ValueError) as error:
        raise MlflowError(400, "INVALID_PARAMETER_VALUE", f"The metric {entry!r} has no usable value") from error
    if name not in run.metrics and len(run.metrics) >= METRICS:
        raise MlflowError(400, "RESOURCE_LIMIT_EXCEEDED", f"A run can have at most {METRICS} metrics")
    run.log(metric)


def _log_param(azure: Azure, request: Request) -> dict[str, Any]:
    _set_param(_run(azure, request), request.json())
    return {}


def _set_param(run: Run, entry: dict[str, Any]) -> None:
    name, value = str(entry.get("key")), str(entry.get("value"))
    with run.lock:
        if run.params.setdefault(name, value) != value:
            message = f"Changing param values is not allowed: {name!r} was {run.params[name]!r} and would be {value!r}"
            raise MlflowError(400, "INVALID_PARAMETER_VALUE", message)


def _set_tag(azure: Azure, request: Request) -> dict[str, Any]:
    tag = request.json()
    _run(azure, request).tags[str(tag["key"])] = str(tag.get("value"))
    return {}


def _delete_tag(azure: Azure, request: Request) -> dict[str, Any]:
    _run(azure, request).tags.pop(str(request.json().get("key")), None)
    return {}


def _history(azure: Azure, request: Request) -> dict[str, Any]:
    run, name = _run(azure, request), request.query.get("metric_key", "")
    return page(request, "metrics", [_metric(metric) for metric in run.metrics.get(name, [])], 25_000)


def _artifacts(azure: Azure, request: Request) -> dict[str, Any]:
    run = _run(azure, request)
    path = request.query.get("path", "").strip("/")
    prefix = f"{path}/" if path else ""
    files: dict[str, Any] = {}
    for name, blob in artifacts_of(azure, run):
        if name.startswith(prefix):
            first, *rest = name.removeprefix(prefix).split("/")
            files[prefix + first] = {"is_dir": True} if rest else {"is_dir": False, "file_size": blob.size}
    return {
        "root_uri": _info(azure, run)["artifact_uri"],
        "files": [{"path": name, **file} for name, file in files.items()],
    }


def _experiments(azure: Azure, request: Request) -> dict[str, str]:
    """Id → name."""
    names = {run.experiment for run in azure.runs.in_workspace(request.workspace)} | azure.experiments | {"Default"}
    return {Runs.experiment_id(request.workspace, name): name for name in sorted(names)}


def _get_experiment(azure: Azure, request: Request) -> dict[str, Any]:
    arguments = arguments_of(request)
    for key, name in _experiments(azure, request).items():
        if arguments.get("experiment_id") == key or arguments.get("experiment_name") == name:
            return {"experiment": _experiment(key, name)}
    raise MlflowError(404, "RESOURCE_DOES_NOT_EXIST", "There is no such experiment")


def _create_experiment(azure: Azure, request: Request) -> dict[str, Any]:
    name = str(request.json().get("name"))
    azure.experiments.add(name)
    return {"experiment_id": Runs.experiment_id(request.workspace, name)}


def _list_experiments(azure: Azure, request: Request) -> dict[str, Any]:
    return {"experiments": [_experiment(key, name) for key, name in _experiments(azure, request).items()]}


def _experiment(key: str, name: str) -> dict[str, Any]:
    return {"experiment_id": key, "name": name, "artifact_location": "", "lifecycle_stage": "active", "tags": []}


def _run_body(azure: Azure, run: Run) -> dict[str, Any]:
    with run.lock:
        metrics = [_metric(run.last(name)) for name in run.metrics]
        params = [{"key": key, "value": value} for key, value in run.params.items()]
        tags = [{"key": key, "value": value} for key, value in run.tags.items()]
    return {"info": _info(azure, run), "data": {"metrics": metrics, "params": params, "tags": tags}, "inputs": {}}


def _info(azure: Azure, run: Run) -> dict[str, Any]:
    started = run.moment("Running") or run.moments[0][1]
    host = azure.endpoints.api(str((azure.find(run.workspace) or {}).get("location"))).removeprefix("https://")
    info: dict[str, Any] = {
        "run_id": run.name,
        "run_uuid": run.name,
        "run_name": run.tags.get("mlflow.runName", run.name),
        "experiment_id": Runs.experiment_id(run.workspace, run.experiment),
        "status": _STATUSES.get(run.status, "RUNNING" if run.moment("Running") else "SCHEDULED"),
        "start_time": int(started.timestamp() * 1000),
        "artifact_uri": f"azureml://{host}/mlflow/v2.0{run.workspace}/experiments/{run.experiment}/runs/{run.name}/artifacts",
        "lifecycle_stage": "deleted" if run.deleted else "active",
    }
    if run.is_over:
        info["end_time"] = int(run.moments[-1][1].timestamp() * 1000)
    return info


def _metric(metric: Metric) -> dict[str, Any]:
    # JSON has no NaN and no infinity, so they are sent as strings.
    value: Any = metric.value
    if math.isnan(value):
        value = "NaN"
    elif math.isinf(value):
        value = "Infinity" if value > 0 else "-Infinity"
    return {"key": metric.name, "value": value, "timestamp": metric.timestamp, "step": metric.step}


def _batch_async(azure: Azure, request: Request) -> dict[str, Any]:
    _log_batch(azure, request)
    return {"batch_tracking_id": ""}  # nothing to wait for


def _logged_models(azure: Azure, request: Request) -> dict[str, Any]:
    return {"models": []}  # newer clients ask; the service has none of these


def _unknown(azure: Azure, request: Request) -> dict[str, Any]:
    raise MlflowError(404, "ENDPOINT_NOT_FOUND", f"There is no {request.method} {request.parts['rest']}")


_CALLS: dict[tuple[str, str], Callable[[Azure, Request], dict[str, Any]]] = {
    ("POST", "runs/create"): _create_run,
    ("GET", "runs/get"): _get_run,
    ("POST", "runs/update"): _update_run,
    ("POST", "runs/delete"): _delete_run,
    ("POST", "runs/restore"): _restore_run,
    ("POST", "runs/search"): _search,
    ("POST", "runs/log-metric"): _log_metric,
    ("POST", "runs/log-parameter"): _log_param,
    ("POST", "runs/log-batch"): _log_batch,
    ("POST", "runs/set-tag"): _set_tag,
    ("POST", "runs/delete-tag"): _delete_tag,
    ("GET", "metrics/get-history"): _history,
    ("GET", "artifacts/list"): _artifacts,
    ("POST", "logged-models/search"): _logged_models,
    ("GET", "experiments/get"): _get_experiment,
    ("GET", "experiments/get-by-name"): _get_experiment,
    ("POST", "experiments/create"): _create_experiment,
    ("GET", "experiments/list"): _list_experiments,
    ("POST", "experiments/search"): _list_experiments,
}

ROUTES = (
    *routes(_CALLS),
    Route("POST", f"{BASE}/preview/mlflow/runs/log-batch-async", with_errors(_batch_async)),
    Route(ANY, f"{BASE}/{{rest:path}}", with_errors(_unknown)),
)
