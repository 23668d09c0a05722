"""The few MLflow REST calls that trainup itself makes; scripts use the `mlflow` package."""

import http.client
import json
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

from trainup.core.metrics import best_of
from trainup.core.numbers import to_number

TIMEOUT = 15.0


class TrackingError(Exception):
    """The MLflow server refused, or does not answer."""


class Tracking:
    """A client for one MLflow server (REST API 2.0)."""

    def __init__(self, uri: str) -> None:
        self.uri = uri.rstrip("/")
        # A proxy for the world outside is no way to a server on this machine.
        proxies: dict[str, str] | None = (
            {} if urllib.parse.urlsplit(uri).hostname in ("127.0.0.1", "localhost", "::1") else None
        )
        self._open = urllib.request.build_opener(urllib.request.ProxyHandler(proxies)).open

    def healthy(self) -> bool:
        """Whether the server answers."""
        try:
            with self._open(f"{self.uri}/health", timeout=2) as answer:
                return bool(answer.status == 200)
        except (OSError, http.client.HTTPException):
            return False

    def create_run(self, experiment: str, name: str, tags: dict[str, str]) -> tuple[str, str]:
        """Make a run; returns (run id, address of its page)."""
        experiment_id = self._experiment(experiment)
        body = {
            "experiment_id": experiment_id,
            "run_name": name,
            "start_time": time.time_ns() // 1_000_000,
            "tags": [{"key": key, "value": value} for key, value in tags.items()],
        }
        run_id = self._post("runs/create", body)["run"]["info"]["run_id"]
        return run_id, f"{self.uri}/#/experiments/{experiment_id}/runs/{run_id}"

    def end_run(self, run_id: str, status: str) -> None:
        """Set how the run ended: FINISHED, FAILED or KILLED."""
        self._post("runs/update", {"run_id": run_id, "status": status, "end_time": time.time_ns() // 1_000_000})

    def metrics(self, run_id: str) -> tuple[dict[str, float], dict[str, float]]:
        """(last values, best values) of all metrics of a run."""
        found = self._get("runs/get", {"run_id": run_id})["run"]["data"].get("metrics", [])
        last = {item["key"]: to_number(item["value"]) for item in found}
        best = {key: best_of(key, self._history(run_id, key)) for key in last}
        return last, best

    def _history(self, run_id: str, key: str) -> list[float]:
        values: list[float] = []
        token: str | None = ""
        while token is not None:
            query = {"run_id": run_id, "metric_key": key, "max_results": "10000"}
            page = self._get("metrics/get-history", query | ({"page_token": token} if token else {}))
            values += [to_number(item["value"]) for item in page.get("metrics", [])]
            token = page.get("next_page_token") or None
        return values

    def _experiment(self, name: str) -> str:
        try:
            found = self._get("experiments/get-by-name", {"experiment_name": name})
        except TrackingError as error:
            if "RESOURCE_DOES_NOT_EXIST" not in str(error):
                raise
        else:
            return str(found["experiment"]["experiment_id"])
        try:
            return str(self._post("experiments/create", {"name": name})["experiment_id"])
        except TrackingError as error:
            if "RESOURCE_ALREADY_EXISTS" not in str(error):
                raise
            return self._experiment(name)  # another run made it in this very moment

    def _get(self, call: str, query: dict[str, str]) -> dict[str, Any]:
        return self._request(f"{call}?{urllib.parse.urlencode(query)}", None)

    def _post(self, call: str, body: dict[str, Any]) -> dict[str, Any]:
        return self._request(call, json.dumps(body).encode())

    def _request(self, call: str, body: bytes | None) -> dict[str, Any]:
        request = urllib.request.Request(
            f"{self.uri}/api/2.0/mlflow/{call}", data=body, headers={"Content-Type": "application/json"}
        )
        try:
            with self._open(request, timeout=TIMEOUT) as answer:
                return dict(json.loads(answer.read()))
        except urllib.error.HTTPError as error:
            detail = error.read().decode("utf-8", "replace")[:500]
            raise TrackingError(f"MLflow at {self.uri} refused {call.split('?')[0]}: {error.code} {detail}") from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise TrackingError(f"MLflow at {self.uri} does not answer {call.split('?')[0]}: {error}") from error
