"""A run's side of MLflow: its server is up, its run exists, its metrics are collected."""

from collections.abc import Mapping
from typing import Any

from trainup.core.status import Status
from trainup.jobs.local import mlflow_server
from trainup.jobs.local.tracking import Tracking, TrackingError
from trainup.jobs.local.workspace import Workspace

DEFAULT_EXPERIMENT = "trainup"
ENDED = {Status.COMPLETED: "FINISHED", Status.CANCELED: "KILLED"}


def reachable(workspace: Workspace) -> str:
    """The tracking URI of the workspace, with its server running if it is ours to run."""
    tracking = workspace.tracking()
    if tracking["kind"] == "server":
        return mlflow_server.ensure(workspace)
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
    try:
        client = Tracking(reachable(workspace))
        client.end_run(run_id, ENDED.get(status, "FAILED"))
        metrics, best = client.metrics(run_id)
    except (TrackingError, mlflow_server.ServerError) as error:
        # The training is done and must not be lost for its curves; the reason is kept beside the result.
        return {"tracking_error": str(error)}
    return {"metrics": metrics, "best": best}
