"""MLflow for one run: starts the server, creates the MLflow run, collects its metrics."""

import contextlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar

from trainup.core.metrics import best_of
from trainup.core.retry import retry
from trainup.core.status import Status
from trainup.jobs.local import mlflow_server
from trainup.jobs.local.run_record import RunDefinition
from trainup.jobs.local.tracking import NotListening, Tracking, TrackingError
from trainup.jobs.local.workspace import Workspace

DEFAULT_EXPERIMENT = "trainup"
CURVES = "/model-metrics?workflowType=machine_learning"
"""The part of a run's page that shows its curves; without the last word, MLflow 3 opens what is for language models."""
MOST_SHOWN = 10_000
"""Files of a run that MLflow's pages show."""
HISTORY_SECONDS = 30.0
"""How long a server that is not ours is asked for the histories of metrics."""
Answer = TypeVar("Answer")
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


def ask(workspace: Workspace, request: Callable[[str], Answer], check: Callable[[], None] = lambda: None) -> Answer:
    """The answer to a request to the tracking URI of the workspace.

    A server of our own that seems to run is asked at once, and only if it does not listen, `reachable` starts it and
    asks for its health.
    """
    tracking = workspace.tracking()
    if tracking["kind"] == "server" and mlflow_server.is_running(workspace):
        with contextlib.suppress(NotListening):
            return request(str(tracking["uri"]))
    return request(reachable(workspace, check))


@dataclass(frozen=True)
class TrackedIds:
    """The MLflow run of an attempt: its ids and page."""

    uri: str
    """The tracking URI of its server."""
    run_id: str
    experiment_id: str
    experiment: str
    """Name of the experiment."""
    page: str
    """Address of its page."""

    @property
    def variables(self) -> dict[str, str]:
        """Variables by which MLflow in the script finds its server, run and experiment; the same as on Azure."""
        return {
            "MLFLOW_TRACKING_URI": self.uri,
            "MLFLOW_RUN_ID": self.run_id,
            "MLFLOW_EXPERIMENT_ID": self.experiment_id,
            "MLFLOW_EXPERIMENT_NAME": self.experiment,
        }


def create(uri: str, definition: RunDefinition, *, is_own: bool = False) -> TrackedIds:
    """Make the MLflow run that a script finds by `MLFLOW_RUN_ID`. `is_own`: on a server of trainup's own."""
    policy = definition.policy
    tags = {
        **policy.tags,
        "trainup.run": definition.run,
        "trainup.digest": definition.digest,
        "mlflow.note.content": policy.description or "",
    }
    name, experiment = policy.display_name or definition.name, policy.experiment_name or DEFAULT_EXPERIMENT
    client = Tracking(uri)
    ids = _asked(lambda: client.begin_on_own(experiment, name, tags)) if is_own else None
    run_id, experiment_id = ids or client.create_run(experiment, name, tags)
    page = f"{uri}/#/experiments/{experiment_id}/runs/{run_id}{CURVES}"
    return TrackedIds(uri, run_id, experiment_id, experiment, page)


def _asked(ask: Callable[[], Answer]) -> Answer | None:
    """The answer of a server of trainup's own; None from one of an older version, or where MLflow has to say why not.

    Raises TrackingError where there was no answer.
    """
    try:
        return ask()
    except TrackingError as error:
        if error.status == 0:
            raise
        return None


@dataclass(frozen=True)
class CollectedMetrics:
    """The metrics of a run that has ended."""

    metrics: Mapping[str, float] = field(default_factory=dict)
    """Metric → last value."""
    best: Mapping[str, float] = field(default_factory=dict)
    """Metric → best value."""
    error: str = ""
    """Why some of them are missing."""


def collect(workspace: Workspace, run_id: str, status: Status, parameters: Mapping[str, str]) -> CollectedMetrics:
    """The metrics of an ended run; also sends its end and parameters to MLflow, whose errors are in the result."""
    try:
        # A server of our own has been waited for by now.
        return retry(
            partial(ask, workspace, partial(_collect_once, workspace, run_id, status, parameters)),
            lambda error: isinstance(error, TrackingError),
            [PAUSE] * (TRIES - 1),
        )
    except (TrackingError, mlflow_server.ServerError) as error:
        # The training is done and must not be lost for its curves; the reason is kept beside the result.
        return CollectedMetrics(error=str(error))


def _collect_once(
    workspace: Workspace, run_id: str, status: Status, parameters: Mapping[str, str], uri: str
) -> CollectedMetrics:
    client, end = Tracking(uri), ENDED.get(status, "FAILED")
    if workspace.tracking()["kind"] == "server" and (own := _asked(lambda: client.end_on_own(run_id, end, parameters))):
        last, extremes = own
        return CollectedMetrics(last, {key: best_of(key, extremes.get(key, ())) for key in last})
    run = client.run(run_id)
    client.log_parameters(run_id, {k: v for k, v in parameters.items() if k not in run.parameters})
    client.end_run(run_id, end, run.started)
    best = best_values(client, run_id, run.metrics)
    unknown = len(run.metrics) - len(best)
    late = f"the best values of {unknown} of {len(run.metrics)} metrics were not told within {HISTORY_SECONDS:g} s"
    return CollectedMetrics(run.metrics, best, late if unknown else "")


def show_outputs(outputs: Path, among_artifacts: Path) -> None:
    """Let MLflow's pages show what a run left behind, without a copy: the same files under a second name.

    Raises OSError where the file system has no such names.
    """
    for path in islice((path for path in sorted(outputs.rglob("*")) if path.is_file()), MOST_SHOWN):
        if not path.is_symlink():
            name = among_artifacts / path.relative_to(outputs)
            name.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileExistsError):
                os.link(path, name)


def best_values(client: Tracking, run_id: str, last: Mapping[str, float]) -> dict[str, float]:
    """Metric → best value. Takes one request on a server of trainup's own, and one for each metric on others."""
    try:
        extremes = client.extremes(run_id)
    except TrackingError as error:
        if error.status == 0:
            raise
        values: Mapping[str, Sequence[float]] = client.histories(run_id, last, HISTORY_SECONDS)
        return {key: best_of(key, values[key]) for key in last if key in values}
    return {key: best_of(key, extremes.get(key, ())) for key in last}
