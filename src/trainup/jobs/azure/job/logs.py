"""The logs of jobs, for whoever follows one."""

from trainup.jobs.azure.http.client import AzureError
from trainup.jobs.azure.job.log import LogReader, tail
from trainup.jobs.azure.job.observation import Observer
from trainup.jobs.azure.job.statuses import ENDED

TRIES = 3
"""How often the last part of a log is asked for, once its job has ended."""


class Logs:
    """Reads logs at the addresses that the run history gives, which expire."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer

    def read(self, name: str, position: int) -> tuple[list[str], int]:
        """The whole lines after a position, and the next position."""
        watch = self._observer.watch(name)
        if watch.log is None or position == 0:
            watch.log = LogReader(self._observer.workspace.told_blobs, self._observer.mask)
        ended = str(watch.details.get("status")) in ENDED
        for left in range(TRIES - 1, -1, -1):
            try:
                if not watch.details:
                    watch.details = self._observer.details(name) or {}
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

    def tail(self, name: str, lines: int) -> list[str]:
        """The last lines of a log."""
        try:
            files = (self._observer.details(name) or {}).get("logFiles") or {}
            return tail(self._observer.workspace.told_blobs, files, lines, self._observer.mask)
        except AzureError as error:
            return [f"— the log could not be read: {error} —"]
