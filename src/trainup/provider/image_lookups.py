"""Looks up images in their registries while a preview runs: what does not exist stops it, and silence is told once."""

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from trainup.core.dockerfiles import base_images
from trainup.core.images import NODE_PLATFORM
from trainup.core.values import Unknown
from trainup.jobs.target import TargetError
from trainup.provider.handler import Context

if TYPE_CHECKING:
    from trainup.jobs.azure.registry.api_v2 import Login
    from trainup.jobs.azure.registry.lookups import Lookup


class ImageLookups:
    """The look-ups of one plugin, which asks for nothing twice."""

    def __init__(self) -> None:
        # Imported here because it takes longer to import than a whole preview.
        from trainup.jobs.azure.registry.lookups import Lookups

        self._lookups = Lookups()
        self._told: set[str] = set()

    def find(
        self, context: Context, image: str, cloud: str | None, platform: str, login: "Login | None" = None
    ) -> "Lookup":
        """What the registry of an image says; a registry that says nothing is told to the user once."""
        from trainup.jobs.azure.registry.lookups import Lookup

        try:
            answer = self._lookups.find(image, cloud, platform, login)
        except (TargetError, ValueError):
            return Lookup()  # there is another finding about it, or nobody is logged in
        if answer.silence and answer.silence not in self._told:
            self._told.add(answer.silence)
            context.warn(f"images are not looked up in this preview: {answer.silence}")
        return answer

    def missing(
        self, context: Context, text: str, arguments: Mapping[str, str], cloud: Any, platform: str = NODE_PLATFORM
    ) -> list[str]:
        """A problem for each image in a Dockerfile that its registry does not have; none while the cloud is unknown."""
        if isinstance(cloud, Unknown):
            return []
        answers = [
            (image.line, self.find(context, image.reference, cloud, platform)) for image in base_images(text, arguments)
        ]
        return [f"line {line}: {answer.problem}" for line, answer in answers if answer.problem]


@cache
def image_lookups() -> ImageLookups:
    """The look-ups that all resources of this process share."""
    return ImageLookups()
