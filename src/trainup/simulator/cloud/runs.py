"""Run history: what is known of each run beside its job, as MLflow and the studio see it."""

import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

TERMINAL = frozenset({"Completed", "Failed", "Canceled"})
"""What cannot change any more. A run that does not respond may come back, and one that is paused go on."""


@dataclass(frozen=True)
class Metric:
    """One logged value."""

    name: str
    value: float
    timestamp: int
    """Milliseconds since 1970."""
    step: int


@dataclass
class Run:
    """One run. Its lock guards what grows while it runs."""

    name: str
    """The run's id; that of a job is the job's name."""

    workspace: str
    """Id of the workspace."""

    experiment: str
    job: str | None = None
    """Id of the job; None for a run that an MLflow client made by itself."""

    status: str = "NotStarted"
    moments: list[tuple[str, datetime]] = field(default_factory=list)
    """Every status and since when."""

    error: dict[str, Any] | None = None
    """As run history words it."""

    warnings: list[str] = field(default_factory=list)
    metrics: dict[str, list[Metric]] = field(default_factory=dict)
    """In the order they were logged; a second attempt on another node goes on below."""

    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    properties: dict[str, str] = field(default_factory=dict)
    starts: int = 0
    """How often its command was started: again after each preemption."""

    deleted: bool = False
    lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def is_over(self) -> bool:
        """Whether it can change no more."""
        return self.status in TERMINAL

    def moment(self, *statuses: str) -> datetime | None:
        """When it first had one of these."""
        return next((when for status, when in self.moments if status in statuses), None)

    def move(self, status: str) -> None:
        """Go on to a status; what is over stays as it is, and what is being canceled only ends."""
        with self.lock:
            held = self.is_over or (self.status == "CancelRequested" and status not in TERMINAL)
            if not held and status != self.status:
                self.status = status
                self.moments.append((status, datetime.now(UTC)))

    def log(self, metric: Metric) -> None:
        """Keep a value, once: MLflow drops what it has already, time included."""
        with self.lock:
            kept = self.metrics.setdefault(metric.name, [])
            if metric not in kept:
                kept.append(metric)

    def last(self, name: str) -> Metric:
        """The value that counts as the metric's last: the highest step, then the latest."""
        return max(self.metrics[name], key=lambda metric: (metric.step, metric.timestamp, metric.value))


def output_uri(run: str, output: str) -> str:
    """Where a named output of a job lies that names no place of its own."""
    return f"azureml://datastores/workspaceblobstore/paths/azureml/{run}/{output}/"


class Runs:
    """The runs of all workspaces. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._runs: dict[tuple[str, str], Run] = {}

    def add(self, run: Run) -> Run:
        """Keep a new run."""
        run.moments.append((run.status, datetime.now(UTC)))
        with self._lock:
            self._runs[run.workspace.lower(), run.name] = run
        return run

    def get(self, workspace: str, name: str) -> Run | None:
        """A run of a workspace."""
        with self._lock:
            return self._runs.get((workspace.lower(), name))

    def remove(self, workspace: str, name: str) -> None:
        """Forget a run."""
        with self._lock:
            self._runs.pop((workspace.lower(), name), None)

    def of(self, workspace: str) -> Iterator[Run]:
        """The runs of a workspace, oldest first."""
        with self._lock:
            found = [run for (owner, _), run in self._runs.items() if owner == workspace.lower()]
        yield from found

    @staticmethod
    def experiment_id(workspace: str, name: str) -> str:
        """The id of an experiment, the same for the same name."""
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{workspace.lower()}/{name}"))
