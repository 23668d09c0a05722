"""Jobs of a workspace, as the resource manager keeps them."""

import random
import time
from collections.abc import Mapping
from typing import Any

from trainup.core.naming import job_name
from trainup.jobs.azure.http.client import AzureError, Read
from trainup.jobs.azure.job import labels
from trainup.jobs.azure.job.records import changed, is_ours
from trainup.jobs.azure.platform.workspace import Workspace

TAG_TRIES = 8
Answer = dict[str, Any]
"""What Azure tells of a job."""


class Jobs:
    """Finds and changes jobs. `pause`: seconds between two looks at what several may write at once."""

    def __init__(self, workspace: Workspace, pause: float) -> None:
        self._workspace, self._client, self._pause = workspace, workspace.client, pause

    def find(self, name: str, *, ours: bool = True) -> Answer | None:
        """A job, if trainup made it or `ours` does not matter."""
        found = self._client.find(self._workspace.job(name))
        return found if found is not None and (is_ours(found) or not ours) else None

    def reads(self, identity: str, *tags: str) -> list[Read]:
        """What `tagged` with these tags and `attempts` begin with."""
        return [*map(self._list, (labels.id_tag(identity), *tags)), (self._workspace.job(identity), {})]

    def _list(self, tag: str) -> Read:
        return f"{self._workspace.id}/jobs", {"listViewType": "All", "tag": tag}

    def tagged(self, tag: str) -> list[Answer]:
        """All jobs with a tag of this name, archived ones too."""
        address, query = self._list(tag)
        try:
            pages = self._client.pages(address, **query)
            return [job for job in pages if is_ours(job) and tag in (job["properties"].get("tags") or {})]
        except AzureError as error:
            if error.status == 404:  # the workspace is gone, and everything in it
                return []
            raise

    def attempts(self, identity: str) -> list[Answer]:
        """All attempts of a run, oldest first. Lists lag behind, and a name tells at once: so both are asked."""
        found = {job["name"]: job for job in self.tagged(labels.id_tag(identity))}
        if identity not in found and (first := self.find(identity)):
            found[identity] = first
        attempt = max((_attempt(job) for job in found.values()), default=0)
        while attempt and (later := self.find(job_name(identity, attempt + 1))):
            found[later["name"]] = later
            attempt += 1
        mine = [job for job in found.values() if job["properties"]["properties"][labels.ID] == identity]
        return sorted(mine, key=_attempt)

    def put(self, job: Answer, **changes: Any) -> Answer:
        """Change what can be changed of a job."""
        return self._client.put(self._workspace.job(job["name"]), changed(job, **changes))

    def tag(
        self, name: str, wanted: Mapping[str, str], first: Mapping[str, str] | None = None, **changes: Any
    ) -> Answer | None:
        """Change a job until it has these tags, and those of `first` or somebody else's; None when it is gone.

        Others may write at the same time, and the service takes one body after the other: so what was written is
        looked at again.
        """
        self._client.forget_early()
        for left in range(TAG_TRIES, -1, -1):
            found = self.find(name)
            if found is None or not left:
                break
            inside, tags = found["properties"], found["properties"].get("tags") or {}
            missing = {key: value for key, value in wanted.items() if tags.get(key) != value}
            missing |= {key: value for key, value in (first or {}).items() if key not in tags}
            other = {key: value for key, value in changes.items() if inside.get(key) != value}
            if not missing and not other:
                break
            self.put(found, tags={**tags, **missing}, **other)
            time.sleep(random.uniform(0, self._pause))
        return found


def _attempt(job: Mapping[str, Any]) -> int:
    return int(job["properties"]["properties"][labels.ATTEMPT])
