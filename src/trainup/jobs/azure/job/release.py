"""The end of ownership: what becomes of the jobs of a resource that is removed."""

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
    """Takes an owner's tags off jobs; cancels, archives or deletes the jobs that nobody else owns."""

    def __init__(self, observer: Observer, canceler: Canceler, submission: Submission) -> None:
        self._observer, self._canceler, self._submission = observer, canceler, submission
        self._workspace = observer.workspace

    def release(self, identity: str, owner: Owner, on_delete: OnDelete) -> None:
        """Give up an owner's part in all attempts of a run."""
        own = {labels.owner_tag(owner): labels.owner_value(owner)}
        attempts = self._observer.jobs.attempts(identity)
        # Adopted by a later create of the same resource, or never ours: those are none of our business.
        mine = [job for job in attempts if labels.has(job["properties"].get("tags"), own)]
        orphans = [job for job in mine if not labels.others(job["properties"].get("tags"), own)]
        # Whoever repeats this after a failure must find the same runs: so our tags go last.
        for job in orphans:
            self._canceler.cancel(job["name"], "its resource was removed")
            self._remove_secrets(job)
        if on_delete is OnDelete.DELETE and orphans and len(orphans) == len(attempts):
            self._submission.remove_checkpoints(identity)
        for job in mine:
            self._give_up(job["name"], own, on_delete)

    def _give_up(self, name: str, own: Mapping[str, str], on_delete: OnDelete) -> None:
        now = self._observer.jobs.find(name)
        if now is None or not labels.has(now["properties"].get("tags"), own):
            return  # deleted elsewhere, or taken over in the meantime
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
            # On the way to an empty subscription, the vault or our role on it may be gone already.
            if error.status not in (403, 404):
                raise

    def _delete(self, name: str) -> None:
        self._workspace.client.delete(self._workspace.job(name))
        self._observer.wait(name, lambda told: False, "being deleted")
