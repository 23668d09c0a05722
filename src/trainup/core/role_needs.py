"""What a need for a role is: who, which role, on what, for which resource of the graph."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from trainup.core.azure_ids import WORKSPACE, parse_id
from trainup.core.images import ImageBuilder
from trainup.core.roles import PrincipalType, Role, Scope

NEW = "new"
"""A resource that the stack creates."""
SUBSCRIPTION = "the subscription"


class Who(StrEnum):
    """Who needs a role."""

    DEPLOYER = "deployer"
    SUBMITTER = "submitter"
    NODES = "nodes"
    ENDPOINTS = "endpoints"


@dataclass(frozen=True)
class Facts:
    """What the settings of a stack say about its graph. A resource is `NEW`, an ARM id, or "" where there is none."""

    subscription: str
    """Its id; empty where the settings do not name it."""
    group: str = NEW
    """Name of the resource group that the stack builds in."""
    workspace: str = NEW
    registry: str = NEW
    """The registry on Azure; `Facts.OF_WORKSPACE` for that of a workspace which exists."""
    cluster: str = NEW
    """Empty without a cluster, as runs are then serverless."""
    subnet: str = ""
    builder: ImageBuilder = ImageBuilder.ACR
    secrets: bool = False
    """Whether runs have secrets, which lie in the workspace's vault."""
    data: tuple[str, ...] = ()
    """The storage accounts with data that nodes read by identity."""
    principals: Mapping[str, PrincipalType] = field(default_factory=dict)
    """Who submits runs."""
    promoted: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Id of another workspace → the models that are promoted from it, by their names in the settings."""
    endpoints: tuple[str, ...] = ()
    """The endpoints, by their names in the settings."""

    OF_WORKSPACE = "of the workspace"


@dataclass(frozen=True)
class Place:
    """The scope of a role."""

    noun: str
    """In words: `the subscription`, `the registry`."""
    id: str = ""
    """Its ARM id; empty where it is known only once it exists, or has to be asked for."""
    named_by: str = ""
    """The property of the workspace that names it, where the workspace exists and the settings do not tell."""
    workspace: str = ""
    """ARM id of that workspace; empty for the stack's own."""

    @property
    def is_there(self) -> bool:
        """Whether it exists before the first `up`."""
        return bool(self.id or self.named_by or self.noun == SUBSCRIPTION)

    def lies_in(self, other: "Place") -> bool:
        """Whether it is the other resource, or one below it, as far as ids tell."""
        if self == other:
            return True
        return bool(self.id and other.id) and f"{self.id}/".lower().startswith(f"{other.id}/".lower())


@dataclass(frozen=True)
class Need:
    """One role that somebody needs."""

    who: Who
    role: Role
    place: Place
    resources: tuple[str, ...]
    """The resources of the graph that need it, by their names in Pulumi."""
    why: str
    by_up: bool = False
    """Whether `up` assigns it, or Azure ML while it runs. Otherwise an administrator does, before the first `up`."""
    principal: str = ""
    """Object id of who needs it, where the settings name it."""
    kind: PrincipalType = PrincipalType.USER
    principal_of: str = ""
    """ARM id of the cluster whose identity needs it."""
    assigns: tuple[Role, ...] = ()
    """For the right to assign roles: the only ones that are assigned."""
    actions: tuple[str, ...] = ()
    """What is done with it there, as Azure names it."""
    is_optional: bool = False
    """Whether `up` works without it, and says what it could not look up."""

    @property
    def may_exist(self) -> bool:
        """Whether the role can be granted before the first `up`, since resource and principal are there already."""
        return bool(self.place.id or self.place.named_by) and bool(
            self.principal or self.principal_of or not self.by_up
        )


class Places:
    """The scopes of a graph."""

    def __init__(self, facts: Facts) -> None:
        root = f"/subscriptions/{facts.subscription}" if facts.subscription else ""
        self.subscription = Place(SUBSCRIPTION, root)
        is_new = facts.workspace == NEW
        if facts.group == NEW:
            self.home = self.subscription
        else:
            group_root = root if is_new else f"/subscriptions/{parse_id(facts.workspace, WORKSPACE).subscription_id}"
            self.home = Place("the resource group", f"{group_root}/resourceGroups/{facts.group}" if group_root else "")
        self.workspace = Place("the workspace", "" if is_new else facts.workspace)
        self.storage = Place("the workspace's storage account", named_by="" if is_new else "storageAccount")
        self.vault = Place("the workspace's key vault", named_by="" if is_new else "keyVault")
        self.registry = Place("the container registry")
        if facts.registry == Facts.OF_WORKSPACE:
            self.registry = Place("the workspace's container registry", named_by="containerRegistry")
        elif facts.registry != NEW:
            self.registry = replace(self.registry, id=facts.registry)
        self.facts = facts

    def of(self, scope: Scope) -> Place:
        places = {
            Scope.WORKSPACE: self.workspace,
            Scope.STORAGE: self.storage,
            Scope.VAULT: self.vault,
            Scope.REGISTRY: self.registry,
        }
        return places[scope]

    def covering(self, place: Place) -> Place:
        """Where a right on a resource is granted: on itself, or on what the stack builds in while it is not there."""
        return place if place.is_there else self.home
