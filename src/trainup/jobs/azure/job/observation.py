"""Observes jobs: merges what the resource manager, the run history and the tracking server say about them."""

import contextlib
import math
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from trainup.core.curves import Point, thinned
from trainup.core.metrics import best_of
from trainup.core.status import Status
from trainup.jobs.azure.http.client import AzureError
from trainup.jobs.azure.http.polling import polling
from trainup.jobs.azure.http.waits import NEW_SECONDS
from trainup.jobs.azure.job import labels, tracking, waiting
from trainup.jobs.azure.job.jobs import Jobs
from trainup.jobs.azure.job.log import LogReader
from trainup.jobs.azure.job.phases import Watched, steady_now
from trainup.jobs.azure.job.records import JobView, record_of
from trainup.jobs.azure.job.statuses import status_of
from trainup.jobs.azure.platform.workspace import HISTORY_VERSION, Workspace
from trainup.jobs.masking import Mask
from trainup.jobs.target import Owner, Record, StackUrns, TargetError

END_SECONDS = 900.0
"""Time limit for a job to end or be deleted. Azure ML first waits for the script and for the upload of outputs."""
MOST_CHARACTERS = 2000
"""Longest failure message in a record."""


@dataclass
class Watch:
    """The state of a job that is being followed."""

    job: dict[str, Any] | None = None
    """The last response of the resource manager."""
    details: dict[str, Any] = field(default_factory=dict)
    phases: Watched = field(default_factory=Watched)
    log: LogReader | None = None
    log_refusals: int = 0
    """How often in a row the log could not be read."""
    log_told: bool = False
    """Whether the reader of the log was told so."""
    new_until: float = 0.0
    """Time (`time.monotonic`, in seconds) until which a new job that gives 404 does not count as deleted."""
    unheard_until: float = 0.0
    """The same for a new job of which the run history says nothing."""
    own: dict[str, str] = field(default_factory=dict)
    """The owner's tag of the resource that follows the job."""

    def started(self, job: dict[str, Any], own: dict[str, str]) -> None:
        """Store a job that Azure ML has just accepted."""
        self.is_new()
        self.job, self.own = job, own

    def is_new(self) -> None:
        """Note that reads may lag behind the job for a while."""
        self.new_until = self.unheard_until = time.monotonic() + NEW_SECONDS


