"""Rules by which Azure Machine Learning refuses a resource."""

from collections.abc import Iterator, Mapping

from trainup.core.duration import iso_seconds
from trainup.simulator.cloud import schedules, shape
from trainup.simulator.cloud.address import ML
from trainup.simulator.cloud.job_rules import JOB_RULES
from trainup.simulator.cloud.refusal import Refused
from trainup.simulator.cloud.regions import MACHINES, Machine, compute_types, is_sold
from trainup.simulator.cloud.rules import Put, Rule, needs
from trainup.simulator.cloud.view import View

PARTS = ("storageAccount", "keyVault", "applicationInsights", "containerRegistry")
"""Properties of a workspace with the ids of the resources it needs; the registry can be added later."""

IMMUTABLE = {
    "environments": ("image", "build", "condaFile", "osType"),
    "data": ("dataType", "dataUri"),
    "codes": ("codeUri",),
    "models": ("modelUri", "modelType"),
}
"""Kind of asset → properties that cannot change in an existing version."""


def _bad(message: str, code: str = "ValidationError") -> Refused:
    return Refused(400, code, message)


def _half_made(message: str, code: str) -> Refused:
    """A refusal of a cluster that leaves the cluster behind, in the provisioning state Failed."""
    return Refused(400, code, message, is_left=True)


def _workspace(azure: View, put: Put) -> Iterator[Refused]:
    for name in PARTS:
        part = put(f"properties.{name}")
        if part is None and name != "containerRegistry":
            yield _bad(f"Missing dependent resources in workspace json: {name}.")
        yield from needs(azure, part)
        old = put.existing and shape.get(put.existing, f"properties.{name}")
        if old and name in ("storageAccount", "keyVault") and str(part).lower() != old.lower():
            yield _bad(f"{name} of a workspace cannot be changed.", "BadRequest")
    account = azure.find(put("properties.storageAccount") or "")
    if account and shape.get(account, "properties.isHnsEnabled"):
        yield _bad(f"The storage account {account['name']!r} has a hierarchical namespace: a workspace takes none.")
    kind, primary = str(put("identity.type") or "None"), put("properties.primaryUserAssignedIdentity")
    ids = {key.lower() for key in put("identity.userAssignedIdentities") or {}}
    if kind == "None" or put("identity") is None:
        yield _bad("A workspace needs an identity: SystemAssigned, UserAssigned or both.", "BadRequest")
    if kind == "UserAssigned" and not primary:
        yield _bad("primaryUserAssignedIdentity has to be given when the identity is UserAssigned only.")
    if primary and primary.lower() not in ids:
        yield _bad(f"primaryUserAssignedIdentity {primary!r} is none of the workspace's identities.")
    old_kind = put.existing and str(shape.get(put.existing, "identity.type"))
    if old_kind and "SystemAssigned" in old_kind and "UserAssigned" in old_kind and kind != old_kind:
        yield _bad("An identity of both kinds cannot be taken back.", "BadRequest")
    if kind == "UserAssigned" and primary and not put.existing:
        yield from _rights(azure, put, primary)


def _rights(azure: View, put: Put, identity: str) -> Iterator[Refused]:
    """The service uses this identity to access storage and vault while it creates the workspace."""
    resource = azure.find(identity) or {}
    principal = shape.get(resource, "properties.principalId")
    for name in ("storageAccount", "keyVault"):
        scope = str(put(f"properties.{name}")).lower()
        has_role = any(
            shape.get(assignment, "properties.principalId") == principal
            and (scope + "/").startswith(str(shape.get(assignment, "properties.scope")).lower().rstrip("/") + "/")
            for assignment in azure.each("Microsoft.Authorization/roleAssignments")
        )
        if not has_role:
            yield Refused(
                403,
                "AuthorizationFailed",
                f"The identity '{identity}' has no role on {name} '{put(f'properties.{name}')}'.",
            )


def _compute(azure: View, put: Put) -> Iterator[Refused]:
    if put("properties.computeType") != "AmlCompute":
        return
    size = str(put("properties.properties.vmSize"))
    machine = MACHINES.get(size.lower())
    spot = put("properties.properties.vmPriority") == "LowPriority"
    region = str(put("location"))
    if machine is None or not is_sold(machine, region) or "AmlCompute" not in compute_types(machine, region):
        yield _half_made(f"Cluster.Properties.VMSize {size!r} is not a supported VM size.", "InvalidPropertyValue")
        return
    yield from _scale(put)
    if not spot:  # a spot cluster is created whatever the quota is, and whatever the size
        yield from _quota(azure, put, machine)
    kind = str(put("identity.type") or "")
    if "SystemAssigned" in kind and "UserAssigned" in kind:
        yield _bad("A cluster takes one system-assigned identity or user-assigned ones, not both.", "BadRequest")


