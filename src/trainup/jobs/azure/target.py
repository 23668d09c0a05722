"""Runs on Azure ML: its jobs are the record, and it watches over them itself."""

import contextlib
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

from trainup.core.failure import FailureClass
from trainup.core.naming import job_name
from trainup.core.spec import OnDelete
from trainup.core.status import Status
from trainup.jobs.azure.http.client import AzureError
from trainup.jobs.azure.http.polling import polling
from trainup.jobs.azure.job import files as job_files
from trainup.jobs.azure.job import labels, tracking, waiting
from trainup.jobs.azure.job.body import kept_policy, to_command_job
from trainup.jobs.azure.job.jobs import Jobs
from trainup.jobs.azure.job.log import LogReader, tail
from trainup.jobs.azure.job.phases import Watched, steady_now
from trainup.jobs.azure.job.records import Told, is_ours, record_of
from trainup.jobs.azure.job.statuses import ENDED, status_of
from trainup.jobs.azure.job.submission import Submission
from trainup.jobs.azure.platform import vault
from trainup.jobs.azure.platform.workspace import HISTORY_VERSION, Workspace
from trainup.jobs.masking import Mask
from trainup.jobs.target import File, Job, Owner, Record, TargetError

CANCEL_SECONDS = 900.0
"""Azure ML first lets the script and the upload of its outputs end."""
LOG_TRIES = 3
NEW_SECONDS = 60.0
"""How long Azure ML may answer 404 for a job that it has just accepted: what is written is not at once read."""
MOST_CHARACTERS = 2000
"""Of what the service says about a failure."""


@dataclass
class _Watch:
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


