"""Looks up images for a preview: quickly, and without an answer where a registry cannot be asked."""

from dataclasses import dataclass

from trainup.core.clouds import CLOUDS
from trainup.core.images import NODE_PLATFORM, ImageReference, parse_reference
from trainup.jobs.azure.http.connection import connect
from trainup.jobs.azure.registry.api_v2 import LOOPBACK, Login, NoSuchImage, Registry, entra_of
from trainup.jobs.target import TargetError

SECONDS = 4.0
"""How long a preview waits for one answer of a registry."""


@dataclass(frozen=True)
class Lookup:
    """What a registry says of an image; all three are None where it was not asked."""

    reference: str | None = None
    """The image by digest."""
    problem: str | None = None
    """Why there is no such image: what the registry said."""
    silence: str | None = None
    """Why nothing is known: the registry could not be reached, or does not let this user look."""


class Lookups:
    """Looks up images, each once. A registry that cannot be reached is asked once."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str, str | None, str | None], Lookup] = {}
        self._silent: dict[tuple[str, str | None], str] = {}
        """Registry and user → why it said nothing."""

    def find(self, image: str, cloud: str | None, platform: str = NODE_PLATFORM, login: Login | None = None) -> Lookup:
        """What the registry of an image says. ValueError for what is no image reference."""
        reference = parse_reference(image)
        key = (image, platform, cloud, login.username if login else None)
        if key not in self._known:
            self._known[key] = self._ask(reference, cloud, platform, login)
        return self._known[key]

    def _ask(self, reference: ImageReference, cloud: str | None, platform: str, login: Login | None) -> Lookup:
        server = reference.server
        asked = (server, login.username if login else None)
        if asked in self._silent:
            return Lookup(silence=self._silent[asked])
        try:
            registry = _registry(server, cloud, login)
            if registry is None:
                return Lookup()
            digest = registry.resolve(reference, platform)
        except NoSuchImage as error:
            return Lookup(problem=str(error))
        except TargetError as error:
            self._silent[asked] = str(error)
            return Lookup(silence=str(error))
        return Lookup(reference=f"{server}/{reference.repository}@{digest}")


def _registry(server: str, cloud: str | None, login: Login | None) -> Registry | None:
    """A client that waits for seconds only; None for a registry outside of a cloud that is none of Microsoft's."""
    client = connect(cloud)
    entra = entra_of(client, server)
    is_public = client.endpoints.registry_suffix in {each.registry_suffix for each in CLOUDS.values()}
    is_here = server.partition(":")[0] in LOOPBACK
    if not (entra or is_public or is_here):
        return None  # such a cloud may have no way to the world outside
    return Registry(server, login=login, entra=entra if login is None else None, patience=0, seconds=SECONDS)
