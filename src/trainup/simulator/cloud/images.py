"""Images in container registries, with what a job's environment is built from."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Image:
    """One image."""

    registry: str
    """Resource id of the registry."""

    repository: str
    digest: str
    """`sha256:…`."""

    dockerfile: str
    """Text of the Dockerfile; its COPY and `pip install` instructions take effect in jobs."""

    context: Path
    """Folder of the build context. It must not change after the build."""

    arguments: dict[str, str] = field(default_factory=dict)
    """Build arguments."""

    tags: set[str] = field(default_factory=set)

    manifest: bytes = b""
    """The manifest that the registry serves; its digest is the image's."""

    blobs: Mapping[str, bytes | Path] = field(default_factory=dict)
    """The configuration and layers that the manifest lists, by digest."""


class Images:
    """Every image of every registry. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._images: list[Image] = []

    def push(self, image: Image) -> None:
        """Store an image and move its tags to it."""
        with self._lock:
            for other in self._images:
                if (other.registry.lower(), other.repository) == (image.registry.lower(), image.repository):
                    other.tags -= image.tags
            self._images.append(image)

    def remove(self, digest: str) -> None:
        """Remove an image and its tags, like a user who cleans up a registry."""
        with self._lock:
            self._images = [image for image in self._images if image.digest != digest]

    def find(self, repository: str, reference: str) -> Image | None:
        """The latest image with this tag or digest in a repository of any registry; None when there is none."""
        with self._lock:
            return next(
                (
                    image
                    for image in reversed(self._images)
                    if image.repository == repository and (image.digest == reference or reference in image.tags)
                ),
                None,
            )

    def in_registry(self, registry: str) -> list[Image]:
        """The images of a registry, by its resource id."""
        with self._lock:
            return [image for image in self._images if image.registry.lower() == registry.lower()]
