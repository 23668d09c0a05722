"""Derives a record from Azure ML's data about a job."""

import math
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from trainup.core.duration import iso_seconds
from trainup.core.failure import Failure, FailureClass
from trainup.core.input_assets import CHECKPOINTS
from trainup.core.status import Status
from trainup.core.trials import read as trials_of
from trainup.jobs.azure.job import commands, labels
from trainup.jobs.azure.job.failures import classify, message_of
from trainup.jobs.azure.job.phases import Times, seconds_of
from trainup.jobs.azure.job.statuses import ENDED, STALLED, status_of
from trainup.jobs.target import Record

DEFAULT_PORTAL = "https://ml.azure.com"
STOPPED = {
    FailureClass.CANCELED: Status.CANCELED,
    FailureClass.SERVICE: Status.NOT_RESPONDING,
    FailureClass.SIZE: Status.FAILED,
}
"""Reason why trainup ended a run → its status; for every other reason it has timed out while waiting."""
READ_ONLY = frozenset({"status", "parameters"})


@dataclass(frozen=True)
class JobView:
    """A read-only view of a job: the resource manager's response and the run history's details."""

    job: Mapping[str, Any]
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The job's name."""
        return str(self.job["name"])

    @property
    def inside(self) -> Mapping[str, Any]:
        """The job's own properties."""
        return dict(self.job.get("properties") or {})

    @property
    def tags(self) -> Mapping[str, str]:
        return dict(self.inside.get("tags") or {})

    @property
    def facts(self) -> Mapping[str, str]:
        """The facts that trainup wrote into the job's `properties` when it started the job."""
        return dict(self.inside.get("properties") or {})

    @property
    def word(self) -> str:
        """Azure ML's name of the status, preferably from the run history, which is updated first."""
        return str(self.details.get("status") or self.inside.get("status") or "")

    @property
    def has_ended(self) -> bool:
        """Whether its status is final."""
        return self.word in ENDED

    @property
    def times(self) -> Times:
        """When it was created, started and ended."""
        details, system = self.details, self.job.get("systemData") or {}
        return Times(
            seconds_of(system.get("createdAt")),
            seconds_of(details.get("startTimeUtc") or self.facts.get("StartTimeUtc")),
            seconds_of(details.get("endTimeUtc") or self.facts.get("EndTimeUtc")),
        )

    @property
    def log_files(self) -> Mapping[str, str]:
        """Path → URL."""
        return dict(self.details.get("logFiles") or {})

    @property
    def words(self) -> tuple[str, ...]:
        """The words of its command; empty for one that no shell could split."""
        text = commands.without_surroundings(str(self.inside.get("command") or ""), CHECKPOINTS)
        try:
            return tuple(shlex.split(text))
        except ValueError:
            return ()

    @property
    def literals(self) -> Mapping[str, str]:
        """The inputs that are values: name → value."""
        inputs = (self.inside.get("inputs") or {}).items()
        return {name: str(item.get("value")) for name, item in inputs if item.get("jobInputType") == "literal"}

    @property
    def nodes(self) -> int:
        """Number of nodes."""
        return int((self.inside.get("resources") or {}).get("instanceCount") or 1)


def is_ours(job: Mapping[str, Any]) -> bool:
    """Whether trainup started this job."""
    facts = (job.get("properties") or {}).get("properties") or {}
    return all(facts.get(name) for name in (labels.DIGEST, labels.ID, labels.RUN, labels.ATTEMPT))


