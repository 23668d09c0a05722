"""The Azure that all faces of the stand-in share: resources by id, held in memory."""

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
from trainup.simulator.cloud.refusal import Refused, not_found
from trainup.simulator.cloud.runs import Runs
from trainup.simulator.cloud.signatures import Signatures
from trainup.simulator.cloud.storage import Storage
from trainup.simulator.cloud.tokens import Tokens
from trainup.simulator.cloud.vaults import Vaults

Resource = dict[str, Any]
MAPS = ("properties.tags", "properties.properties", "properties.environmentVariables")
"""Maps of texts of assets and jobs, in which the service also takes numbers, as texts."""

EVER = "2020-01-01T00:00:00+00:00"
"""Since when the service's own role assignments count."""

SUBSCRIPTION = "5ab0f3e2-0000-4000-8000-000000000001"
TENANT = "5ab0f3e2-0000-4000-8000-000000000002"
DEPLOYER = "5ab0f3e2-0000-4000-8000-000000000003"
CLIENT = "5ab0f3e2-0000-4000-8000-000000000004"


class Machines(Protocol):
    """Where jobs run."""

    def cancel(self, job: str) -> None:
        """Stop a job, by its id, and come back at once."""
        ...

    def nodes(self, cluster: str) -> list[dict[str, Any]]:
        """The nodes of a cluster as the service lists them."""
        ...

    def cores(self, family: str) -> int:
        """Cores in use of a family of machines, or of all spot machines."""
        ...


