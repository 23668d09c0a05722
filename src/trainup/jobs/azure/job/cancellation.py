"""The end of jobs: cancellation, and what is kept of a job that has ended."""

import contextlib
from dataclasses import replace
from typing import Any

from trainup.core.failure import FailureClass
from trainup.core.status import Status
from trainup.jobs.azure.http.client import AzureError
from trainup.jobs.azure.job import labels
from trainup.jobs.azure.job.observation import Observer
from trainup.jobs.azure.job.records import Told
from trainup.jobs.target import Record


class Canceler:
    """Ends jobs, and writes on them why."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._workspace = observer.workspace

    def cancel(self, name: str, reason: str, kind: FailureClass = FailureClass.CANCELED) -> Record | None:
        """Cancel a job unless it has ended, and wait until it has."""
        found = self._observer.find(name)
        if found is not None and not Told(found).has_ended:
            with contextlib.suppress(AzureError):  # the reason is a courtesy; what counts is that it ends
                self._observer.tag(name, {labels.STOPPED: labels.stopped(kind, reason)})
            try:
                self._workspace.client.post(f"{self._workspace.job(name)}/cancel")
            except AzureError as error:
                if error.status not in (400, 404, 409):  # ended or deleted in this very moment
                    raise
        self._observer.watch(name).job = None
        return self._observer.wait(name, lambda told: told.has_ended, "being canceled")

    def settle(self, record: Record) -> Record:
        """Write on a job that has ended what only whoever watched it knows; end one that does not respond."""
        if not record.status.is_terminal:
            return record
        if record.status is Status.NOT_RESPONDING and record.failure and not self._observer.told(record.name).has_ended:
            # It may come back; it must not, once another attempt goes on from its checkpoints.
            why = record.failure.message.replace("the run", "it", 1)
            record = self.cancel(record.name, why, FailureClass.SERVICE) or record
        watch = self._observer.watch(record.name)
        seen = {labels.PHASES: labels.write(watch.phases.phases)} if watch.phases.phases else {}
        if not seen and not watch.own:
            return record
        # The service cannot tell the phases later on, and whoever reads them shall read the same.
        found = self._observer.tag(record.name, watch.own, first=seen)
        return record if found is None else replace(record, **self._kept(found, record))

    def _kept(self, job: dict[str, Any], record: Record) -> dict[str, Any]:
        """What is told by a job's tags of an attempt that has ended."""
        now = self._observer.record(Told(job, self._observer.watch(record.name).details))
        return {"phases": now.phases, "cost": now.cost, "owners": now.owners}
