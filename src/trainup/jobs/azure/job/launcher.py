"""Starts jobs, and lets another resource adopt them."""

import re
from dataclasses import replace
from typing import Any

from trainup.jobs.azure.http.client import AzureError
from trainup.jobs.azure.http.waits import NEW_SECONDS, READY_SECONDS, wait_while
from trainup.jobs.azure.job import labels
from trainup.jobs.azure.job.body import ignored_policy, to_command_job
from trainup.jobs.azure.job.observation import Observer
from trainup.jobs.azure.job.records import JobView, is_ours
from trainup.jobs.azure.job.submission import Submission
from trainup.jobs.target import Job, Record, TargetError

_UNREAD = re.compile(r"not ?found|does not exist|doesn't exist|already exists", re.IGNORECASE)


class Launcher:
    """Starts jobs; the unique name of a job prevents a second start of an attempt."""

    def __init__(self, observer: Observer, submission: Submission) -> None:
        self._observer, self._submission = observer, submission
        self._workspace = submission.workspace

    def launch(self, record: Record, job: Job) -> Record:
        """Start an attempt, or adopt it if another stack has just started it. Raises SnapshotError, TargetError."""
        references = self._submission.references(job)
        answer = self._put(record, job, to_command_job(job, record.attempt, references))
        facts = (answer.get("properties") or {}).get("properties") or {}
        if facts.get(labels.DIGEST) != job.digest:
            raise _name_is_taken(record.name)
        own = labels.own(job)
        self._observer.watch(record.name).started(answer, own)
        if not labels.has(answer["properties"].get("tags"), own):
            answer = self._adopt(record.name, job) or answer
        return self._observer.record(JobView(answer))

    def adopt(self, record: Record, job: Job) -> Record:
        """Add the job's owner to the owners of the attempt, and apply changed policy. Raises TargetError."""
        existing = self._adopt(record.name, job)
        if existing is None:
            raise TargetError(f"{record.name} was deleted in Azure ML while it was being taken over: run it again")
        return replace(record, owners=labels.owners(existing["properties"].get("tags") or {}))

    def _adopt(self, name: str, job: Job) -> dict[str, Any] | None:
        own = labels.own(job)
        changes: dict[str, Any] = {"isArchived": False}
        if job.spec.display_name:
            changes["displayName"] = job.spec.display_name
        if job.spec.description:
            changes["description"] = job.spec.description
        self._observer.watch(name).own = own
        existing = self._observer.tag(name, {**job.spec.tags, **own}, **changes)
        if existing and not JobView(existing).has_ended and (ignored := ignored_policy(job, existing["properties"])):
            changed = f"{' and '.join(ignored)} {'was' if len(ignored) == 1 else 'were'} changed"
            self._submission.progress(
                f"{name} was started before {changed}, and keeps the old values; only a new attempt uses the new ones"
            )
        return existing

    def _put(self, record: Record, job: Job, body: dict[str, Any]) -> dict[str, Any]:
        """The job as Azure ML accepted it. Waits for the cluster, and for reads that lag behind. Raises TargetError."""
        client, submission = self._workspace.client, self._submission

        def put() -> dict[str, Any]:
            try:
                return client.put(self._workspace.job(record.name), body)
            except AzureError as error:
                return self._started_by_another(record, job, error)

        def put_when_known() -> dict[str, Any]:
            known = "Azure ML to know all that the job refers to"
            return wait_while(client, put, _is_unread, NEW_SECONDS, known, submission.progress, submission.stop)

        ready = "the cluster, which is not ready for jobs"
        return wait_while(client, put_when_known, _is_busy, READY_SECONDS, ready, submission.progress, submission.stop)

    def _started_by_another(self, record: Record, job: Job, error: AzureError) -> dict[str, Any]:
        """Adopt the same attempt if another stack has started it in the meantime; otherwise raise the error."""
        existing = self._observer.jobs.find(record.name, ours=False) if error.status in (400, 409, 412) else None
        if existing is None:
            raise error
        if not is_ours(existing) or existing["properties"]["properties"][labels.DIGEST] != job.digest:
            raise _name_is_taken(record.name) from error
        return self._adopt(record.name, job) or existing


def _is_unread(error: AzureError) -> bool:
    """Whether Azure ML does not know something that may be new: code, environment, data, or a job of this name."""
    return error.status in (400, 404, 409, 412) and bool(_UNREAD.search(str(error)))


def _is_busy(error: AzureError) -> bool:
    return error.status == 409 and not _is_unread(error)


def _name_is_taken(name: str) -> TargetError:
    return TargetError(
        f"the workspace has a job {name!r} that is not this run, and names cannot be used twice: delete or rename that "
        "one, or set `rerun` to anything new"
    )