def outcome(view: JobView) -> tuple[Status, Failure | None]:
    """The status, and the failure if it failed."""
    status = status_of(view.word)
    if not status.is_failure:
        return status, None
    error = view.details.get("error")
    if status is Status.CANCELED and (stopped := labels.stopped_by(view.tags)):
        return STOPPED.get(stopped.failure_class, Status.TIMED_OUT), stopped
    if status is Status.NOT_RESPONDING:
        return status, Failure(FailureClass.SERVICE, f"the run {STALLED[view.word]}")
    if status is Status.CANCELED:
        failure = classify(error, fallback=FailureClass.CANCELED)
        if failure.failure_class is FailureClass.PREEMPTED:
            return Status.FAILED, failure
        if failure.failure_class is FailureClass.TIMEOUT or _ran_out(view):
            return Status.TIMED_OUT, Failure(FailureClass.TIMEOUT, message_of(error) or _limit(view))
        text = message_of(error)
        return status, Failure(FailureClass.CANCELED, f"the run was canceled in Azure ML{f': {text}' if text else ''}")
    ran = view.times.started is not None
    failure = classify(error, fallback=FailureClass.USER_CODE if ran else FailureClass.SERVICE, ran=ran)
    if failure.failure_class is FailureClass.TIMEOUT:
        return Status.TIMED_OUT, failure
    return status, failure


def _ran_out(view: JobView) -> bool:
    """Whether a canceled job had reached its timeout, which the service does not always report."""
    limit, times = iso_seconds((view.inside.get("limits") or {}).get("timeout")), view.times
    if limit is None or times.started is None or times.ended is None:
        return False
    return times.ended - times.started >= limit


def _limit(view: JobView) -> str:
    return f"the run used up its timeout of {iso_seconds(view.inside['limits']['timeout']):g} s"


def record_of(view: JobView, *, portal: str, workspace: str, now: float, **facts: Any) -> Record:
    """The record of a job; `facts` are further fields of the record. `now` is in seconds since the epoch."""
    status, failure = outcome(view)
    phases = facts.pop("phases", None) or _phases(view, status, now)
    own, name = view.facts, view.name
    studio = ((view.inside.get("services") or {}).get("Studio") or {}).get("endpoint")
    base = f"azureml://datastores/workspaceartifactstore/paths/ExperimentRun/dcid.{name}"
    return Record(
        name=name,
        run=str(own.get(labels.RUN, "")),
        id=str(own.get(labels.ID, "")),
        attempt=int(own.get(labels.ATTEMPT, 1)),
        digest=str(own.get(labels.DIGEST, "")),
        status=status,
        owners=labels.owners(view.tags),
        git=labels.git_of(own),
        created=str((view.job.get("systemData") or {}).get("createdAt", "")),
        failure=failure,
        phases=phases,
        log_uri=f"{base}/user_logs/std_log.txt",
        outputs_uri=f"{base}/outputs/",
        web_url=studio or f"{portal or DEFAULT_PORTAL}/runs/{name}?wsid={workspace}",
        cost=cost_of(view, phases),
        node_price=price_of(view),
        nodes=view.nodes,
        tags=labels.of_user(view.tags),
        trials=trials_of(view.tags),
        command=view.words,
        literals=view.literals,
        **facts,
    )


def _phases(view: JobView, status: Status, now: float) -> dict[str, float]:
    watched = labels.read(view.tags.get(labels.PHASES))
    if status.is_terminal and watched:
        return {str(name): float(value) for name, value in watched.items() if isinstance(value, (int, float))}
    return view.times.phases(status, now)


def cost_of(view: JobView, phases: Mapping[str, float]) -> float:
    """Cost in US dollars: nodes times hours times the price of a node; 0.0 without a price.

    Nodes are paid for while the environment is prepared, while the command runs and while results are collected.
    Waiting in the queue costs nothing, and idle nodes after the run count as the cluster's cost.
    """
    paid = math.fsum(value for name, value in phases.items() if name != "queued")
    return round(view.nodes * paid / 3600 * (price_of(view) or 0.0), 4)


def price_of(view: JobView) -> float | None:
    """US dollars for a node and an hour, as they were when the job was started; None where nobody told them."""
    try:
        return float(view.facts[labels.PRICE])
    except (KeyError, ValueError):
        return None


def changed(job: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    """The body that changes an existing job: the service's own properties without those that are read-only.

    Only tags, description, display name and the archived flag can change.
    """
    inside = {key: value for key, value in job["properties"].items() if key not in READ_ONLY and value is not None}
    if services := inside.get("services"):
        inside["services"] = {
            name: {key: value for key, value in service.items() if key not in ("status", "errorMessage")}
            for name, service in services.items()
            if isinstance(service, Mapping)
        }
    return {"properties": {**inside, **changes}}
