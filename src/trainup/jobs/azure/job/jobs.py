"""Reads and changes the jobs of a workspace through the resource manager."""

import random
import time
from collections.abc import Mapping
from typing import Any

from trainup.core.naming import job_name
from trainup.jobs.azure.http.client import AzureError, Read
from trainup.jobs.azure.job import labels
from trainup.jobs.azure.job.phases import seconds_of
from trainup.jobs.azure.job.records import changed, is_ours
from trainup.jobs.azure.platform.workspace import Workspace

TAG_TRIES = 8
Answer = dict[str, Any]
"""A job in a response of the resource manager."""


class Jobs:
    """Finds and changes jobs. `pause` is the longest time in seconds between two tries to write tags."""

    def __init__(self, workspace: Workspace, pause: float) -> None:
        self._workspace, self._client, self._pause = workspace, workspace.client, pause

    def find(self, name: str, *, ours: bool = True) -> Answer | None:
        """A job by its name; with `ours`, only one that trainup started. Raises AzureError."""
        job = self._client.find(self._workspace.job(name))
        return job if job is not None and (is_ours(job) or not ours) else None

    def reads(self, run_id: str, *tags: str) -> list[Read]:
        """The first requests of `attempts` and of `tagged` with these tags, to be prefetched."""
        return [*map(self._list, (labels.id_tag(run_id), *tags)), (self._workspace.job(run_id), {})]

    def _list(self, tag: str) -> Read:
        return f"{self._workspace.id}/jobs", {"listViewType": "All", "tag": tag}

    def tagged(self, tag: str) -> list[Answer]:
        """All jobs with a tag of this name, including archived ones. Raises AzureError."""
        address, query = self._list(tag)
        try:
            pages = self._client.pages(address, **query)
            return [job for job in pages if is_ours(job) and tag in (job["properties"].get("tags") or {})]
        except AzureError as error:
            if error.status == 404:  # the workspace was deleted
                return []
            raise

    def attempts(self, run_id: str) -> list[Answer]:
        """All attempts of a run, oldest first. Lists lag behind, so the next names are looked up as well."""
        jobs = {job["name"]: job for job in self.tagged(labels.id_tag(run_id))}
        if run_id not in jobs and (first := self.find(run_id)):
            jobs[run_id] = first
        attempt = max((_attempt(job) for job in jobs.values()), default=0)
        while attempt and (later := self.find(job_name(run_id, attempt + 1))):
            jobs[later["name"]] = later
            attempt += 1
        mine = [job for job in jobs.values() if job["properties"]["properties"][labels.ID] == run_id]
        return sorted(mine, key=_created if any(not _attempt(job) for job in mine) else _attempt)

    def put(self, job: Answer, **changes: Any) -> Answer:
        """Change the properties of a job that can change. Raises AzureError."""
        return self._client.put(self._workspace.job(job["name"]), changed(job, **changes))

    def tag(
        self, name: str, new_tags: Mapping[str, str], first: Mapping[str, str] | None = None, **changes: Any
    ) -> Answer | None:
        """Write tags and other changes to a job; returns the job, or None if it is gone. Raises AzureError.

        Tags of `first` do not replace existing values. The service accepts concurrent writes, of which the last one
        wins, so the job is read again after each write until it has all changes.
        """
        self._client.forget_prefetched()
        for left in range(TAG_TRIES, -1, -1):
            job = self.find(name)
            if job is None or not left:
                break
            inside, tags = job["properties"], job["properties"].get("tags") or {}
            missing = {key: value for key, value in new_tags.items() if tags.get(key) != value}
            missing |= {key: value for key, value in (first or {}).items() if key not in tags}
            other = {key: value for key, value in changes.items() if inside.get(key) != value}
            if not missing and not other:
                break
            self.put(job, tags={**tags, **missing}, **other)
            time.sleep(random.uniform(0, self._pause))
        return job


def _created(job: Mapping[str, Any]) -> float:
    """When the service accepted it: the order of attempts among which are some that a schedule started."""
    return seconds_of((job.get("systemData") or {}).get("createdAt")) or 0.0


def _attempt(job: Mapping[str, Any]) -> int:
    return int(job["properties"]["properties"][labels.ATTEMPT])
