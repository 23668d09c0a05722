"""Reads a job's metrics from the workspace's MLflow tracking server."""

import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from trainup.core.curves import Point
from trainup.core.metrics import best_of, metrics_of
from trainup.core.numbers import to_number
from trainup.jobs.azure.platform.workspace import Workspace

AT_ONCE = 8
HISTORY_SECONDS = 30.0
PAGE = "5000"
MOST_RUNS = 1000
"""Jobs in one response."""


def metrics(workspace: Workspace, name: str) -> tuple[dict[str, float], dict[str, float]]:
    """(last values, best values) of the logged metrics, or else of `outputs/metrics.json`. Raises AzureError.

    The history of each metric takes a request. Best values that are not read within HISTORY_SECONDS are left out.
    """
    last = _logged(workspace, name)
    if not last:
        written = _file(workspace, name)
        return written, dict(written)
    lines = histories(workspace, [(name, key) for key in last])
    best = {key: best_of(key, [value for _, value in line] or [last[key]]) for (_, key), line in lines.items()}
    return last, best


def histories(workspace: Workspace, metrics: Sequence[tuple[str, str]]) -> dict[tuple[str, str], list[Point]]:
    """(job, metric) → all points of the metric; those not read within HISTORY_SECONDS are left out. Raises AzureError.

    Each metric takes a request.
    """
    end = time.monotonic() + HISTORY_SECONDS

    def read(metric: tuple[str, str]) -> list[Point] | None:
        return None if time.monotonic() > end else _history(workspace, *metric)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        lines = zip(metrics, pool.map(read, metrics), strict=True)
        return {metric: line for metric, line in lines if line is not None}


def last_values(workspace: Workspace, name: str) -> dict[str, float]:
    """The last values of the metrics that a job has logged so far, or else of its file. Raises AzureError."""
    return _logged(workspace, name) or _file(workspace, name)


def last_values_of(workspace: Workspace, names: Sequence[str]) -> dict[str, dict[str, float]]:
    """Job → the last values of its metrics. Raises AzureError.

    Takes two requests for each experiment, and one for each job that logged nothing, whose file is read.
    """
    values: dict[str, dict[str, float]] = {}
    left = dict.fromkeys(names)
    while left:
        first = next(iter(left))
        run = (workspace.client.find(f"{workspace.mlflow}/runs/get", version="", run_id=first) or {}).get("run") or {}
        values[first] = _metrics_in(run)
        if experiment := str((run.get("info") or {}).get("experiment_id") or ""):
            values |= {name: metrics for name, metrics in _in_experiment(workspace, experiment) if name in left}
        left = dict.fromkeys(name for name in left if name not in values)
    silent = [name for name, metrics in values.items() if not metrics]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return values | dict(zip(silent, pool.map(lambda name: _file(workspace, name), silent), strict=True))


def _in_experiment(workspace: Workspace, experiment: str) -> Iterator[tuple[str, dict[str, float]]]:
    """(job, its last metrics) of all jobs of an experiment."""
    body: dict[str, Any] = {"experiment_ids": [experiment], "max_results": MOST_RUNS}
    while True:
        page = workspace.client.post(f"{workspace.mlflow}/runs/search", body, version="")
        for run in page.get("runs") or []:
            yield str(run["info"]["run_id"]), _metrics_in(run)
        if not (token := page.get("next_page_token")):
            return
        body["page_token"] = str(token)


def _metrics_in(run: Mapping[str, Any]) -> dict[str, float]:
    items = (run.get("data") or {}).get("metrics") or []
    return {str(item["key"]): to_number(item["value"]) for item in items}


def _logged(workspace: Workspace, name: str) -> dict[str, float]:
    answer = workspace.client.find(f"{workspace.mlflow}/runs/get", version="", run_id=name) or {}
    return _metrics_in(answer.get("run") or {})


def _file(workspace: Workspace, name: str) -> dict[str, float]:
    """The metrics in `outputs/metrics.json`, for scripts without MLflow.

    Reading it needs a role on the storage only where addresses of artifacts carry no signature that counts.
    """
    info = workspace.client.find(f"{workspace.artifacts(name)}/contentinfo", version="", path="outputs/metrics.json")
    return metrics_of(b"".join(workspace.linked_blobs.pieces(info["contentUri"]))) if info else {}


def _history(workspace: Workspace, name: str, key: str) -> list[Point]:
    points: list[Point] = []
    query = {"run_id": name, "metric_key": key, "max_results": PAGE}
    while True:
        page = workspace.client.get(f"{workspace.mlflow}/metrics/get-history", version="", **query)
        points += [(float(item.get("step") or 0), to_number(item["value"])) for item in page.get("metrics") or []]
        if not (token := page.get("next_page_token")):
            return points
        query["page_token"] = str(token)
