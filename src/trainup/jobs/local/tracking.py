"""The few MLflow REST calls that trainup itself makes; scripts use the `mlflow` package."""

import http.client
import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from trainup.core.curves import Point
from trainup.core.errors import ServiceError
from trainup.core.numbers import to_number

TIMEOUT = 15.0
AT_ONCE = 8
"""Maximum of concurrent requests to one server."""
MOST_PARAMETERS = 100
"""MLflow's maximum of parameters in one request."""


class TrackingError(ServiceError):
    """The MLflow server refused, or does not answer. `status` is the code of its answer, 0 where there was none."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class NotListening(TrackingError):
    """Nothing listens at the server's address: it is starting, or has ended. The request was not sent."""


@dataclass(frozen=True)
class TrackedRun:
    """The data of an MLflow run."""

    metrics: dict[str, float]
    """Metric → last value."""
    parameters: dict[str, str]
    started: int = 0
    """Milliseconds since 1970."""


class Tracking:
    """A client for one MLflow server (REST API 2.0)."""

    def __init__(self, uri: str) -> None:
        self.uri = uri.rstrip("/")
        # A proxy cannot reach a server on this machine.
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
        """Make a run; returns (run id, id of its experiment)."""
        experiment_id = self._experiment(experiment)
        body = {
            "experiment_id": experiment_id,
            "run_name": name,
            "start_time": time.time_ns() // 1_000_000,
            "tags": [{"key": key, "value": value} for key, value in tags.items()],
        }
        return self.post("runs/create", body)["run"]["info"]["run_id"], experiment_id

    def begin_on_own(self, experiment: str, name: str, tags: Mapping[str, str]) -> tuple[str, str]:
        """As `create_run`, in one request; on a server of trainup's own alone. MLflow takes four times as long."""
        start = time.time_ns() // 1_000_000
        body = {"experiment": experiment, "run_name": name, "start_time": start, "tags": dict(tags)}
        answer = self._own("begin", body)
        return str(answer["run_id"]), str(answer["experiment_id"])

    def end_on_own(
        self, run_id: str, status: str, parameters: Mapping[str, str]
    ) -> tuple[dict[str, float], dict[str, tuple[float, float]]]:
        """As `log_parameters`, `end_run`, `run` and `extremes`, in one request; on a server of trainup's own alone.

        Returns (metric → last value, metric → lowest and highest value).
        """
        now = time.time_ns() // 1_000_000
        body = {"run_id": run_id, "status": status, "end_time": now, "parameters": dict(parameters)}
        answer = self._own("end", body)
        last = {key: to_number(value) for key, value in answer["metrics"].items()}
        return last, _extremes(answer["extremes"])

    def _own(self, call: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return self._request(f"{self.uri}/trainup/{call}", json.dumps(body).encode())

    def end_run(self, run_id: str, status: str, started: int) -> None:
        """Set how the run ended: FINISHED, FAILED or KILLED. It ends after its start, though a clock is set back."""
        ended = max(time.time_ns() // 1_000_000, started)
        self.post("runs/update", {"run_id": run_id, "status": status, "end_time": ended})

    def run(self, run_id: str) -> TrackedRun:
        """What a run has logged."""
        run = self.get("runs/get", {"run_id": run_id})["run"]
        data = run["data"]
        return TrackedRun(
            {item["key"]: to_number(item["value"]) for item in data.get("metrics", [])},
            {item["key"]: item["value"] for item in data.get("params", [])},
            int(run["info"].get("start_time") or 0),
        )

    def log_parameters(self, run_id: str, parameters: Mapping[str, str]) -> None:
        """Log parameters that the run does not have: another value of one that it has would be refused."""
        items = [{"key": key, "value": value} for key, value in parameters.items()]
        for first in range(0, len(items), MOST_PARAMETERS):
            self.post("runs/log-batch", {"run_id": run_id, "params": items[first : first + MOST_PARAMETERS]})

    def extremes(self, run_id: str) -> dict[str, tuple[float, float]]:
        """Metric → lowest and highest value, in one request. Only a server of trainup's own has it."""
        query = urllib.parse.urlencode({"run_id": run_id})
        return _extremes(self._request(f"{self.uri}/trainup/extremes?{query}", None))

    def histories(self, run_id: str, keys: Collection[str], seconds: float) -> dict[str, list[float]]:
        """Metric → all its values; metrics are missing if `seconds` do not suffice, since each one is a request."""
        lines = self._histories(run_id, keys, seconds)
        return {key: [value for _, value in line] for key, line in lines.items()}

    def curves(self, run_id: str, seconds: float, metrics: Collection[str] | None = None) -> dict[str, list[Point]]:
        """Metric → all its points, of all metrics of a run or of some; those are missing for which time is short."""
        keys = self.run(run_id).metrics if metrics is None else metrics
        return self._histories(run_id, keys, seconds)

    def _histories(self, run_id: str, keys: Collection[str], seconds: float) -> dict[str, list[Point]]:
        end, lines = time.monotonic() + seconds, {}

        def read(key: str) -> None:
            if time.monotonic() < end:
                lines[key] = self._history(run_id, key)

        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(read, keys))
        return lines

    def _history(self, run_id: str, key: str) -> list[Point]:
        points: list[Point] = []
        token: str | None = ""
        while token is not None:
            query = {"run_id": run_id, "metric_key": key, "max_results": "10000"}
            page = self.get("metrics/get-history", query | ({"page_token": token} if token else {}))
            points += [(float(item.get("step") or 0), to_number(item["value"])) for item in page.get("metrics", [])]
            token = page.get("next_page_token") or None
        return points

    def _experiment(self, name: str) -> str:
        try:
            response = self.get("experiments/get-by-name", {"experiment_name": name})
        except TrackingError as error:
            if "RESOURCE_DOES_NOT_EXIST" not in str(error):
                raise
        else:
            return str(response["experiment"]["experiment_id"])
        try:
            return str(self.post("experiments/create", {"name": name})["experiment_id"])
        except TrackingError as error:
            if "RESOURCE_ALREADY_EXISTS" not in str(error):
                raise
            return self._experiment(name)  # another run made it in this very moment

    def get(self, call: str, query: Mapping[str, str]) -> dict[str, Any]:
        """The answer to a GET request, such as `runs/get`. Raises TrackingError."""
        return self._request(f"{call}?{urllib.parse.urlencode(query)}", None)

    def post(self, call: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to a POST request, such as `runs/update`. Raises TrackingError."""
        return self._request(call, json.dumps(body).encode())

    def _request(self, call: str, body: bytes | None) -> dict[str, Any]:
        address = call if "://" in call else f"{self.uri}/api/2.0/mlflow/{call}"
        request = urllib.request.Request(address, data=body, headers={"Content-Type": "application/json"})
        try:
            with self._open(request, timeout=TIMEOUT) as answer:
                return dict(json.loads(answer.read()))
        except urllib.error.HTTPError as error:
            detail = error.read().decode("utf-8", "replace")[:500]
            message = f"MLflow at {self.uri} refused {call.split('?')[0]}: {error.code} {detail}"
            raise TrackingError(message, error.code) from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            kind = (
                NotListening if isinstance(getattr(error, "reason", error), ConnectionRefusedError) else TrackingError
            )
            raise kind(f"MLflow at {self.uri} does not answer {call.split('?')[0]}: {error}") from error


def _extremes(answer: Mapping[str, Any]) -> dict[str, tuple[float, float]]:
    return {key: (to_number(lowest), to_number(highest)) for key, (lowest, highest) in answer.items()}
