"""One image in an Azure registry, named by what it is built from: found, attached to, or built; never built twice."""

import contextlib
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from trainup.core.canonical import sha256
from trainup.jobs import build_context
from trainup.jobs.azure.http.client import AzureClient, AzureError
from trainup.jobs.azure.registry.api_v2 import Registry
from trainup.jobs.azure.registry.builds import Build, BuildStatus, Order, RegistryBuilds
from trainup.jobs.local.files import Lock, read_json, write_json
from trainup.jobs.target import TargetError

REGISTRY_VERSION = "2023-01-01-preview"
REFUSED, FAILED = 400, 500
"""From which status on nothing was begun, and from which on nobody knows."""
CLOCKS = timedelta(minutes=10)
"""By how much this machine's clock may differ from the service's."""


@dataclass(frozen=True)
class RegistryImage:
    """Where an image goes, and what this machine knows of its build.

    The tag is the digest of all that goes into the image. A `kill -9` leaves nothing in Pulumi's state, so a build
    that is asked for here is remembered in a file until it has ended.
    """

    client: AzureClient
    registry_id: str
    server: str
    repository: str
    tag: str
    folder: Path
    """For the files that remember."""

    @property
    def name(self) -> str:
        """`repository:tag`."""
        return f"{self.repository}:{self.tag}"

    @property
    def shown(self) -> str:
        """As people read it."""
        return f"{self.server}/{self.repository}:{self.tag[:12]}…"

    @property
    def builds(self) -> RegistryBuilds:
        """The builds of its registry."""
        return RegistryBuilds(self.client, self.registry_id)

    def find(self, digest: str | None = None) -> str | None:
        """The reference of this digest, or of what carries the tag; None when it is gone."""
        found = Registry(self.server, entra=self.client.token).find(self.repository, digest or self.tag)
        return self.by_digest(found.digest) if found else None

    @property
    def has_registry(self) -> bool:
        """Whether the registry exists; the name of one that was deleted cannot even be reached."""
        return self.client.find(self.registry_id, version=REGISTRY_VERSION) is not None

    def by_digest(self, digest: str) -> str:
        """The reference that runs take."""
        return f"{self.server}/{self.repository}@{digest}"

    def attach(self, known: str | None) -> Build | None:
        """The build that brings the image: the one known from state, or the one remembered here.

        A new registry of an old name counts its builds anew: one that ended counts if its image is there.
        """
        for build_id in (known, self._remembered.get("build")):
            build = self.builds.find(build_id) if build_id else None
            if build is None:
                continue
            if not build.status.is_over:
                return build
            if build.status is BuildStatus.SUCCEEDED and self.find(build.pushed.get(self.name)):
                return build
        return None

    def unanswered(self) -> list[Build]:
        """The builds of which one may be this image's, where the answer to the request for it never came.

        The service tells what a build is for only when it has ended.
        """
        asked = self._remembered.get("asked")
        if asked is None or "build" in self._remembered:
            return []
        return self.builds.going(datetime.fromisoformat(asked) - CLOCKS)

    def begin(
        self,
        recipe: build_context.Recipe,
        taken: build_context.BuildContext,
        timeout_seconds: int,
        info: Callable[[str], None],
    ) -> Build:
        """Send the context and begin a build. ContextChanged when it is not what was taken any more."""
        with tempfile.TemporaryFile() as archive:
            build_context.pack(recipe, taken, archive)
            info(f"sending {len(taken.files)} files, {archive.tell() / 1000:,.0f} kB, to {self.server}")
            archive.seek(0)
            source = self.builds.upload(archive)
        order = Order(source, recipe.dockerfile_name, self.name, taken.arguments, taken.platform, timeout_seconds)
        asked = {"registry_id": self.registry_id, "image": self.name, "asked": datetime.now(UTC).isoformat()}
        self.folder.mkdir(parents=True, exist_ok=True)
        write_json(self._record, asked)
        try:
            build = self.builds.schedule(order)
        except AzureError as error:
            if REFUSED <= error.status < FAILED:
                self.forget()
            raise
        write_json(self._record, {**asked, "build": build.id})
        return build

    def forget(self) -> None:
        """No build is under way any more."""
        self._record.unlink(missing_ok=True)

    @contextlib.contextmanager
    def alone(self, info: Callable[[str], None], stop: threading.Event) -> Iterator[None]:
        """While held, nobody else on this machine builds this image. TargetError when `stop` is set before that."""
        lock = Lock(self._record.with_suffix(".lock"))
        while not lock.try_acquire():
            info(f"another `pulumi up` on this machine builds {self.shown}")
            if stop.wait(1):
                raise TargetError(f"interrupted while another `pulumi up` built {self.shown}")
        try:
            yield
        finally:
            lock.path.unlink(missing_ok=True)  # whoever waits for it notices, and takes a new one
            lock.release()

    @property
    def _remembered(self) -> dict[str, Any]:
        return read_json(self._record) or {}

    @property
    def _record(self) -> Path:
        return self.folder / f"{sha256([self.registry_id.lower(), self.name])[:16]}.json"
