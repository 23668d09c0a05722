"""Image builds in an Azure container registry: quick builds of ACR Tasks, which need no Docker on this machine.

The SDK's own poller treats every status as final, so this module polls by itself.
"""

import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, BinaryIO, Self

from trainup.jobs.azure.http.blobs import Blobs
from trainup.jobs.azure.http.client import AzureClient, AzureError
from trainup.jobs.azure.http.polling import polling
from trainup.jobs.azure.http.waits import NEW_SECONDS
from trainup.jobs.lines import LineCleaner

VERSION = "2019-06-01-preview"
"""Latest API version that supports builds; later versions of registries do not."""
LATE_LOOKS = 10
"""Reads of a log after the end of its build, because the log lags behind."""
TASKS_REFUSED = "TasksOperationsNotAllowed"
EXPIRED = 403
PIECE = 1 << 20


class BuildStatus(StrEnum):
    """Status of a build, as the service names it."""

    QUEUED = "Queued"
    STARTED = "Started"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    CANCELED = "Canceled"
    ERROR = "Error"
    """A failure of the service, not of the Dockerfile."""
    TIMEOUT = "Timeout"

    @property
    def is_over(self) -> bool:
        """Whether the status is final."""
        return self not in (BuildStatus.QUEUED, BuildStatus.STARTED, BuildStatus.RUNNING)


@dataclass(frozen=True)
class Build:
    """The current state of a build."""

    id: str
    """Id in the registry, such as `ca1`."""
    status: BuildStatus
    created: str = ""
    """Time of the request by the service's clock, as ISO 8601."""
    message: str = ""
    """The service's error message."""
    pushed: Mapping[str, str] = field(default_factory=dict)
    """`repository:tag` → digest of the pushed images; some builds do not report them."""

    @classmethod
    def parse(cls, answer: Mapping[str, Any]) -> Self:
        """The build in a response to `GET …/runs/<id>` or to `scheduleRun`."""
        facts = answer.get("properties", answer)
        images = facts.get("outputImages") or ()
        return cls(
            id=str(facts["runId"]),
            status=BuildStatus(facts.get("status") or BuildStatus.QUEUED),
            created=str(facts.get("createTime") or ""),
            message=str(facts.get("runErrorMessage") or ""),
            pushed={
                f"{image['repository']}:{image['tag']}": image["digest"] for image in images if image.get("digest")
            },
        )


@dataclass(frozen=True)
class Order:
    """What to build from an uploaded context."""

    source: str
    """Source location of the upload, as the registry returned it."""
    dockerfile: str
    """Path of the Dockerfile in the context."""
    image: str
    """`repository:tag` in this registry."""
    arguments: Mapping[str, str]
    platform: str
    timeout_seconds: int

    def body(self) -> dict[str, Any]:
        """The body of the request `scheduleRun`."""
        system, architecture = self.platform.split("/")[:2]
        arguments = [{"name": name, "value": value, "isSecret": False} for name, value in self.arguments.items()]
        return {
            "type": "DockerBuildRequest",
            "sourceLocation": self.source,
            "dockerFilePath": self.dockerfile,
            "imageNames": [self.image],
            "isPushEnabled": True,
            "platform": {"os": system.capitalize(), "architecture": architecture},
            "timeout": self.timeout_seconds,
            **({"arguments": arguments} if arguments else {}),
        }


class Interrupted(Exception):
    """Waiting was interrupted; the build continues."""

    def __init__(self, build: Build) -> None:
        super().__init__(f"{build.id} is {build.status}")
        self.build = build


