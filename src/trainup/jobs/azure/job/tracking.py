"""Reads a job's metrics from the workspace's MLflow tracking server."""

import time
from concurrent.futures import ThreadPoolExecutor

from trainup.core.metrics import best_of, metrics_of
from trainup.core.numbers import to_number
from trainup.jobs.azure.platform.workspace import Workspace

AT_ONCE = 8
HISTORY_SECONDS = 30.0
PAGE = "5000"


def metrics(workspace: Workspace, name: str) -> tuple[dict[str, float], dict[str, float]]:
    """(last values, best values) of the logged metrics, or else of `outputs/metrics.json`. Raises AzureError.

    The history of each metric takes a request. Best values that are not read within HISTORY_SECONDS are left out.
    """
    last = _logged(workspace, name)
    if not last:
        written = _file(workspace, name)
        return written, dict(written)
    end = time.monotonic() + HISTORY_SECONDS

    def best(key: str) -> float | None:
        if time.monotonic() > end:
            return None
        return best_of(key, _history(workspace, name, key) or [last[key]])

    with ThreadPoolExecutor(AT_ONCE) as pool:
        values = zip(last, pool.map(best, last), strict=True)
        return last, {key: value for key, value in values if value is not None}


def last_values(workspace: Workspace, name: str) -> dict[str, float]:
    """The last values of the metrics that a job has logged so far, or else of its file. Raises AzureError."""
    return _logged(workspace, name) or _file(workspace, name)


def _logged(workspace: Workspace, name: str) -> dict[str, float]:
    answer = workspace.client.find(f"{workspace.mlflow}/runs/get", version="", run_id=name) or {}
    data = answer.get("run", {}).get("data", {}).get("metrics") or []
    return {str(item["key"]): to_number(item["value"]) for item in data}


def _file(workspace: Workspace, name: str) -> dict[str, float]:
    """The metrics in `outputs/metrics.json`, for scripts without MLflow.

    Reading it needs a role on the storage only where addresses of artifacts carry no signature that counts.
    """
    info = workspace.client.find(f"{workspace.artifacts(name)}/contentinfo", version="", path="outputs/metrics.json")
    return metrics_of(b"".join(workspace.linked_blobs.pieces(info["contentUri"]))) if info else {}


def _history(workspace: Workspace, name: str, key: str) -> list[float]:
    values: list[float] = []
    query = {"run_id": name, "metric_key": key, "max_results": PAGE}
    while True:
        page = workspace.client.get(f"{workspace.mlflow}/metrics/get-history", version="", **query)
        values += [to_number(item["value"]) for item in page.get("metrics") or []]
        if not (token := page.get("next_page_token")):
            return values
        query["page_token"] = str(token)
