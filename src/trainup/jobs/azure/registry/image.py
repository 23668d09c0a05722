"""An image in an Azure registry. Its tag is the digest of its sources, so that it is never built twice."""

import contextlib
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from trainup.core.azure_ids import REGISTRY, parse_id
from trainup.core.canonical import sha256
from trainup.jobs import build_context
from trainup.jobs.azure.http.client import AzureClient, AzureError
from trainup.jobs.azure.registry.api_v2 import Registry
from trainup.jobs.azure.registry.builds import Build, BuildStatus, Order, RegistryBuilds
from trainup.jobs.local.files import Lock, read_json, write_json
from trainup.jobs.target import TargetError

REGISTRY_VERSION = "2023-01-01-preview"
REFUSED, FAILED = 400, 500
"""HTTP statuses from REFUSED to below FAILED mean that no build was started; from FAILED on, one may have started."""
CLOCKS = timedelta(minutes=10)
"""Largest difference between this machine's clock and the service's that is allowed for."""


@dataclass(frozen=True)
class RegistryImage:
    """The location of an image, and this machine's record of its build.

    The tag is the digest of everything that goes into the image. After a `kill -9`, Pulumi's state does not contain
    the build, so a requested build is recorded in a file until it has ended.
    """

    client: AzureClient
    registry_id: str
    server: str
    repository: str
    tag: str
    folder: Path
    """Folder of the record files."""

    @property
    def name(self) -> str:
        """`repository:tag`."""
        return f"{self.repository}:{self.tag}"

    @property
    def shown(self) -> str:
        """A short name for messages."""
        return f"{self.server}/{self.repository}:{self.tag[:12]}…"

    @property
    def builds(self) -> RegistryBuilds:
        """The builds of its registry."""
        return RegistryBuilds(self.client, self.registry_id)

    def find(self, digest: str | None = None) -> str | None:
        """The reference of the image with this digest, or else the tag; None if it is gone. Raises RegistryError."""
        subscription = parse_id(self.registry_id, REGISTRY).subscription_id
        entra = partial(self.client.registry_token, subscription)
        manifest = Registry(self.server, entra=entra).find(self.repository, digest or self.tag)
        return self.by_digest(manifest.digest) if manifest else None

    @property
    def has_registry(self) -> bool:
        """Whether the registry exists; the host name of a deleted one does not resolve. Raises AzureError."""
        return self.client.find(self.registry_id, version=REGISTRY_VERSION) is not None

    def by_digest(self, digest: str) -> str:
        """The reference of an image for runs."""
        return f"{self.server}/{self.repository}@{digest}"

    def attach(self, stack_build_id: str | None) -> Build | None:
        """The build of this image from Pulumi's state or from the record file; None if there is none.

        A new registry with an old name reuses build ids, so an ended build counts only if its image exists. Raises
        AzureError, RegistryError.
        """
        for build_id in (stack_build_id, self._remembered.get("build")):
            build = self.builds.find(build_id) if build_id else None
            if build is None:
                continue
            if not build.status.is_over:
                return build
            if build.status is BuildStatus.SUCCEEDED and self.find(build.pushed.get(self.name)):
                return build
        return None

    def unanswered(self) -> list[Build]:
        """Builds of which one may be this image's, if the response to the request for a build was lost.

        The service says which image a build is for only after its end. Raises AzureError.
        """
        requested_at = self._remembered.get("asked")
        if requested_at is None or "build" in self._remembered:
            return []
        return self.builds.unfinished(datetime.fromisoformat(requested_at) - CLOCKS)

    def begin(
        self,
        recipe: build_context.Recipe,
        context: build_context.BuildContext,
        timeout_seconds: int,
        info: Callable[[str], None],
    ) -> Build:
        """Upload the context and start a build. Raises ContextChanged if files changed since, and AzureError."""
        with tempfile.TemporaryFile() as archive:
            build_context.pack(recipe, context, archive)
            info(f"sending {len(context.files)} files, {archive.tell() / 1000:,.0f} kB, to {self.server}")
            archive.seek(0)
            source = self.builds.upload(archive)
        order = Order(source, recipe.dockerfile_name, self.name, context.arguments, context.platform, timeout_seconds)
        record = {"registry_id": self.registry_id, "image": self.name, "asked": datetime.now(UTC).isoformat()}
        self.folder.mkdir(parents=True, exist_ok=True)
        write_json(self._record, record)
        try:
            build = self.builds.schedule(order)
        except AzureError as error:
            if REFUSED <= error.status < FAILED:
                self.forget()
            raise
        write_json(self._record, {**record, "build": build.id})
        return build

    def forget(self) -> None:
        """Delete the record of the build."""
        self._record.unlink(missing_ok=True)

    @contextlib.contextmanager
    def alone(self, info: Callable[[str], None], stop: threading.Event) -> Iterator[None]:
        """Hold a lock against other builds of this image on this machine. Raises TargetError when `stop` is set."""
        lock = Lock(self._record.with_suffix(".lock"))
        while not lock.try_acquire():
            info(f"another `pulumi up` on this machine builds {self.shown}")
            if stop.wait(1):
                raise TargetError(f"interrupted while another `pulumi up` built {self.shown}")
        try:
            yield
        finally:
            lock.path.unlink(missing_ok=True)  # a waiting process notices this, and creates a new lock
            lock.release()

    @property
    def _remembered(self) -> dict[str, Any]:
        return read_json(self._record) or {}

    @property
    def _record(self) -> Path:
        return self.folder / f"{sha256([self.registry_id.lower(), self.name])[:16]}.json"
