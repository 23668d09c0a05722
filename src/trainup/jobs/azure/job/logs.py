"""The logs of jobs, for commands that follow or show them."""

from trainup.jobs.azure.http.client import AzureError
from trainup.jobs.azure.job.log import LogReader, tail
from trainup.jobs.azure.job.observation import Observer, Watch
from trainup.jobs.azure.job.statuses import ENDED

TRIES = 3
"""Tries to read the last part of a log after its job has ended."""
REFUSED = (401, 403, 409)
"""Statuses for an address, and then for a token, that may not read the log."""
REFUSALS = 2
"""Refusals in a row, the second with new addresses, after which the reader is told."""


class Logs:
    """Reads logs at the URLs from the run history, which expire."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer

    def read(self, name: str, position: int) -> tuple[list[str], int]:
        """The complete lines after a position in bytes, and the next position."""
        watch = self._observer.watch(name)
        if watch.log is None or position == 0:
            watch.log = LogReader(self._observer.workspace.linked_blobs, self._observer.mask)
            watch.log_refusals, watch.log_told = 0, False
        ended = str(watch.details.get("status")) in ENDED
        lines: list[str] = []
        for left in range(TRIES - 1 if ended else 0, -1, -1):
            try:
                if not watch.details:
                    watch.details = self._observer.details(name) or {}
                lines = watch.log.read(dict(watch.details.get("logFiles") or {}), ended=ended)
                watch.log_refusals = 0
                break
            except AzureError as error:
                # The URL has expired, or storage does not respond: the next call gets new URLs.
                watch.details = {}
                watch.log_refusals += error.status in REFUSED
                if not ended:
                    lines = self._told_once(watch, error)
                elif not left:
                    lost = [] if watch.log_told else [f"— the rest of the log could not be read: {error} —"]
                    lines = [*watch.log.finish(), *lost]
        return lines, max(1, watch.log.position)

    def _told_once(self, watch: Watch, error: AzureError) -> list[str]:
        """A line that says why the log of a running job cannot be read, once."""
        if watch.log_told or watch.log_refusals < REFUSALS:
            return []
        watch.log_told = True
        return [
            f"— the log cannot be read: {error}. The run goes on; to see its log, ask for the role Storage Blob Data "
            "Reader on the workspace's storage —"
        ]

    def tail(self, name: str, lines: int) -> list[str]:
        """The last lines of a log; if it cannot be read, one line that says so."""
        try:
            files = (self._observer.details(name) or {}).get("logFiles") or {}
            return tail(self._observer.workspace.linked_blobs, files, lines, self._observer.mask)
        except AzureError as error:
            return [f"— the log could not be read: {error} —"]