class Observer:
    """Reads the state of jobs and caches it. Safe to use from several threads for different jobs."""

    def __init__(self, workspace: Workspace, mask: Mask, reproduce: str) -> None:
        self.polling = polling()
        self.workspace = workspace
        self.mask = mask
        self.jobs = Jobs(workspace, self.polling.fastest / 8)
        self._client = workspace.client
        self._reproduce = reproduce
        self._watches: dict[str, Watch] = {}
        self._lock = threading.Lock()
        self._computes: dict[str, tuple[float, Any]] = {}
        """Cluster → when it was asked, and its answer."""
        self._computes_lock = threading.Lock()

    def watch(self, name: str) -> Watch:
        """The cached state of a job."""
        with self._lock:
            return self._watches.setdefault(name, Watch())

    def get(self, name: str) -> Record | None:
        """The current record of a job; None if it is gone. Raises AzureError."""
        watch = self.watch(name)
        if watch.job is None:
            watch.job = self.jobs.find(name)
        details = self.details(name) if watch.job else None
        if details is None:  # deleted, or too new for the run history
            watch.job = self.find(name)
            details = self._late_details(watch) or {}
        else:
            watch.new_until = 0.0
        if watch.job is None:
            return None
        if (
            status_of(details.get("status")).is_terminal
            and not status_of(watch.job["properties"].get("status")).is_terminal
        ):
            # The tags may have got the reason for its end since then.
            watch.job = self.find(name) or watch.job
        watch.details = details
        return self._record_of(watch)

    def record_with_details(self, job: dict[str, Any]) -> Record:
        """The record of a job from a list, completed from the run history and the tracking server."""
        watch = self.watch(job["name"])
        watch.job = job
        created = JobView(job).times.created
        if created is not None and steady_now() - created < NEW_SECONDS:
            watch.is_new()
        return self._record_of(Watch(job, self.details(job["name"]) or self._late_details(watch) or {}))

    def live(self, record: Record) -> Record:
        """The record of a run at work with its metrics so far."""
        if record.status in (Status.RUNNING, Status.FINALIZING):
            with contextlib.suppress(AzureError):  # only information, which comes again with the record of its end
                return replace(record, metrics=tracking.last_values(self.workspace, record.name))
        return record

    def at_work(self, urn: str) -> list[Record]:
        """The attempts of the resource with this URN that have not ended."""
        jobs = self.jobs.tagged(labels.owner_tag(Owner(urn, ""))) if urn else []
        active = [job for job in jobs if not JobView(job).has_ended]
        mine = [job for job in active if any(one.urn == urn for one in labels.owners(JobView(job).tags))]
        return [self.record_with_details(job) for job in mine]

    def history(self, stack: StackUrns, beginning: str) -> list[Record]:
        """The attempts of a stack, also former ones, as the resource manager lists them: without metrics."""
        views = [JobView(job) for job in self.jobs.tagged(labels.MANAGED)]
        if not stack.urns:  # its state is lost: how its URNs are formed is known from the runs that it still owns
            owned = [(view, one) for view in views for one in labels.owners(view.tags) if stack.owns(one)]
            stack = replace(stack, urns={str(view.facts.get(labels.RUN)): one.urn for view, one in owned})
        called = [view for view in views if _is_called(view, beginning)]
        mine = [view for view in called if _is_of(view, stack)]
        return sorted((self.record(view) for view in mine), key=lambda record: record.created)

    def measured(self, records: Sequence[Record], *, best: bool) -> list[Record]:
        """The records with the last values of their metrics, and the best ones if asked for. Raises AzureError."""
        unread = [record.name for record in records if not record.metrics]
        known = tracking.last_values_of(self.workspace, unread)
        measured = [replace(one, metrics=known[one.name]) if known.get(one.name) else one for one in records]
        return self._with_best(measured) if best else measured

    def _with_best(self, records: Sequence[Record]) -> list[Record]:
        wanted = [(one.name, key) for one in records if not one.best for key in one.metrics]
        lines = tracking.histories(self.workspace, wanted)
        result = []
        for one in records:
            # A metric without a history is from the file of a script.
            values = {
                key: best_of(key, [value for _, value in lines[one.name, key]] or [last])
                for key, last in one.metrics.items()
                if (one.name, key) in lines
            }
            late = len(one.metrics) - len(one.best or values)
            error = f"the best values of {late} of its {len(one.metrics)} metrics were not read in time" if late else ""
            result.append(replace(one, best=one.best or values, tracking_error=error or one.tracking_error))
        return result

    def curves(
        self, records: Sequence[Record], points: int, metrics: Collection[str] | None = None
    ) -> dict[str, dict[str, list[Point]]]:
        """Attempt → metric → at most so many of its points.

        Those that are not read within half a minute are left out. Raises AzureError.
        """
        wanted = [(one.name, key) for one in records for key in (one.metrics if metrics is None else metrics)]
        lines = tracking.histories(self.workspace, wanted)
        curves: dict[str, dict[str, list[Point]]] = {}
        for (name, key), line in lines.items():
            if line:
                curves.setdefault(name, {})[key] = thinned(line, points)
        return curves

    def is_of(self, name: str, stack: StackUrns) -> bool:
        """Whether a job that was read belongs to a stack, or did."""
        return _is_of(self.last_view(name), stack)

    def find(self, name: str) -> dict[str, Any] | None:
        """A job from the resource manager, or a new one as it was accepted; None if it is gone. Raises AzureError."""
        watch = self.watch(name)
        if job := self.jobs.find(name):
            watch.new_until = 0.0
        elif time.monotonic() < watch.new_until:
            return watch.job
        return job

    def last_view(self, name: str) -> JobView:
        """The cached view of a job."""
        watch = self.watch(name)
        return JobView(watch.job or {"name": name}, watch.details)

    def details(self, name: str) -> dict[str, Any] | None:
        """The run history's details of a job; None if it has none. Raises AzureError."""
        return self._client.find(self.workspace.history(f"runs/{name}/details"), version=HISTORY_VERSION)

    def _late_details(self, watch: Watch) -> dict[str, Any] | None:
        """Waits for the run history of a new job that has ended: it alone has the reason. Raises AzureError."""
        if watch.job is None or not JobView(watch.job).has_ended:
            return None
        details = None
        while details is None and time.monotonic() < watch.unheard_until:
            time.sleep(self.polling.fastest)
            details = self.details(watch.job["name"])
        return details

    def record(self, view: JobView, **facts: Any) -> Record:
        """The record of a job; `facts` are further fields of the record."""
        record = record_of(
            view,
            portal=self._client.endpoints.portal,
            workspace=self.workspace.id,
            now=steady_now(),
            reproduce=self._reproduce,
            **facts,
        )
        if record.failure is None:
            return record
        # The service's message may contain output of the script, so secrets are masked in it.
        message = self.mask.mask_text(record.failure.message)[:MOST_CHARACTERS]
        return replace(record, failure=replace(record.failure, message=message))

    def tag(self, name: str, new_tags: Mapping[str, str], **more: Any) -> dict[str, Any] | None:
        """Change a job as `Jobs.tag` does, and cache the result.

        A new job that cannot be read yet is returned unchanged; `settle` writes the tag of its owner at its end.
        """
        watch, job = self.watch(name), self.jobs.tag(name, new_tags, **more)
        if job is not None or time.monotonic() >= watch.new_until:
            watch.job = job
        return watch.job

    def wait(self, name: str, condition: Callable[[JobView], bool], what: str) -> Record | None:
        """Wait until a job meets a condition or is gone. Raises TargetError after END_SECONDS, and AzureError."""
        end, pause = time.monotonic() + END_SECONDS, self.polling.fastest / 4
        while (record := self.get(name)) and not condition(self.last_view(name)):
            if time.monotonic() > end:
                late = f"{END_SECONDS:.0f} s after {what}"
                raise TargetError(f"{name} is still {record.status} {late}: {record.web_url}")
            time.sleep(pause)
            pause = self.polling.after(pause, record.status, progressed=False)
        return record

    def _record_of(self, watch: Watch) -> Record:
        assert watch.job is not None
        view = JobView(watch.job, watch.details)
        record = self.record(view)
        phases = watch.phases.look(record.status, view.times)
        if phases and not labels.read(view.tags.get(labels.PHASES)):
            record = self.record(view, phases=phases)
        if record.status.is_terminal:
            return self._with_metrics(record)
        compute = self._compute(watch.job) if record.status is Status.QUEUED else None
        text, kind = waiting.reason(view, record.status, compute)
        return replace(record, waiting=text, in_vain=kind)

    def _with_metrics(self, record: Record) -> Record:
        try:
            metrics, best = tracking.metrics(self.workspace, record.name)
        except AzureError as error:
            # Missing metrics must not fail a completed run; `pulumi refresh` reads them again.
            return replace(record, tracking_error=f"its metrics could not be read: {error}")
        late = f"the best values of {len(metrics) - len(best)} of its {len(metrics)} metrics were not read in time"
        return replace(record, metrics=metrics, best=best, tracking_error="" if len(best) == len(metrics) else late)

    def _compute(self, job: Mapping[str, Any]) -> Any:
        cluster = job["properties"].get("computeId")
        if not cluster:
            return None
        # Jobs that wait for the same cluster are looked at by one thread each: they share its answer.
        with self._computes_lock:
            asked, compute = self._computes.get(cluster, (-math.inf, None))
            if time.monotonic() - asked < self.polling.fastest:
                return compute
            compute = None
            with contextlib.suppress(AzureError):  # it is only information; keep waiting without it
                compute = self.workspace.compute(cluster)
            self._computes[cluster] = time.monotonic(), compute
            return compute


def _is_called(view: JobView, beginning: str) -> bool:
    """Whether the id or the name of a job begins so: those that a schedule started have names of the service."""
    return any(str(text).startswith(beginning) for text in (view.name, view.facts.get(labels.ID, "")))


def _is_of(view: JobView, stack: StackUrns) -> bool:
    return labels.was_of(view.tags, view.facts, stack)
