"""The logs of jobs, for commands that follow or show them."""

from trainup.jobs.azure.http.client import AzureError
from trainup.jobs.azure.job.log import LogReader, tail
from trainup.jobs.azure.job.observation import Observer
from trainup.jobs.azure.job.statuses import ENDED

TRIES = 3
"""Tries to read the last part of a log after its job has ended."""


class Logs:
    """Reads logs at the URLs from the run history, which expire."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer

    def read(self, name: str, position: int) -> tuple[list[str], int]:
        """The complete lines after a position in bytes, and the next position."""
        watch = self._observer.watch(name)
        if watch.log is None or position == 0:
            watch.log = LogReader(self._observer.workspace.linked_blobs, self._observer.mask)
        ended = str(watch.details.get("status")) in ENDED
        for left in range(TRIES - 1, -1, -1):
            try:
                if not watch.details:
                    watch.details = self._observer.details(name) or {}
                lines = watch.log.read(dict(watch.details.get("logFiles") or {}), ended=ended)
                return lines, max(1, watch.log.position)
            except AzureError as error:
                # The URL has expired, or storage does not respond: the next call gets new URLs.
                watch.details = {}
                if not ended:
                    break
                if not left:
                    lost = f"— the rest of the log could not be read: {error} —"
                    return [*watch.log.finish(), lost], max(1, watch.log.position)
        return [], max(1, watch.log.position)

    def tail(self, name: str, lines: int) -> list[str]:
        """The last lines of a log; if it cannot be read, one line that says so."""
        try:
            files = (self._observer.details(name) or {}).get("logFiles") or {}
            return tail(self._observer.workspace.linked_blobs, files, lines, self._observer.mask)
        except AzureError as error:
            return [f"— the log could not be read: {error} —"]
