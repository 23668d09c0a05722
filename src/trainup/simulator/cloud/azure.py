"""The state of the simulated Azure, which every service of the simulator shares: resources by id, held in memory."""

import base64
import copy
import hashlib
import hmac
import json
import secrets
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from trainup.core.disk import replace_file
from trainup.core.values import reveal
from trainup.simulator.cloud import checks, computed, contract, rules, shape
from trainup.simulator.cloud.address import Address, parse
from trainup.simulator.cloud.builds import Builds
from trainup.simulator.cloud.clock import Clock, Latency
from trainup.simulator.cloud.endpoints import Endpoints
from trainup.simulator.cloud.faults import Fault, Faults
from trainup.simulator.cloud.images import Images
from trainup.simulator.cloud.journal import Journal
from trainup.simulator.cloud.operations import Operations
from trainup.simulator.cloud.possible import Possible, Unread
from trainup.simulator.cloud.quota import Quota
from trainup.simulator.cloud.refusal import Refused, not_found
from trainup.simulator.cloud.runs import Runs
from trainup.simulator.cloud.shared_assets import PREFIX, SharedAssets
from trainup.simulator.cloud.signatures import Signatures
from trainup.simulator.cloud.storage import Storage
from trainup.simulator.cloud.tenancy import Deployer, Policies, Registrations
from trainup.simulator.cloud.tokens import Tokens
from trainup.simulator.cloud.vaults import Vaults

Resource = dict[str, Any]
MAPS = ("properties.tags", "properties.properties", "properties.environmentVariables")
"""Maps of strings in assets and jobs. The service accepts numbers in them and stores them as strings."""

EVER = "2020-01-01T00:00:00+00:00"
"""Creation time of the role assignments that the service itself makes: they are always in effect."""

SUBSCRIPTION = "5ab0f3e2-0000-4000-8000-000000000001"
TENANT = "5ab0f3e2-0000-4000-8000-000000000002"
DEPLOYER = "5ab0f3e2-0000-4000-8000-000000000003"
CLIENT = "5ab0f3e2-0000-4000-8000-000000000004"


class Machines(Protocol):
    """What runs the jobs of the simulated Azure."""

    def cancel(self, job: str) -> None:
        """Ask for a job to be stopped, by its resource id, without waiting for its end."""
        ...

    def evict(self, job: str) -> None:
        """Take the nodes of a running job away, by its resource id: it is queued, and starts again."""
        ...

    def nodes(self, cluster: str) -> list[dict[str, Any]]:
        """The nodes of a cluster as the service lists them."""
        ...

    def cores(self, family: str) -> int:
        """Cores in use of a family of machines, or of all spot machines."""
        ...


