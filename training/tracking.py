"""Parameters, metrics and plots for MLflow, wherever the environment says it is; never at the training's expense."""

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Row:
    """What was reached at the end of an epoch."""

    epoch: int
    time: int
    """Milliseconds since 1970. MLflow drops a row that it has already, time included."""
    metrics: dict[str, float]


class NullTracker:
    """Stands in where nobody tracks."""

    def params(self, values: Mapping[str, Any]) -> None:
        """Settings of the run."""

    def metrics(self, row: Row) -> None:
        """Numbers of an epoch."""

    def artifact(self, path: Path) -> None:
        """A file to keep with the run; called last."""


class MlflowTracker(NullTracker):
    """Writes to a run that exists already. Its life and status belong to whoever made it, and stay untouched here."""

    PAUSE = 60.0
    """Seconds after a failure in which nothing is sent, so that a dead server costs one wait and not one per epoch."""

    def __init__(self, run_id: str) -> None:
        # MLflow's own defaults wait minutes for a server that is gone; the training shall not.
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3")
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        from mlflow import MlflowClient

        self._run_id = run_id
        self._client = MlflowClient()
        self._unsent: list[Any] = []
        self._paused_until = 0.0
        self._warned = False

    def params(self, values: Mapping[str, Any]) -> None:
        from mlflow.entities import Param

        params = [Param(name, str(value)) for name, value in values.items()]
        self._send(lambda: self._client.log_batch(self._run_id, params=params))

    def metrics(self, row: Row) -> None:
        from mlflow.entities import Metric

        self._unsent += [Metric(name, value, row.time, row.epoch) for name, value in row.metrics.items()]
        self._send(self._flush)

    def artifact(self, path: Path) -> None:
        self._paused_until = 0.0
        self._send(self._flush)
        self._send(lambda: self._client.log_artifact(self._run_id, str(path)))

    def _flush(self) -> None:
        if self._unsent:
            self._client.log_batch(self._run_id, metrics=self._unsent)
            self._unsent = []

    def _send(self, call: Callable[[], None]) -> None:
        if time.monotonic() < self._paused_until:
            return
        try:
            call()
        except Exception as error:
            self._paused_until = time.monotonic() + self.PAUSE
            if not self._warned:
                self._warned = True
                _warn(f"MLflow did not take what was logged, training goes on without: {error}")


def tracker_for(is_main: bool) -> NullTracker:
    """MLflow where the environment names server and run; nothing elsewhere, and in all processes but the main one."""
    run_id = os.environ.get("MLFLOW_RUN_ID")
    if not (is_main and run_id and os.environ.get("MLFLOW_TRACKING_URI")):
        return NullTracker()
    try:
        return MlflowTracker(run_id)
    except Exception as error:
        _warn(f"MLflow cannot be used, training goes on without: {error}")
        return NullTracker()


def _warn(message: str) -> None:
    print(f"warning: {message.splitlines()[0]}", flush=True)  # some errors are a page long
