"""Releases the jobs of a resource that is removed."""

from collections.abc import Mapping
from typing import Any

from trainup.core.choices import OnDelete
from trainup.jobs.azure.http.client import AzureError
from trainup.jobs.azure.job import labels
from trainup.jobs.azure.job.cancellation import Canceler
from trainup.jobs.azure.job.observation import Observer
from trainup.jobs.azure.job.submission import Submission
from trainup.jobs.azure.platform import vault
from trainup.jobs.target import Owner


class Releaser:
    """Releases an owner's tags on jobs, and cancels, archives or deletes the jobs without another owner."""

    def __init__(self, observer: Observer, canceler: Canceler, submission: Submission) -> None:
        self._observer, self._canceler, self._submission = observer, canceler, submission
        self._workspace = observer.workspace

    def release(self, run_id: str, owner: Owner, on_delete: OnDelete) -> None:
        """Release an owner from all attempts of a run. Raises AzureError, TargetError."""
        own = {labels.owner_tag(owner): labels.owner_value(owner)}
        attempts = self._observer.jobs.attempts(run_id)
        # Jobs that a later create of the same resource has adopted carry another token, and are left alone.
        mine = [job for job in attempts if labels.has(job["properties"].get("tags"), own)]
        orphans = [job for job in mine if not labels.others(job["properties"].get("tags"), own)]
        # The tags are released last, so that a repetition after a failure finds the same jobs.
        for job in orphans:
            self._canceler.cancel(job["name"], "its resource was removed")
            self._remove_secrets(job)
        if on_delete is OnDelete.DELETE and orphans and len(orphans) == len(attempts):
            self._submission.remove_checkpoints(run_id)
        for job in mine:
            self._give_up(job["name"], own, on_delete)

    def _give_up(self, name: str, own: Mapping[str, str], on_delete: OnDelete) -> None:
        now = self._observer.jobs.find(name)
        if now is None or not labels.has(now["properties"].get("tags"), own):
            return  # deleted or adopted by another resource in the meantime
        released = dict.fromkeys(own, labels.RELEASED)
        if on_delete is OnDelete.KEEP or labels.others(now["properties"].get("tags"), own):
            self._observer.tag(name, released)
        elif on_delete is OnDelete.ARCHIVE:
            self._observer.tag(name, released, isArchived=True)
        else:
            self._delete(name)

    def _remove_secrets(self, job: Mapping[str, Any]) -> None:
        try:
            vault.remove(self._workspace, job["properties"])
        except AzureError as error:
            # During `pulumi destroy`, the vault or the role on it may be deleted already.
            if error.status not in (403, 404):
                raise

    def _delete(self, name: str) -> None:
        self._workspace.client.delete(self._workspace.job(name))
        self._observer.wait(name, lambda view: False, "being deleted")
