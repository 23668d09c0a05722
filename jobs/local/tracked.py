"""A run's side of MLflow: its server is up, its run exists, its metrics are collected."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from trainup.core.status import Status
from trainup.jobs.local import mlflow_server
from trainup.jobs.local.tracking import Tracking, TrackingError
from trainup.jobs.local.workspace import Workspace

DEFAULT_EXPERIMENT = "trainup"
TRIES, PAUSE = 4, 5.0
"""How often a server is asked for the metrics of an ended run, and seconds in between."""
ENDED = {Status.COMPLETED: "FINISHED", Status.CANCELED: "KILLED"}


def reachable(workspace: Workspace, check: Callable[[], None] = lambda: None) -> str:
    """The tracking URI of the workspace, with its server running if it is ours to run.

    `check` is called while it starts, and raises to give up waiting for that.
    """
    tracking = workspace.tracking()
    if tracking["kind"] == "server":
        return mlflow_server.ensure(workspace, check)
    return str(tracking["uri"])


def create(uri: str, definition: Mapping[str, Any]) -> tuple[str, str]:
    """Make the MLflow run that a script finds by `MLFLOW_RUN_ID`; returns (run id, address of its page)."""
    policy = definition["policy"]
    tags = {
        **policy["tags"],
        "trainup.run": definition["run"],
        "trainup.digest": definition["digest"],
        "mlflow.note.content": policy["description"] or "",
    }
    name = policy["display_name"] or definition["name"]
    return Tracking(uri).create_run(policy["experiment_name"] or DEFAULT_EXPERIMENT, name, tags)


def collect(workspace: Workspace, run_id: str, status: Status) -> dict[str, Any]:
    """`metrics` and `best` of an ended run, whose end MLflow is told as well."""
    for left in range(TRIES - 1, -1, -1):
        try:
            client = Tracking(reachable(workspace))
            client.end_run(run_id, ENDED.get(status, "FAILED"))
            metrics, best = client.metrics(run_id)
        except (TrackingError, mlflow_server.ServerError) as error:
            # A server of our own has been waited for.
            if left and isinstance(error, TrackingError):
                time.sleep(PAUSE)
                continue
            # The training is done and must not be lost for its curves; the reason is kept beside the result.
            return {"tracking_error": str(error)}
        return {"metrics": metrics, "best": best}
    raise AssertionError("there is at least one try")
