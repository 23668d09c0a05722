"""Builds in an Azure container registry, without Docker: quick builds of ACR Tasks, followed by hand.

The service's own poller takes every state for a final one.
"""

import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, BinaryIO, Self

from trainup.jobs.azure.http.blobs import Blobs
from trainup.jobs.azure.http.client import AzureClient, AzureError
from trainup.jobs.azure.http.polling import polling
from trainup.jobs.lines import LineCleaner

VERSION = "2019-06-01-preview"
"""Of what a registry builds; the registry itself has later ones."""
LATE_LOOKS = 10
"""At a log that lags behind the end of its build."""
TASKS_REFUSED = "TasksOperationsNotAllowed"
EXPIRED = 403
PIECE = 1 << 20


class BuildStatus(StrEnum):
    """Where a build stands, in the service's words."""

    QUEUED = "Queued"
    STARTED = "Started"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    CANCELED = "Canceled"
    ERROR = "Error"
    """The service failed, not the Dockerfile."""
    TIMEOUT = "Timeout"

    @property
    def is_over(self) -> bool:
        """Whether it can no longer change."""
        return self not in (BuildStatus.QUEUED, BuildStatus.STARTED, BuildStatus.RUNNING)


@dataclass(frozen=True)
class Build:
    """One build as it stands."""

    id: str
    """The registry's own name for it, such as `ca1`."""
    status: BuildStatus
    created: str = ""
    """When it was asked for, by the service's clock."""
    message: str = ""
    """What the service says went wrong."""
    pushed: Mapping[str, str] = field(default_factory=dict)
    """Image, as `repository:tag` → its digest; not every build tells."""

    @classmethod
    def parse(cls, answer: Mapping[str, Any]) -> Self:
        """From the answer to `GET …/runs/<id>`, or to what scheduled it."""
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
    """What to build, from what has been uploaded."""

    source: str
    """Where the upload lies, as the registry told."""
    dockerfile: str
    """Name in the archive."""
    image: str
    """`repository:tag` in this registry."""
    arguments: Mapping[str, str]
    platform: str
    timeout_seconds: int

    def body(self) -> dict[str, Any]:
        """What `scheduleRun` takes."""
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
    """Waiting was given up before the build ended; it goes on."""

    def __init__(self, build: Build) -> None:
        super().__init__(f"{build.id} is {build.status}")
        self.build = build


class RegistryBuilds:
    """The builds of one registry."""

    def __init__(self, client: AzureClient, registry_id: str) -> None:
        self._client, self._id = client, registry_id
        self._pause = polling().fastest

    def upload(self, archive: BinaryIO) -> str:
        """Hand over a context; returns where it lies."""
        # The service derives the place from this id: with an old one, two builds would share their source.
        fresh = {"x-ms-correlation-request-id": str(uuid.uuid4())}
        told = self._post("listBuildSourceUploadUrl", headers=fresh)
        Blobs(self._client).put_file(told["uploadUrl"], archive)
        return str(told["relativePath"])

    def schedule(self, order: Order) -> Build:
        """Begin a build."""
        return Build.parse(self._post("scheduleRun", order.body(), repeat=False))

    def find(self, build_id: str) -> Build | None:
        """A build as it stands; None when the registry has none of this id."""
        answer = self._client.find(f"{self._id}/runs/{build_id}", version=VERSION)
        return Build.parse(answer) if answer else None

    def going(self, since: datetime) -> list[Build]:
        """The builds that were asked for since then and have not ended, whoever asked and for whatever image."""
        wanted = " or ".join(f"Status eq '{status}'" for status in BuildStatus if not status.is_over)
        found = [
            Build.parse(answer)
            for answer in self._client.pages(f"{self._id}/runs", version=VERSION, **{"$filter": wanted})
        ]
        return [build for build in found if not build.status.is_over and datetime.fromisoformat(build.created) >= since]

    def cancel(self, build_id: str) -> None:
        """Stop a build; what has ended, or is not there, is no error."""
        try:
            self._post(f"runs/{build_id}/cancel")
        except AzureError as error:
            build = self.find(build_id)
            if build is not None and not build.status.is_over:
                raise error

    def log_address(self, build_id: str) -> str:
        """Where the log of a build can be read, for an hour or so."""
        return str(self._post(f"runs/{build_id}/listLogSasUrl")["logLink"])

    def follow(
        self, build_id: str, lines: Callable[[list[str]], None], status: Callable[[Build], None], stop: threading.Event
    ) -> Build:
        """Wait until a build has ended, passing on every line of its log once. `Interrupted` when `stop` is set."""
        log, last = _Log(Blobs(self._client), lambda: self.log_address(build_id)), None
        while True:
            build = self.find(build_id)
            if build is None:
                raise AzureError(f"the build {build_id} has vanished from {self._id}", 404)
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

    def _post(self, action: str, body: Mapping[str, Any] | None = None, **options: Any) -> dict[str, Any]:
        return self._client.post(f"{self._id}/{action}", body, version=VERSION, **options)


class _Log:
    """The log of one build, read as it grows. Trouble with it is none of the build's: then there are no lines."""

    def __init__(self, blobs: Blobs, find_address: Callable[[], str]) -> None:
        self._blobs, self._find_address = blobs, find_address
        self._address, self._position = "", 0
        self._cleaner = LineCleaner()
        self.is_complete = False

    def read(self) -> list[str]:
        """The whole lines that are new."""
        lines: list[str] = []
        while not self.is_complete:
            # One byte again: without any, the service would not tell whether the log is complete.
            known = min(self._position, 1)
            try:
                self._address = self._address or self._find_address()
                piece = self._blobs.read(self._address, self._position - known, PIECE)
            except AzureError as error:
                if error.status == EXPIRED:
                    self._address = ""
                break
            new = piece.data[known:] if piece else b""
            self._position += len(new)
            lines += _lines(self._cleaner.feed(new))
            self.is_complete = bool(piece and "complete" in piece.metadata and self._position == piece.total)
            if not new:
                break
        return lines

    def finish(self) -> list[str]:
        """The last line, where it has no end."""
        return _lines(self._cleaner.finish())


def _lines(data: bytes) -> list[str]:
    return data.decode("utf-8", "replace").splitlines()