@dataclass
class Azure:
    """One subscription with its tenant, data planes and faults. Safe to use from several threads."""

    bodies: Path | None = None
    """Folder in which each accepted request body is saved as a JSON file; None to save none."""

    subscription: str = SUBSCRIPTION
    subscription_state: str = "Enabled"
    """Its state, such as `Disabled` after the end of a trial."""

    tenant: str = TENANT
    deployer: str = DEPLOYER
    """Object id of the principal that deploys."""

    quota: Quota = field(default_factory=Quota)

    secret: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    """Client secret of the deployer. It is random at each start, because any user of this machine can connect."""

    federated: set[str] = field(default_factory=set)
    """Tokens of other issuers, such as GitHub, that are accepted as the deployer's."""

    may: Deployer = field(default_factory=Deployer)
    """What the deployer may do."""

    policies: Policies = field(default_factory=Policies)
    registrations: Registrations = field(default_factory=Registrations)

    login_tenant: str = ""
    """Tenant that tokens are for unless the client asks for another one, as with `az` logged in to several. Empty for
    the subscription's own."""

    asks_how_to_delete: bool = False
    """Whether the DELETE of a compute needs the parameter `underlyingResourceAction`. The published type says so; no
    report tells whether the service insists."""

    principals: set[str] = field(default_factory=set)
    """Object ids of users and groups that exist in addition to the managed identities created here."""

    endpoints: Endpoints = field(default_factory=Endpoints)
    faults: Faults = field(default_factory=Faults)
    possible: Possible = field(default_factory=Possible)
    unread: Unread = field(default_factory=Unread)
    latency: Latency = field(default_factory=Latency)
    clock: Clock = field(default_factory=Clock)
    tokens: Tokens = field(default_factory=Tokens)
    storage: Storage = field(default_factory=Storage)
    images: Images = field(default_factory=Images)
    shared: SharedAssets = field(default_factory=SharedAssets)
    vaults: Vaults = field(default_factory=Vaults)
    node_identities: dict[str, dict[str, str]] = field(default_factory=dict)
    """Secret of a job's processes → client id → object id of an identity they may use. The client id "" stands for
    the default identity."""

    runs: Runs = field(default_factory=Runs)
    experiments: set[str] = field(default_factory=set)
    """Names of experiments that were created and have no run yet."""

    machines: Machines | None = None
    """What runs jobs; without it they stay queued."""

    journal: Journal = field(default_factory=Journal)
    """The requests that came over HTTPS."""

    failures: list[str] = field(default_factory=list)
    """Tracebacks of faults in the simulator itself, which a client's retry would hide."""

    builds: Builds = field(init=False)
    operations: Operations = field(init=False)
    signatures: Signatures = field(init=False)
    default_output: bool = True
    """Whether a job lists its `default` output, as the service does; azure-ai-ml 1.35 cannot stream such a job."""

    output_uris: bool = True
    """Whether a job includes the URIs of its named outputs; otherwise only the data service returns them."""

    signs: bool = True
    """Whether blob addresses that the service returns carry a signature; without one, reading them needs a token."""

    page: int = 100
    """Items in one page of a list."""

    log: list[tuple[str, str]] = field(default_factory=list)
    """Method and resource id of every change, in order."""

    watchers: list[Callable[[str, Resource], None]] = field(default_factory=list)
    """Functions that are called after every change with `PUT` or `DELETE` and the resource; the lock is free then."""

    deleted: dict[str, Resource] = field(default_factory=dict)
    """Soft-deleted resources by key; their names stay reserved until they are purged."""

    _resources: dict[str, Resource] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def key(self, *name: str) -> str:
        """The access key of a resource, such as a storage account, in base64."""
        return base64.b64encode(hmac.digest(self.secret.encode(), "/".join(name).encode(), hashlib.sha512)).decode()

    def __post_init__(self) -> None:
        self.tokens.tenant = self.tenant
        self.operations = Operations(self.clock)
        self.signatures = Signatures(self.tokens)
        self.builds = Builds(self)

    @property
    def root(self) -> str:
        """Id of the subscription."""
        return f"/subscriptions/{self.subscription}"

    # Reading.

    def get(self, resource_id: str) -> Resource:
        """A resource as Azure would return it. Raises `Refused` with 404 when it does not exist."""
        address = parse(resource_id)
        self._strike("GET", address)
        with self._lock:
            resource = self._resources.get(address.key) or self.shared.curated(resource_id)
            if resource is None:
                raise not_found(address.type + "/" + address.name, address.group and parse(address.group).name)
            return self._shown(resource)

    def find(self, resource_id: str) -> Resource | None:
        """The stored resource itself, secrets included, for the rules and data planes; None when it does not exist."""
        if resource_id.startswith(PREFIX):
            return self.shared.find(resource_id)
        with self._lock:
            return self._resources.get(resource_id.rstrip("/").lower()) or self.shared.curated(resource_id)

    def resources(self, kind: str = "*", under: str = "") -> list[Resource]:
        """Copies of the resources of a type (`*` for any) below an id."""
        with self._lock:
            return [self._shown(resource) for resource in self._all(kind, under)]

    def each(self, kind: str, under: str = "") -> Iterator[Resource]:
        """The stored resources of a type (`*` for any) below an id."""
        with self._lock:
            resources = self._all(kind, under)
        yield from resources

    @property
    def empty(self) -> bool:
        """Whether no resource exists; soft-deleted ones do not count."""
        return not self._resources

    def has_role(self, principal: str, role: str, scope: str) -> bool:
        """Whether a principal has a role (a GUID) on a resource id or a scope above it, and it is in effect already."""
        target, youngest = scope.lower(), datetime.now(UTC) - timedelta(seconds=self.latency.role * self.clock.scale)
        return any(
            shape.get(assignment, "properties.principalId") == principal
            and str(shape.get(assignment, "properties.roleDefinitionId")).lower().endswith(role)
            and (target + "/").startswith(str(shape.get(assignment, "properties.scope")).lower().rstrip("/") + "/")
            and datetime.fromisoformat(shape.get(assignment, "properties.createdOn") or EVER) <= youngest
            for assignment in self.each("Microsoft.Authorization/roleAssignments")
        )

    # Changing.

    def put(self, resource_id: str, version: str, body: Mapping[str, Any]) -> Resource:
        """Create or change a resource. Secrets in the body may be wrapped. Raises `Refused` as Azure would refuse."""
        address = parse(resource_id)
        plain = reveal(dict(body))
        if address.type.endswith(("/versions", "/jobs")):
            plain = shape.with_texts(plain, MAPS)
        try:
            return self._put(address, version, body, plain)
        except Refused as refused:
            if refused.is_left and self.find(resource_id) is None:
                self._leave(address, plain, refused)
            raise

    def _put(self, address: Address, version: str, body: Mapping[str, Any], plain: dict[str, Any]) -> Resource:
        fault = self._strike("PUT", address)
        self.registrations.check(address.type.split("/")[0])
        with self._lock:
            findings = contract.findings(address.type, version, plain, address.name)
            if findings:
                lines = "\n".join(f"  {line}" for line in findings)
                raise Refused(400, "InvalidRequestContent", f"{address.type} {address.name!r} at {version}:\n{lines}")
            existing = self._resources.get(address.key)
            if existing and shape.get(existing, "properties.provisioningState") == "Failed":
                existing = None
            checks.check(self, rules.Put(address, plain, existing))
            resource = computed.complete(self, address, plain, existing) | {"_body": plain}
            self._resources[address.key] = resource
            self.log.append(("PUT", address.id))
            self.accepted(address.type, version, address.name, body)
            if existing is None:
                seconds = self.latency.create.get(address.type.lower(), 0)
                if self.operations.begin(address.id, "Creating", seconds, fault.error if fault else None):
                    fault = None  # reported at the operation's end
            else:
                self.operations.forget(address.id)
            if existing is None and self.possible.unread and address.type.endswith(("/versions", "/jobs")):
                self.unread.begin(address.id, self.possible.unread)
            for implied in computed.implied(self, resource) if existing is None else ():
                self._resources[implied["id"].lower()] = implied
            shown = self._shown(resource)
        for watcher in self.watchers:
            watcher("PUT", resource)
        if fault and fault.error:
            raise fault.error
        return shown

    def _leave(self, address: Address, plain: dict[str, Any], refused: Refused) -> None:
        """Keep what a refused PUT began, in the provisioning state Failed."""
        with self._lock:
            resource = computed.complete(self, address, plain, None)
            shape.put(resource, "properties.provisioningState", "Failed")
            shape.put(resource, "properties.provisioningErrors", [refused.envelope()])
            self._resources[address.key] = resource

    def amend(self, resource_id: str, changes: Mapping[str, Any]) -> None:
        """Set properties by path, as the service itself does; a resource that no longer exists is left alone."""
        with self._lock:
            resource = self._resources.get(resource_id.lower())
            for path, value in changes.items() if resource is not None else ():
                shape.put(resource, path, value)  # type: ignore[arg-type]

    def patched(self, resource_id: str, changes: Mapping[str, Any]) -> dict[str, Any]:
        """The body of the PUT that corresponds to a PATCH. Raises `Refused` when the resource does not exist."""
        self.get(resource_id)
        body = (self.find(resource_id) or {}).get("_body", {})
        changed: dict[str, Any] = shape.merged(copy.deepcopy(body), changes)
        return changed

    def settled(self, resource_id: str) -> Resource:
        """A resource after waiting for its unfinished operation. Raises `Refused` when the operation failed."""
        if error := self.operations.wait(resource_id):
            raise error
        with self._lock:
            return self._shown(self._resources[resource_id.lower()])

    def delete(self, resource_id: str, *, purge: bool = False, action: str = "") -> bool:
        """Delete a resource and its children; False when it did not exist. Raises `Refused` as Azure would refuse.

        `action` is the parameter `underlyingResourceAction` of a compute's DELETE.
        """
        address = parse(resource_id)
        self._strike("DELETE", address)
        with self._lock:
            resource = self._resources.get(address.key)
            if resource is None:
                return False
            checks.check_delete(self, resource, action)
            gone = [resource, *self._all("*", address.id + "/")]
            for inner in gone:
                del self._resources[inner["id"].lower()]
                if inner["type"].lower() in rules.SOFT_DELETED and not purge:
                    self.deleted[rules.reserved(inner)] = inner
            self.log.append(("DELETE", address.id))
            self.operations.begin(address.id, "Deleting", self.latency.delete.get(address.type.lower(), 0))
        for inner in gone:
            for watcher in self.watchers:
                watcher("DELETE", inner)
        return True

    def accepted(self, kind: str, version: str, name: str, body: Mapping[str, Any]) -> None:
        """Save the body of an accepted PUT or action in the folder `bodies`, with secrets masked."""
        if self.bodies is None:
            return
        with self._lock:
            self.bodies.mkdir(parents=True, exist_ok=True)
            record = {"type": kind, "apiVersion": version, "name": name, "body": shape.masked(body)}
            number = sum(1 for _ in self.bodies.glob("*.json"))
            path = self.bodies / f"{number:04d}-{kind.rsplit('/', 1)[-1]}-{name}.json"
            replace_file(path, json.dumps(record, indent=2, sort_keys=True) + "\n")

    def purge(self, kind: str, name: str) -> bool:
        """Free the name of a soft-deleted resource; False when there is no such resource."""
        with self._lock:
            keys = [
                key
                for key, resource in self.deleted.items()
                if resource["type"].lower() == kind.lower() and resource["name"].lower() == name.lower()
            ]
            for key in keys:
                del self.deleted[key]
            return bool(keys)

    def new_guid(self, *about: str) -> str:
        """A GUID derived from these texts: equal in each repetition of a rehearsal."""
        return str(uuid.uuid5(uuid.UUID(self.subscription), "|".join(about).lower()))

    def _shown(self, resource: Resource) -> Resource:
        """A copy as Azure returns it: without hidden keys, and with the state of an unfinished operation."""
        shown = copy.deepcopy({key: value for key, value in resource.items() if not key.startswith("_")})
        if state := self.operations.state(resource["id"]):
            shape.put(shown, "properties.provisioningState", state)
        return shown

    def _strike(self, method: str, address: Address) -> Fault | None:
        fault = self.faults.take(method, address.type, address.name)
        if fault and fault.error and not fault.is_created:
            raise fault.error
        return fault

    def _all(self, kind: str, under: str) -> list[Resource]:
        above = under.rstrip("/").lower() + "/" if under else ""
        return [
            resource
            for key, resource in list(self._resources.items())
            if key.startswith(above) and (kind == "*" or resource["type"].lower() == kind.lower())
        ]