class RegistryBuilds:
    """The builds of one registry."""

    def __init__(self, client: AzureClient, registry_id: str) -> None:
        self._client, self._id = client, registry_id
        self._pause = polling().fastest

    def upload(self, archive: BinaryIO) -> str:
        """Upload a build context; returns its source location. Raises AzureError."""
        # The service derives the source location from this id, so each upload needs a new one.
        fresh = {"x-ms-correlation-request-id": str(uuid.uuid4())}
        answer = self._post("listBuildSourceUploadUrl", headers=fresh)
        Blobs(self._client).put_file(answer["uploadUrl"], archive)
        return str(answer["relativePath"])

    def schedule(self, order: Order) -> Build:
        """Start a build. Raises AzureError."""
        return Build.parse(self._post("scheduleRun", order.body(), repeat=False))

    def find(self, build_id: str) -> Build | None:
        """The current state of a build; None if the registry has no such build. Raises AzureError."""
        answer = self._client.find(f"{self._id}/runs/{build_id}", version=VERSION)
        return Build.parse(answer) if answer else None

    def unfinished(self, since: datetime) -> list[Build]:
        """All builds of the registry, of any image, that were requested since then and have not ended.

        Raises AzureError.
        """
        status_filter = " or ".join(f"Status eq '{status}'" for status in BuildStatus if not status.is_over)
        builds = [
            Build.parse(answer)
            for answer in self._client.pages(f"{self._id}/runs", version=VERSION, **{"$filter": status_filter})
        ]
        return [
            build for build in builds if not build.status.is_over and datetime.fromisoformat(build.created) >= since
        ]

    def cancel(self, build_id: str) -> None:
        """Cancel a build; one that has ended or does not exist is no error. Raises AzureError."""
        try:
            self._post(f"runs/{build_id}/cancel")
        except AzureError as error:
            build = self.find(build_id)
            if build is not None and not build.status.is_over:
                raise error

    def log_address(self, build_id: str) -> str:
        """URL of a build's log, which is valid for about an hour. Raises AzureError."""
        return str(self._post(f"runs/{build_id}/listLogSasUrl")["logLink"])

    def follow(
        self, build_id: str, lines: Callable[[list[str]], None], status: Callable[[Build], None], stop: threading.Event
    ) -> Build:
        """Wait until a build has ended, and pass each line of its log to `lines`.

        Raises Interrupted when `stop` is set, and AzureError.
        """
        log, last = _Log(Blobs(self._client), lambda: self.log_address(build_id)), None
        new_until = time.monotonic() + NEW_SECONDS
        while True:
            build = self._find_new(build_id, new_until, stop)
            if build.status is not last:
                last = build.status
                status(build)
            lines(log.read())
            if build.status.is_over:
                break
            if stop.wait(self._pause):
                raise Interrupted(build)
        looks = 0
        while not log.is_complete and looks < LATE_LOOKS and not stop.wait(self._pause):
            looks += 1
            lines(log.read())
        lines(log.finish())
        return build

    def _find_new(self, build_id: str, new_until: float, stop: threading.Event) -> Build:
        """A build, which may not be found until `new_until` (`time.monotonic`). Raises AzureError, Interrupted."""
        while (build := self.find(build_id)) is None:
            if time.monotonic() > new_until:
                raise AzureError(f"the build {build_id} has vanished from {self._id}", 404)
            if stop.wait(self._pause):
                raise Interrupted(Build(build_id, BuildStatus.QUEUED))
        return build

    def _post(self, action: str, body: Mapping[str, Any] | None = None, **options: Any) -> dict[str, Any]:
        return self._client.post(f"{self._id}/{action}", body, version=VERSION, **options)


class _Log:
    """Reads the growing log of a build. Errors only cost lines, because a build does not depend on its log."""

    def __init__(self, blobs: Blobs, find_address: Callable[[], str]) -> None:
        self._blobs, self._find_address = blobs, find_address
        self._address, self._position = "", 0
        self._cleaner = LineCleaner()
        self.is_complete = False

    def read(self) -> list[str]:
        """The new complete lines."""
        lines: list[str] = []
        while not self.is_complete:
            # Read one byte again: without content, the response would not say whether the log is complete.
            overlap = min(self._position, 1)
            try:
                self._address = self._address or self._find_address()
                piece = self._blobs.read(self._address, self._position - overlap, PIECE)
            except AzureError as error:
                if error.status == EXPIRED:
                    self._address = ""
                break
            new = piece.data[overlap:] if piece else b""
            self._position += len(new)
            lines += _lines(self._cleaner.feed(new))
            self.is_complete = bool(piece and "complete" in piece.metadata and self._position == piece.total)
            if not new:
                break
        return lines

    def finish(self) -> list[str]:
        """The last line, if it has no line end."""
        return _lines(self._cleaner.finish())


def _lines(data: bytes) -> list[str]:
    return data.decode("utf-8", "replace").splitlines()
