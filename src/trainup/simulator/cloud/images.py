"""Images in registries: what is known of each, and what a job's environment is built from."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Image:
    """One image by digest."""

    registry: str
    """Id of the registry."""

    repository: str
    digest: str
    """`sha256:…`."""

    dockerfile: str
    """The Dockerfile's text: a job gets its COPY and `pip install` lines."""

    context: Path
    """Folder that the Dockerfile copies from, as it was at the build. It has to stay as it is."""

    arguments: dict[str, str] = field(default_factory=dict)
    """Build arguments."""

    tags: set[str] = field(default_factory=set)

    manifest: bytes = b""
    """What a registry answers for it, whose digest is the image's."""

    blobs: Mapping[str, bytes | Path] = field(default_factory=dict)
    """The parts that the manifest names, by digest."""


class Images:
    """Every image of every registry. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._images: list[Image] = []

    def push(self, image: Image) -> None:
        """Keep an image; its tags now mean it and no other."""
        with self._lock:
            for other in self._images:
                if (other.registry.lower(), other.repository) == (image.registry.lower(), image.repository):
                    other.tags -= image.tags
            self._images.append(image)

    def remove(self, digest: str) -> None:
        """Forget an image and its tags, as when somebody cleans a registry up."""
        with self._lock:
            self._images = [found for found in self._images if found.digest != digest]

    def find(self, repository: str, reference: str) -> Image | None:
        """The image that a tag or a digest names in a repository, in whatever registry."""
        with self._lock:
            return next(
                (
                    found
                    for found in reversed(self._images)
                    if found.repository == repository and (found.digest == reference or reference in found.tags)
                ),
                None,
            )

    def of(self, registry: str) -> list[Image]:
        """The images of one registry, by its id."""
        with self._lock:
            return [found for found in self._images if found.registry.lower() == registry.lower()]
