"""What is known of the jobs of a workspace: by the resource manager, the run history and the tracking server."""

import contextlib
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from trainup.core.status import Status
from trainup.jobs.azure.http.client import AzureError
from trainup.jobs.azure.http.polling import polling
from trainup.jobs.azure.job import labels, tracking, waiting
from trainup.jobs.azure.job.jobs import Jobs
from trainup.jobs.azure.job.log import LogReader
from trainup.jobs.azure.job.phases import Watched, steady_now
from trainup.jobs.azure.job.records import Told, record_of
from trainup.jobs.azure.job.statuses import status_of
from trainup.jobs.azure.platform.workspace import HISTORY_VERSION, Workspace
from trainup.jobs.masking import Mask
from trainup.jobs.target import Record, TargetError

NEW_SECONDS = 60.0
"""How long Azure ML may answer 404 for a job that it has just accepted: what is written is not at once read."""
END_SECONDS = 900.0
"""How long a job may take to end or to go: Azure ML first lets the script and the upload of its outputs end."""
MOST_CHARACTERS = 2000
"""Of what the service says about a failure."""


@dataclass
class Watch:
    """What is known of a job that somebody follows."""

    job: dict[str, Any] | None = None
    """As the resource manager told it last."""
    details: dict[str, Any] = field(default_factory=dict)
    phases: Watched = field(default_factory=Watched)
    log: LogReader | None = None
    new_until: float = 0.0
    """Until when (`time.monotonic`) a job that we started and that nobody has seen yet is not called deleted."""
    own: dict[str, str] = field(default_factory=dict)
    """The tag by which it belongs to whoever follows it."""

    def started(self, job: dict[str, Any], own: dict[str, str]) -> None:
        """Take note of a job that was just accepted."""
        self.new_until = time.monotonic() + NEW_SECONDS
        self.job, self.own = job, own


class Observer:
    """Looks at jobs, and remembers what was seen. Safe to use from several threads for different jobs."""

    def __init__(self, workspace: Workspace, mask: Mask, reproduce: str) -> None:
        self.polling = polling()
        self.workspace = workspace
        self.mask = mask
        self.jobs = Jobs(workspace, self.polling.fastest / 8)
        self._client = workspace.client
        self._reproduce = reproduce
        self._watches: dict[str, Watch] = {}
        self._lock = threading.Lock()

    def watch(self, name: str) -> Watch:
        """What is known of a job so far."""
        with self._lock:
            return self._watches.setdefault(name, Watch())

    def get(self, name: str) -> Record | None:
        """A job as it stands now, with everything that is known of it."""
        watch = self.watch(name)
        if watch.job is None:
            watch.job = self.jobs.find(name)
        details = self.details(name) if watch.job else None
        if details is None:  # deleted, or so new that the run history does not know it
            watch.job, details = self.find(name), {}
        else:
            watch.new_until = 0.0
        if watch.job is None:
            return None
        if (
            status_of(details.get("status")).is_terminal
            and not status_of(watch.job["properties"].get("status")).is_terminal
        ):
            # Why it was stopped, and by whom, may have been written on it since.
            watch.job = self.find(name) or watch.job
        watch.details = details
        return self._looked_at(watch)

    def view(self, job: dict[str, Any]) -> Record:
        """A job that was found in a list, with everything else that is known of it."""
        watch = Watch(job, self.details(job["name"]) or {})
        self.watch(job["name"]).job = job
        return self._looked_at(watch)

    def find(self, name: str) -> dict[str, Any] | None:
        """A job as it is now, or as it was accepted a moment ago; None once it is gone."""
        watch = self.watch(name)
        if found := self.jobs.find(name):
            watch.new_until = 0.0
        elif time.monotonic() < watch.new_until:
            return watch.job
        return found

    def told(self, name: str) -> Told:
        """What was last told of a job."""
        watch = self.watch(name)
        return Told(watch.job or {"name": name}, watch.details)

    def details(self, name: str) -> dict[str, Any] | None:
        """What the run history says of a job."""
        return self._client.find(self.workspace.history(f"runs/{name}/details"), version=HISTORY_VERSION)

    def record(self, told: Told, **facts: Any) -> Record:
        """The record of a job; `facts` are what else is known of it."""
        record = record_of(
            told,
            portal=self._client.endpoints.portal,
            workspace=self.workspace.id,
            now=steady_now(),
            reproduce=self._reproduce,
            **facts,
        )
        if record.failure is None:
            return record
        # The script's last words are in what the service says of its end.
        message = self.mask.mask_text(record.failure.message)[:MOST_CHARACTERS]
        return replace(record, failure=replace(record.failure, message=message))

    def tag(self, name: str, wanted: Mapping[str, str], **more: Any) -> dict[str, Any] | None:
        """Change a job as `Jobs.tag` does, and remember what it is then."""
        self.watch(name).job = found = self.jobs.tag(name, wanted, **more)
        return found

    def wait(self, name: str, condition: Callable[[Told], bool], what: str) -> Record | None:
        """Wait until a job is as the condition says, or gone. TargetError when that takes too long."""
        end, pause = time.monotonic() + END_SECONDS, self.polling.fastest / 4
        while (record := self.get(name)) and not condition(self.told(name)):
            if time.monotonic() > end:
                late = f"{END_SECONDS:.0f} s after {what}"
                raise TargetError(f"{name} is still {record.status} {late}: {record.web_url}")
            time.sleep(pause)
            pause = self.polling.after(pause, record.status, progressed=False)
        return record

    def _looked_at(self, watch: Watch) -> Record:
        assert watch.job is not None
        told = Told(watch.job, watch.details)
        record = self.record(told)
        phases = watch.phases.look(record.status, told.times)
        if phases and not labels.read(told.tags.get(labels.PHASES)):
            record = self.record(told, phases=phases)
        if record.status.is_terminal:
            return self._with_metrics(record)
        compute = self._compute(watch.job) if record.status is Status.QUEUED else None
        text, kind = waiting.reason(told, record.status, compute)
        return replace(record, waiting=text, in_vain=kind)

    def _with_metrics(self, record: Record) -> Record:
        try:
            metrics, best = tracking.metrics(self.workspace, record.name)
        except AzureError as error:
            # The training is done and must not be lost for its curves; a refresh asks for them again.
            return replace(record, tracking_error=f"its metrics could not be read: {error}")
        late = f"the best values of {len(metrics) - len(best)} of its {len(metrics)} metrics were not told in time"
        return replace(record, metrics=metrics, best=best, tracking_error="" if len(best) == len(metrics) else late)

    def _compute(self, job: Mapping[str, Any]) -> Any:
        cluster = job["properties"].get("computeId")
        if not cluster:
            return None
        with contextlib.suppress(AzureError):  # why it waits is worth knowing, and no reason to stop waiting
            return self.workspace.compute(cluster)
        return None
