"""Cancels jobs, and writes the final facts of an ended job into its tags."""

import contextlib
from dataclasses import replace
from typing import Any

from trainup.core.clouds import CLOUDS
from trainup.core.failure import FailureClass
from trainup.core.status import Status
from trainup.jobs.azure.http.client import AzureError
from trainup.jobs.azure.job import labels
from trainup.jobs.azure.job.observation import Observer
from trainup.jobs.azure.job.records import JobView
from trainup.jobs.target import Record, TargetError

NO_EVICTIONS = (
    "Azure takes nodes away when it likes, and offers no way to ask for it: drills run on this machine (a stack with "
    "`trainup:target: local`) and against the simulated Azure"
)


class Canceler:
    """Cancels jobs and records the reason in their tags."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._workspace = observer.workspace

    def cancel(self, name: str, reason: str, kind: FailureClass = FailureClass.CANCELED) -> Record | None:
        """Cancel a job unless it has ended, wait for its end; None if it is gone. Raises AzureError, TargetError."""
        job = self._observer.find(name)
        if job is not None and not JobView(job).has_ended:
            with contextlib.suppress(AzureError):  # cancel even if the reason cannot be written
                self._observer.tag(name, {labels.STOPPED: labels.stopped(kind, reason)})
            try:
                self._workspace.client.post(f"{self._workspace.job(name)}/cancel")
            except AzureError as error:
                if error.status not in (400, 404, 409):  # these occur if it has just ended or was deleted
                    raise
        # Read again, since its tags have changed; never None between two requests of another thread that waits for it.
        self._observer.watch(name).job = self._observer.find(name)
        return self._observer.wait(name, lambda view: view.has_ended, "being canceled")

    def evict(self, name: str) -> None:
        """Take the nodes of a job away. Only the simulated Azure can: TargetError on any other. Raises AzureError."""
        host = self._workspace.client.endpoints.resource_manager
        if host in {cloud.resource_manager for cloud in CLOUDS.values()}:
            raise TargetError(NO_EVICTIONS)
        job = self._observer.find(name)
        if job is None or JobView(job).has_ended:
            return
        try:
            self._workspace.client.post(f"{self._workspace.job(name)}/evict")
        except AzureError as error:
            if error.status in (400, 404, 405):
                raise TargetError(NO_EVICTIONS) from error
            raise

    def settle(self, record: Record) -> Record:
        """Write the phases that were observed into the tags of an ended job; cancel a job that does not respond."""
        if not record.status.is_terminal:
            return record
        if (
            record.status is Status.NOT_RESPONDING
            and record.failure
            and not self._observer.last_view(record.name).has_ended
        ):
            # The job may come back, and must not run while another attempt resumes from its checkpoints.
            why = record.failure.message.replace("the run", "it", 1)
            record = self.cancel(record.name, why, FailureClass.SERVICE) or record
        watch = self._observer.watch(record.name)
        phases = {labels.PHASES: labels.write(watch.phases.phases)} if watch.phases.phases else {}
        if not phases and not watch.own:
            return record
        # The service does not record the phases, so they go into the tags, where every later reader finds them.
        job = self._observer.tag(record.name, watch.own, first=phases)
        return record if job is None else replace(record, **self._kept(job, record))

    def _kept(self, job: dict[str, Any], record: Record) -> dict[str, Any]:
        """The fields of the record of an ended attempt that come from the job's tags."""
        now = self._observer.record(JobView(job, self._observer.watch(record.name).details))
        return {"phases": now.phases, "cost": now.cost, "owners": now.owners}