@dataclass
class Azure:
    """One subscription and what is around it. Safe to use from several threads."""

    bodies: Path | None = None
    """Folder that gets every accepted body, one JSON file each."""

    subscription: str = SUBSCRIPTION
    tenant: str = TENANT
    deployer: str = DEPLOYER
    """Object id of whoever deploys."""

    quota: dict[str, int] = field(default_factory=dict)
    """Machine family → cores; a family that is absent has as many as anyone asks for."""

    secret: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    """Made anew at each start, for everybody on this machine can connect: who shows it is the deployer."""

    federated: set[str] = field(default_factory=set)
    """Tokens of other services, such as GitHub's, that are taken for the deployer's."""

    principals: set[str] = field(default_factory=set)
    """Object ids of users and groups that exist beside the identities made here."""

    endpoints: Endpoints = field(default_factory=Endpoints)
    faults: Faults = field(default_factory=Faults)
    latency: Latency = field(default_factory=Latency)
    clock: Clock = field(default_factory=Clock)
    tokens: Tokens = field(default_factory=Tokens)
    storage: Storage = field(default_factory=Storage)
    images: Images = field(default_factory=Images)
    vaults: Vaults = field(default_factory=Vaults)
    node_identities: dict[str, dict[str, str]] = field(default_factory=dict)
    """What a job's processes show for a token → client id → object id of the identities they may be; "" is the one
    they are when they ask for none."""

    runs: Runs = field(default_factory=Runs)
    experiments: set[str] = field(default_factory=set)
    """Names of experiments that have no run yet."""

    machines: Machines | None = None
    """What runs jobs; without it they wait for ever."""

    journal: Journal = field(default_factory=Journal)
    """What was asked for over HTTPS."""

    failures: list[str] = field(default_factory=list)
    """Tracebacks of mistakes in the stand-in itself, which a client that tries again would hide."""

    builds: Builds = field(init=False)
    operations: Operations = field(init=False)
    signatures: Signatures = field(init=False)
    default_output: bool = True
    """Whether a job tells its `default` output, as the service does; azure-ai-ml 1.35 cannot stream such a job."""

    output_uris: bool = True
    """Whether a job tells where its named outputs lie; without that, only the data service does."""

    signs: bool = True
    """Whether addresses of blobs that the service tells have a signature; without one they open by token alone."""

    page: int = 100
    """Items in one page of a list."""

    log: list[tuple[str, str]] = field(default_factory=list)
    """Method and id of every change that was carried out, in order."""

    watchers: list[Callable[[str, Resource], None]] = field(default_factory=list)
    """Called with `PUT` or `DELETE` and the resource after every change, outside of the lock."""

    deleted: dict[str, Resource] = field(default_factory=dict)
    """Soft-deleted resources by key; their names are taken until they are purged."""

    _resources: dict[str, Resource] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def key(self, *name: str) -> str:
        """A key that the service has made for something; in base64, as those of storage accounts are."""
        return base64.b64encode(hmac.digest(self.secret.encode(), "/".join(name).encode(), hashlib.sha512)).decode()

    def __post_init__(self) -> None:
        self.operations = Operations(self.clock)
        self.signatures = Signatures(self.tokens)
        self.builds = Builds(self)

    @property
    def root(self) -> str:
        """Id of the subscription."""
        return f"/subscriptions/{self.subscription}"

    # What is there.

    def get(self, resource_id: str) -> Resource:
        """A resource as Azure answers it; `Refused` with 404 when there is none."""
        address = parse(resource_id)
        self._strike("GET", address)
        with self._lock:
            found = self._resources.get(address.key)
            if found is None:
                raise not_found(address.type + "/" + address.name, address.group and parse(address.group).name)
            return self._shown(found)

    def find(self, resource_id: str) -> Resource | None:
        """The stored resource itself, secrets included, for rules and other faces; None when there is none."""
        with self._lock:
            return self._resources.get(resource_id.rstrip("/").lower())

    def resources(self, kind: str = "*", under: str = "") -> list[Resource]:
        """Resources of a type, or of any, below an id."""
        with self._lock:
            return [self._shown(found) for found in self._all(kind, under)]

    def each(self, kind: str, under: str = "") -> Iterator[Resource]:
        """The stored resources themselves."""
        with self._lock:
            found = self._all(kind, under)
        yield from found

    @property
    def empty(self) -> bool:
        """Whether nothing is left, soft-deleted resources apart."""
        return not self._resources

    def has_role(self, principal: str, role: str, scope: str) -> bool:
        """Whether a principal has a role, by its GUID, on an id or on anything above it, and it counts already."""
        wanted, youngest = scope.lower(), datetime.now(UTC) - timedelta(seconds=self.latency.role * self.clock.scale)
        return any(
            shape.get(found, "properties.principalId") == principal
            and str(shape.get(found, "properties.roleDefinitionId")).lower().endswith(role)
            and (wanted + "/").startswith(str(shape.get(found, "properties.scope")).lower().rstrip("/") + "/")
            and datetime.fromisoformat(shape.get(found, "properties.createdOn") or EVER) <= youngest
            for found in self.each("Microsoft.Authorization/roleAssignments")
        )

    # What changes it.

    def put(self, resource_id: str, version: str, body: Mapping[str, Any]) -> Resource:
        """Create or change a resource, or raise `Refused`. Secrets in the body may be wrapped."""
        address = parse(resource_id)
        fault = self._strike("PUT", address)
        with self._lock:
            plain = reveal(dict(body))
            if address.type.endswith(("/versions", "/jobs")):
                plain = shape.with_texts(plain, MAPS)
            found = contract.findings(address.type, version, plain, address.name)
            if found:
                lines = "\n".join(f"  {line}" for line in found)
                raise Refused(400, "InvalidRequestContent", f"{address.type} {address.name!r} at {version}:\n{lines}")
            existing = self._resources.get(address.key)
            checks.check(self, rules.Put(address, plain, existing))
            made = computed.complete(self, address, plain, existing) | {"_given": plain}
            self._resources[address.key] = made
            self.log.append(("PUT", address.id))
            self.accepted(address.type, version, address.name, body)
            if existing is None:
                seconds = self.latency.create.get(address.type.lower(), 0)
                if self.operations.begin(address.id, "Creating", seconds, fault.error if fault else None):
                    fault = None  # told at the operation's end
            else:
                self.operations.forget(address.id)
            for implied in computed.implied(self, made) if existing is None else ():
                self._resources[implied["id"].lower()] = implied
            shown = self._shown(made)
        for watcher in self.watchers:
            watcher("PUT", made)
        if fault and fault.error:
            raise fault.error
        return shown

    def amend(self, resource_id: str, changes: Mapping[str, Any]) -> None:
        """Let the service itself set properties, by path; what is gone stays gone."""
        with self._lock:
            found = self._resources.get(resource_id.lower())
            for path, value in changes.items() if found is not None else ():
                shape.put(found, path, value)  # type: ignore[arg-type]

    def patched(self, resource_id: str, changes: Mapping[str, Any]) -> dict[str, Any]:
        """The body of a PUT that changes these parts of a resource and nothing else; `Refused` when there is none."""
        self.get(resource_id)
        given = (self.find(resource_id) or {}).get("_given", {})
        changed: dict[str, Any] = shape.merged(copy.deepcopy(given), changes)
        return changed

    def settled(self, resource_id: str) -> Resource:
        """A resource once what it is in the middle of is over; `Refused` when that failed."""
        if error := self.operations.wait(resource_id):
            raise error
        with self._lock:
            return self._shown(self._resources[resource_id.lower()])

    def delete(self, resource_id: str, *, purge: bool = False) -> bool:
        """Delete a resource and what is in it; False when it was not there."""
        address = parse(resource_id)
        self._strike("DELETE", address)
        with self._lock:
            found = self._resources.get(address.key)
            if found is None:
                return False
            checks.check_delete(self, found)
            gone = [found, *self._all("*", address.id + "/")]
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
        """Write down a body that was carried out: of a PUT, or of an action with the last part of its type's name."""
        if self.bodies is None:
            return
        with self._lock:
            self.bodies.mkdir(parents=True, exist_ok=True)
            record = {"type": kind, "apiVersion": version, "name": name, "body": shape.masked(body)}
            number = sum(1 for _ in self.bodies.glob("*.json"))
            path = self.bodies / f"{number:04d}-{kind.rsplit('/', 1)[-1]}-{name}.json"
            replace_file(path, json.dumps(record, indent=2, sort_keys=True) + "\n")

    def purge(self, kind: str, name: str) -> bool:
        """Free the name of a soft-deleted resource; False when there is none."""
        with self._lock:
            keys = [
                key
                for key, found in self.deleted.items()
                if found["type"].lower() == kind.lower() and found["name"].lower() == name.lower()
            ]
            for key in keys:
                del self.deleted[key]
            return bool(keys)

    def new_guid(self, *about: str) -> str:
        """An id that is the same for the same things, so that a rehearsal can be repeated."""
        return str(uuid.uuid5(uuid.UUID(self.subscription), "|".join(about).lower()))

    def _shown(self, found: Resource) -> Resource:
        """A copy as it is answered: without what is hidden, and with what it is in the middle of."""
        shown = copy.deepcopy({key: value for key, value in found.items() if not key.startswith("_")})
        if state := self.operations.state(found["id"]):
            shape.put(shown, "properties.provisioningState", state)
        return shown

    def _strike(self, method: str, address: Address) -> Fault | None:
        fault = self.faults.take(method, address.type, address.name)
        if fault and fault.error and not fault.made:
            raise fault.error
        return fault

    def _all(self, kind: str, under: str) -> list[Resource]:
        above = under.rstrip("/").lower() + "/" if under else ""
        return [
            found
            for key, found in list(self._resources.items())
            if key.startswith(above) and (kind == "*" or found["type"].lower() == kind.lower())
        ]
