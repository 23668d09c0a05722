"""Run history: status, metrics, parameters and tags of each run, as MLflow and the studio show them."""

import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

TERMINAL = frozenset({"Completed", "Failed", "Canceled"})
"""Final statuses. `NotResponding` and `Paused` are not among them: such a run may continue."""


@dataclass(frozen=True)
class Metric:
    """One logged value."""

    name: str
    value: float
    timestamp: int
    """Milliseconds since the epoch."""
    step: int


@dataclass
class Run:
    """One run. Its lock guards the fields that change while it runs."""

    name: str
    """Run id; for a job's run it is the job's name."""

    workspace: str
    """Resource id of the workspace."""

    experiment: str
    job: str | None = None
    """Resource id of the job; None for a run that an MLflow client created directly."""

    status: str = "NotStarted"
    moments: list[tuple[str, datetime]] = field(default_factory=list)
    """Every status that it has had, with the time of the change."""

    error: dict[str, Any] | None = None
    """The error in run history's form."""

    warnings: list[str] = field(default_factory=list)
    metrics: dict[str, list[Metric]] = field(default_factory=dict)
    """Name → values in the order in which they were logged; a restart on another node appends to them."""

    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    properties: dict[str, str] = field(default_factory=dict)
    starts: int = 0
    """How often its command was started: once, and again after each preemption."""

    deleted: bool = False
    lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def is_over(self) -> bool:
        """Whether its status is final."""
        return self.status in TERMINAL

    def moment(self, *statuses: str) -> datetime | None:
        """When it first had one of these statuses; None if it never had."""
        return next((when for status, when in self.moments if status in statuses), None)

    def move(self, status: str) -> None:
        """Change the status. A final status never changes, and a run that is being canceled can only end."""
        with self.lock:
            held = self.is_over or (self.status == "CancelRequested" and status not in TERMINAL)
            if not held and status != self.status:
                self.status = status
                self.moments.append((status, datetime.now(UTC)))

    def log(self, metric: Metric) -> None:
        """Add a value. Like MLflow, it ignores one that equals a logged one in step, timestamp and value."""
        with self.lock:
            values = self.metrics.setdefault(metric.name, [])
            if metric not in values:
                values.append(metric)

    def last(self, name: str) -> Metric:
        """The metric's last value: that of the highest step, then of the latest timestamp."""
        return max(self.metrics[name], key=lambda metric: (metric.step, metric.timestamp, metric.value))


def output_uri(run: str, output: str) -> str:
    """Default URI of a named output of a job."""
    return f"azureml://datastores/workspaceblobstore/paths/azureml/{run}/{output}/"


class Runs:
    """The runs of all workspaces. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._runs: dict[tuple[str, str], Run] = {}

    def add(self, run: Run) -> Run:
        """Add a new run."""
        run.moments.append((run.status, datetime.now(UTC)))
        with self._lock:
            self._runs[run.workspace.lower(), run.name] = run
        return run

    def get(self, workspace: str, name: str) -> Run | None:
        """A run of a workspace; None when there is no such run."""
        with self._lock:
            return self._runs.get((workspace.lower(), name))

    def remove(self, workspace: str, name: str) -> None:
        """Remove a run."""
        with self._lock:
            self._runs.pop((workspace.lower(), name), None)

    def in_workspace(self, workspace: str) -> Iterator[Run]:
        """The runs of a workspace, oldest first."""
        with self._lock:
            runs = [run for (owner, _), run in self._runs.items() if owner == workspace.lower()]
        yield from runs

    @staticmethod
    def experiment_id(workspace: str, name: str) -> str:
        """The id of an experiment, derived from its name."""
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{workspace.lower()}/{name}"))