class AzureTarget:
    """The `Target` of one workspace of Azure ML. Safe to use from several threads for different runs."""

    def __init__(
        self,
        workspace: Workspace,
        submission: Submission,
        secrets: Mapping[str, str] | None = None,
        reproduce: str = "",
    ) -> None:
        self.workspace, self.submission = workspace, submission
        self.polling = polling()
        self._client = workspace.client
        self._jobs = Jobs(workspace, self.polling.fastest / 8)
        self._reproduce = reproduce
        self._mask = Mask((secrets or {}).values())
        self._watches: dict[str, _Watch] = {}
        self._lock = threading.Lock()

    def exclusive(self) -> AbstractContextManager[Any]:
        return nullcontext()  # a job's name can be taken once: that is all it needs

    def expecting(self, job: Job) -> AbstractContextManager[Any]:
        reads = [*self._jobs.reads(job.id, labels.owner_tag(job.owner)), *self.submission.reads(job)]
        return self._client.asking_early(*reads)

    # What is there.

    def active_runs(self, job: Job) -> list[Record]:
        owner = job.owner
        told = (Told(job) for job in self._jobs.tagged(labels.owner_tag(owner)))
        found = [self._record(one) for one in told if not one.has_ended]
        return [record for record in found if any(owner.is_same_resource(other) for other in record.owners)]

    def attempts(self, identity: str) -> list[Record]:
        jobs = self._jobs.attempts(identity)
        records = [self._record(Told(job)) for job in jobs[:-1]]
        return [*records, *(self._view(job) for job in jobs[-1:])]

    def get(self, name: str) -> Record | None:
        watch = self._watch(name)
        if watch.job is None:
            watch.job = self._jobs.find(name)
        details = self._details(name) if watch.job else None
        if details is None:  # deleted, or so new that the run history does not know it
            watch.job, details = self._find(name), {}
        else:
            watch.new_until = 0.0
        if watch.job is None:
            return None
        if (
            status_of(details.get("status")).is_terminal
            and not status_of(watch.job["properties"].get("status")).is_terminal
        ):
            # Why it was stopped, and by whom, may have been written on it since.
            watch.job = self._find(name) or watch.job
        watch.details = details
        return self._looked_at(watch)

    # What changes it.

    def claim(self, job: Job, attempt: int) -> Record:
        # Azure ML has no job that does not run: the name is taken by the one request that starts it.
        return Record(
            name=job_name(job.id, attempt),
            run=job.run,
            id=job.id,
            attempt=attempt,
            digest=job.digest,
            status=Status.QUEUED,
            abandoned=True,
            owners=(job.owner,),
        )

    def adopt(self, record: Record, job: Job) -> Record:
        found = self._adopt(record.name, job)
        if found is None:
            raise TargetError(f"{record.name} was deleted in Azure ML while it was being taken over: run it again")
        return replace(record, owners=labels.owners(found["properties"].get("tags") or {}))

    def _adopt(self, name: str, job: Job) -> dict[str, Any] | None:
        own = {labels.owner_tag(job.owner): labels.owner_value(job.owner)}
        changes: dict[str, Any] = {"isArchived": False}
        if job.spec.display_name:
            changes["displayName"] = job.spec.display_name
        if job.spec.description:
            changes["description"] = job.spec.description
        self._watch(name).own = own
        found = self._tagged(name, {**job.spec.tags, **own}, **changes)
        if found and not Told(found).has_ended and (kept := kept_policy(job, found["properties"])):
            changed = f"{' and '.join(kept)} {'was' if len(kept) == 1 else 'were'} changed"
            self.submission.progress(
                f"{name} was started before {changed}, and keeps what it has; another attempt would not"
            )
        return found

    def launch(self, record: Record, job: Job) -> Record:
        place = self.submission.place(job)
        body = to_command_job(job, record.attempt, place)
        try:
            made = self._client.put(self.workspace.job(record.name), body)
        except AzureError as error:
            made = self._made_meanwhile(record, job, error)
        told = (made.get("properties") or {}).get("properties") or {}
        if told.get(labels.DIGEST) != job.digest:
            raise _name_is_taken(record.name)
        watch = self._watch(record.name)
        watch.new_until = time.monotonic() + NEW_SECONDS
        watch.job, watch.own = made, {labels.owner_tag(job.owner): labels.owner_value(job.owner)}
        if not labels.has(made["properties"].get("tags"), watch.own):
            made = self._adopt(record.name, job) or made
        return self._record(Told(made))

    def _made_meanwhile(self, record: Record, job: Job, error: AzureError) -> dict[str, Any]:
        """Somebody else may have started the same attempt since we looked, with other policy."""
        found = self._jobs.find(record.name, ours=False) if error.status in (400, 409, 412) else None
        if found is None:
            raise error
        if not is_ours(found) or found["properties"]["properties"][labels.DIGEST] != job.digest:
            raise _name_is_taken(record.name) from error
        return self._adopt(record.name, job) or found

    def settle(self, record: Record) -> Record:
        if not record.status.is_terminal:
            return record
        if record.status is Status.NOT_RESPONDING and record.failure and not self._told(record.name).has_ended:
            # It may come back; it must not, once another attempt goes on from its checkpoints.
            why = record.failure.message.replace("the run", "it", 1)
            record = self.cancel(record.name, why, FailureClass.SERVICE) or record
        watch = self._watch(record.name)
        seen = {labels.PHASES: labels.write(watch.phases.phases)} if watch.phases.phases else {}
        if not seen and not watch.own:
            return record
        # The service cannot tell the phases later on, and whoever reads them shall read the same.
        found = self._tagged(record.name, watch.own, first=seen)
        return record if found is None else replace(record, **self._kept(found, record))

    def _kept(self, job: dict[str, Any], record: Record) -> dict[str, Any]:
        """What is told by a job's tags of an attempt that has ended."""
        now = self._record(Told(job, self._watch(record.name).details))
        return {"phases": now.phases, "cost": now.cost, "owners": now.owners}

    def cancel(self, name: str, reason: str, kind: FailureClass = FailureClass.CANCELED) -> Record | None:
        found = self._find(name)
        if found is not None and not Told(found).has_ended:
            with contextlib.suppress(AzureError):  # the reason is a courtesy; what counts is that it ends
                self._tagged(name, {labels.STOPPED: labels.stopped(kind, reason)})
            try:
                self._client.post(f"{self.workspace.job(name)}/cancel")
            except AzureError as error:
                if error.status not in (400, 404, 409):  # ended or deleted in this very moment
                    raise
        self._watch(name).job = None
        return self._until(name, lambda told: told.has_ended, "being canceled")

    def release(self, identity: str, owner: Owner, on_delete: OnDelete) -> None:
        own = {labels.owner_tag(owner): labels.owner_value(owner)}
        attempts = self._jobs.attempts(identity)
        # Adopted by a later create of the same resource, or never ours: those are none of our business.
        mine = [job for job in attempts if labels.has(job["properties"].get("tags"), own)]
        orphans = [job for job in mine if not labels.others(job["properties"].get("tags"), own)]
        # Whoever repeats this after a failure must find the same runs: so our tags go last.
        for job in orphans:
            self.cancel(job["name"], "its resource was removed")
            self._remove_secrets(job)
        if on_delete is OnDelete.DELETE and orphans and len(orphans) == len(attempts):
            self.submission.remove_checkpoints(identity)
        for job in mine:
            self._give_up(job["name"], own, on_delete)

    def _give_up(self, name: str, own: Mapping[str, str], on_delete: OnDelete) -> None:
        now = self._jobs.find(name)
        if now is None or not labels.has(now["properties"].get("tags"), own):
            return  # deleted elsewhere, or taken over in the meantime
        released = dict.fromkeys(own, labels.RELEASED)
        if on_delete is OnDelete.KEEP or labels.others(now["properties"].get("tags"), own):
            self._tagged(name, released)
        elif on_delete is OnDelete.ARCHIVE:
            self._tagged(name, released, isArchived=True)
        else:
            self._delete(name)

    def _remove_secrets(self, job: Mapping[str, Any]) -> None:
        try:
            vault.remove(self.workspace, job["properties"])
        except AzureError as error:
            # On the way to an empty subscription, the vault or our role on it may be gone already.
            if error.status not in (403, 404):
                raise

    def _delete(self, name: str) -> None:
        self._client.delete(self.workspace.job(name))
        self._until(name, lambda told: False, "being deleted")

    # What it printed, and what it left behind.

    def read_log(self, name: str, position: int) -> tuple[list[str], int]:
        watch = self._watch(name)
        if watch.log is None or position == 0:
            watch.log = LogReader(self.workspace.told_blobs, self._mask)
        ended = str(watch.details.get("status")) in ENDED
        for left in range(LOG_TRIES - 1, -1, -1):
            try:
                if not watch.details:
                    watch.details = self._details(name) or {}
                lines = watch.log.read(dict(watch.details.get("logFiles") or {}), ended=ended)
                return lines, max(1, watch.log.position)
            except AzureError as error:
                # An address that has expired, or storage that does not answer: with the next look, new addresses.
                watch.details = {}
                if not ended:
                    break
                if not left:
                    lost = f"— the rest of the log could not be read: {error} —"
                    return [*watch.log.finish(), lost], max(1, watch.log.position)
        return [], max(1, watch.log.position)

    def log_tail(self, name: str, lines: int) -> list[str]:
        try:
            files = (self._details(name) or {}).get("logFiles") or {}
            return tail(self.workspace.told_blobs, files, lines, self._mask)
        except AzureError as error:
            return [f"— the log could not be read: {error} —"]

    def files(self, name: str, part: str | None = None) -> list[File]:
        return job_files.files(self.workspace, name, part)

    # One job.

    def _watch(self, name: str) -> _Watch:
        with self._lock:
            return self._watches.setdefault(name, _Watch())

    def _find(self, name: str) -> dict[str, Any] | None:
        """A job as it is now, or as it was accepted a moment ago; None once it is gone."""
        watch = self._watch(name)
        if found := self._jobs.find(name):
            watch.new_until = 0.0
        elif time.monotonic() < watch.new_until:
            return watch.job
        return found

    def _told(self, name: str) -> Told:
        watch = self._watch(name)
        return Told(watch.job or {"name": name}, watch.details)

    def _looked_at(self, watch: _Watch) -> Record:
        assert watch.job is not None
        told = Told(watch.job, watch.details)
        record = self._record(told)
        phases = watch.phases.look(record.status, told.times)
        if phases and not labels.read(told.tags.get(labels.PHASES)):
            record = self._record(told, phases=phases)
        if record.status.is_terminal:
            return self._with_metrics(record)
        compute = self._compute(watch) if record.status is Status.QUEUED else None
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

    def _compute(self, watch: _Watch) -> Any:
        assert watch.job is not None
        cluster = watch.job["properties"].get("computeId")
        if not cluster:
            return None
        with contextlib.suppress(AzureError):  # why it waits is worth knowing, and no reason to stop waiting
            return self.workspace.compute(cluster)
        return None

    def _view(self, job: dict[str, Any]) -> Record:
        """A job with all that is known of it."""
        watch = _Watch(job, self._details(job["name"]) or {})
        self._watch(job["name"]).job = job
        return self._looked_at(watch)

    def _record(self, told: Told, **facts: Any) -> Record:
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
        message = self._mask.mask_text(record.failure.message)[:MOST_CHARACTERS]
        return replace(record, failure=replace(record.failure, message=message))

    def _details(self, name: str) -> dict[str, Any] | None:
        return self._client.find(self.workspace.history(f"runs/{name}/details"), version=HISTORY_VERSION)

    def _tagged(self, name: str, wanted: Mapping[str, str], **more: Any) -> dict[str, Any] | None:
        self._watch(name).job = found = self._jobs.tag(name, wanted, **more)
        return found

    def _until(self, name: str, condition: Callable[[Told], bool], what: str) -> Record | None:
        end, pause = time.monotonic() + CANCEL_SECONDS, self.polling.fastest / 4
        while (record := self.get(name)) and not condition(self._told(name)):
            if time.monotonic() > end:
                late = f"{CANCEL_SECONDS:.0f} s after {what}"
                raise TargetError(f"{name} is still {record.status} {late}: {record.web_url}")
            time.sleep(pause)
            pause = self.polling.after(pause, record.status, progressed=False)
        return record


def _name_is_taken(name: str) -> TargetError:
    return TargetError(
        f"the workspace has a job {name!r} that is not this run, and names cannot be used twice: delete or rename that "
        "one, or set `rerun` to anything new"
    )
