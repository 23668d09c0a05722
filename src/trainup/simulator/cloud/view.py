"""What the rules of the stand-in, and what it fills in, see of the Azure that they are part of. They change nothing."""

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Protocol

from trainup.simulator.cloud.endpoints import Endpoints

Resource = dict[str, Any]


class View(Protocol):
    """The resources, and whose they are."""

    @property
    def subscription(self) -> str:
        """Its GUID."""
        ...

    @property
    def tenant(self) -> str:
        """Its GUID."""
        ...

    @property
    def deployer(self) -> str:
        """Object id of whoever deploys."""
        ...

    @property
    def root(self) -> str:
        """Id of the subscription."""
        ...

    @property
    def principals(self) -> AbstractSet[str]:
        """Object ids of users and groups that exist beside the identities made here."""
        ...

    @property
    def quota(self) -> Mapping[str, int]:
        """Machine family → cores."""
        ...

    @property
    def deleted(self) -> Mapping[str, Resource]:
        """Soft-deleted resources by key."""
        ...

    @property
    def log(self) -> Sequence[tuple[str, str]]:
        """Method and id of every change that was carried out, in order."""
        ...

    @property
    def endpoints(self) -> Endpoints:
        """Where the faces of the stand-in listen."""
        ...

    @property
    def default_output(self) -> bool:
        """Whether a job tells its `default` output."""
        ...

    def find(self, resource_id: str) -> Resource | None:
        """The stored resource itself; None when there is none."""
        ...

    def each(self, kind: str, under: str = "") -> Iterator[Resource]:
        """The stored resources of a type, or of any, below an id."""
        ...

    def new_guid(self, *about: str) -> str:
        """An id that is the same for the same things."""
        ...