def _scale(put: Put) -> Iterator[Refused]:
    scale = put("properties.properties.scaleSettings") or {}
    lowest, highest = scale.get("minNodeCount") or 0, scale.get("maxNodeCount", 0)
    if lowest < 0 or highest < 1:
        yield _bad(f"minNodeCount {lowest} and maxNodeCount {highest}: the least is 0 and 1.", "InvalidPropertyValue")
    if lowest > highest:
        yield _bad(f"minNodeCount {lowest} is above maxNodeCount {highest}.", "InvalidPropertyValue")
    if highest > 100:
        yield _bad(f"maxNodeCount {highest} is above the limit of 100 nodes.", "ClusterMaxNodeCountExceeded")
    idle = scale.get("nodeIdleTimeBeforeScaleDown")
    if idle is not None and iso_seconds(idle) is None:
        yield _bad(f"nodeIdleTimeBeforeScaleDown {idle!r} is no ISO 8601 duration such as PT2M.")


def _quota(azure: View, put: Put, machine: Machine) -> Iterator[Refused]:
    family, limit = machine.family, azure.quota.limit(machine.family)
    if limit < machine.cores:
        if limit == 0:  # a family without quota looks like a size that does not exist
            yield _half_made(
                f"Cluster.Properties.VMSize {machine.name!r} is not a supported VM size.", "InvalidPropertyValue"
            )
        yield _half_made(
            f"The specified subscription has a {family} vCPU quota of {limit} and cannot accomodate for at least 1 "
            f"requested managed compute nodes which maps to {machine.cores} vCPUs.",
            "ClusterMinNodesExceedCoreQuota",
        )
    lowest = put("properties.properties.scaleSettings.minNodeCount") or 0
    if lowest * machine.cores > limit:
        yield _half_made(
            f"The specified subscription has a {family} vCPU quota of {limit} and cannot accomodate for at least "
            f"{lowest} requested managed compute nodes which maps to {lowest * machine.cores} vCPUs.",
            "ClusterMinNodesExceedCoreQuota",
        )


def _environment(azure: View, put: Put) -> Iterator[Refused]:
    image, build = put("properties.image"), put("properties.build")
    if image and build:
        yield _bad("An environment takes an image or a build, not both.", "UserError")
    if not image and not build and not put("properties.condaFile"):
        yield _bad("An environment needs an image, a build or a conda file.", "UserError")
    yield from _immutable(put, "environments")


def _data(azure: View, put: Put) -> Iterator[Refused]:
    yield from _immutable(put, "data")


def _code(azure: View, put: Put) -> Iterator[Refused]:
    if not put("properties.codeUri"):
        yield _bad("A version of code needs a codeUri.", "UserError")
    yield from _immutable(put, "codes")


def _model(azure: View, put: Put) -> Iterator[Refused]:
    if not put("properties.modelUri"):
        yield _bad("A version of a model needs a modelUri.", "UserError")
    yield from _immutable(put, "models")


def _immutable(put: Put, kind: str) -> Iterator[Refused]:
    if not put.existing:
        return
    for name in IMMUTABLE[kind]:
        value = put(f"properties.{name}")
        if value is not None and value != shape.get(put.existing, f"properties.{name}"):
            version, asset = put.address.name, put.address.id.split("/")[-3]
            yield _bad(
                f"A version {version!r} of {asset!r} already exists with another {name}. "
                "Only description, tags and isArchived can be updated.",
                "UserError",
            )


def _connection(azure: View, put: Put) -> Iterator[Refused]:
    if put("properties.authType") == "UsernamePassword" and not put("properties.credentials.password"):
        yield _bad("A connection by user name and password needs a password.")
    if not put("properties.target"):
        yield _bad("A connection needs a target.")


RULES: Mapping[str, tuple[Rule, ...]] = {
    kind.lower(): rules
    for kind, rules in {
        ML: (_workspace,),
        f"{ML}/computes": (_compute,),
        f"{ML}/environments/versions": (_environment,),
        f"{ML}/data/versions": (_data,),
        f"{ML}/codes/versions": (_code,),
        f"{ML}/models/versions": (_model,),
        f"{ML}/jobs": JOB_RULES,
        f"{ML}/schedules": schedules.RULES,
        f"{ML}/connections": (_connection,),
    }.items()
}
"""Lower-case type → its rules."""
