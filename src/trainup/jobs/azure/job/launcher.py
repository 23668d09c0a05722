"""The start of jobs, and their adoption by another resource."""

from dataclasses import replace
from typing import Any

from trainup.jobs.azure.http.client import AzureError
from trainup.jobs.azure.job import labels
from trainup.jobs.azure.job.body import kept_policy, to_command_job
from trainup.jobs.azure.job.observation import Observer
from trainup.jobs.azure.job.records import Told, is_ours
from trainup.jobs.azure.job.submission import Submission
from trainup.jobs.target import Job, Record, TargetError


class Launcher:
    """Starts jobs under names that can be taken only once."""

    def __init__(self, observer: Observer, submission: Submission) -> None:
        self._observer, self._submission = observer, submission
        self._workspace = submission.workspace

    def launch(self, record: Record, job: Job) -> Record:
        """Start an attempt, or adopt it if somebody else has just started it."""
        place = self._submission.place(job)
        body = to_command_job(job, record.attempt, place)
        try:
            made = self._workspace.client.put(self._workspace.job(record.name), body)
        except AzureError as error:
            made = self._made_meanwhile(record, job, error)
        told = (made.get("properties") or {}).get("properties") or {}
        if told.get(labels.DIGEST) != job.digest:
            raise _name_is_taken(record.name)
        own = {labels.owner_tag(job.owner): labels.owner_value(job.owner)}
        self._observer.watch(record.name).started(made, own)
        if not labels.has(made["properties"].get("tags"), own):
            made = self._adopt(record.name, job) or made
        return self._observer.record(Told(made))

    def adopt(self, record: Record, job: Job) -> Record:
        """Make the job's owner an owner of the attempt, and change what can be changed of it."""
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
        self._observer.watch(name).own = own
        found = self._observer.tag(name, {**job.spec.tags, **own}, **changes)
        if found and not Told(found).has_ended and (kept := kept_policy(job, found["properties"])):
            changed = f"{' and '.join(kept)} {'was' if len(kept) == 1 else 'were'} changed"
            self._submission.progress(
                f"{name} was started before {changed}, and keeps what it has; another attempt would not"
            )
        return found

    def _made_meanwhile(self, record: Record, job: Job, error: AzureError) -> dict[str, Any]:
        """Somebody else may have started the same attempt since we looked, with other policy."""
        found = self._observer.jobs.find(record.name, ours=False) if error.status in (400, 409, 412) else None
        if found is None:
            raise error
        if not is_ours(found) or found["properties"]["properties"][labels.DIGEST] != job.digest:
            raise _name_is_taken(record.name) from error
        return self._adopt(record.name, job) or found


def _name_is_taken(name: str) -> TargetError:
    return TargetError(
        f"the workspace has a job {name!r} that is not this run, and names cannot be used twice: delete or rename that "
        "one, or set `rerun` to anything new"
    )
