"""The read-only view of `Azure` that the rules and the filled-in properties use."""

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Protocol

from trainup.simulator.cloud.endpoints import Endpoints
from trainup.simulator.cloud.operations import Operations
from trainup.simulator.cloud.possible import Possible, Unread
from trainup.simulator.cloud.quota import Quota
from trainup.simulator.cloud.tenancy import Policies

Resource = dict[str, Any]


class View(Protocol):
    """The resources of the subscription, and the principals around it."""

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
        """Object id of the principal that deploys."""
        ...

    @property
    def root(self) -> str:
        """Id of the subscription."""
        ...

    @property
    def principals(self) -> AbstractSet[str]:
        """Object ids of users and groups that exist in addition to the managed identities created here."""
        ...

    @property
    def quota(self) -> Quota:
        """VM family → quota in cores."""
        ...

    @property
    def asks_how_to_delete(self) -> bool:
        """Whether the DELETE of a compute needs the parameter `underlyingResourceAction`."""
        ...

    @property
    def policies(self) -> Policies:
        """Policies of the tenant."""
        ...

    @property
    def deleted(self) -> Mapping[str, Resource]:
        """Soft-deleted resources by key."""
        ...

    @property
    def log(self) -> Sequence[tuple[str, str]]:
        """Method and resource id of every change, in order."""
        ...

    @property
    def endpoints(self) -> Endpoints:
        """The addresses of the simulated services."""
        ...

    @property
    def possible(self) -> Possible:
        """What this Azure does beyond what is confirmed."""
        ...

    @property
    def unread(self) -> Unread:
        """Resources that are not found yet."""
        ...

    @property
    def operations(self) -> Operations:
        """The long-running operations on all resources."""
        ...

    @property
    def default_output(self) -> bool:
        """Whether a job lists its `default` output."""
        ...

    def find(self, resource_id: str) -> Resource | None:
        """The stored resource itself; None when it does not exist."""
        ...

    def each(self, kind: str, under: str = "") -> Iterator[Resource]:
        """The stored resources of a type (`*` for any) below an id."""
        ...

    def new_guid(self, *about: str) -> str:
        """A GUID derived from these texts."""
        ...
