"""Rules by which Azure Machine Learning refuses a job."""

from collections.abc import Iterator, Mapping
from typing import Any

from trainup.core.duration import iso_seconds
from trainup.simulator.cloud import shape
from trainup.simulator.cloud.address import ML, parse
from trainup.simulator.cloud.refusal import Refused
from trainup.simulator.cloud.regions import MACHINES
from trainup.simulator.cloud.rules import Put, Rule
from trainup.simulator.cloud.shared_assets import PREFIX
from trainup.simulator.cloud.view import View

CHANGEABLE = frozenset({"description", "tags", "displayName", "properties", "isArchived"})
"""The only properties of an existing job that can change."""

SET_BY_SERVICE = frozenset({"status", "services"})
TAGS, TAG_KEY, TAG_VALUE, DESCRIPTION = 50, 100, 1000, 5000


def _bad(message: str, code: str = "UserError") -> Refused:
    return Refused(400, code, message)


def _unchanged(azure: View, put: Put) -> Iterator[Refused]:
    if not put.existing:
        return
    old = put.existing["properties"]
    for name, value in (put("properties") or {}).items():
        if name not in CHANGEABLE | SET_BY_SERVICE and _differs(value, old.get(name)):
            yield _bad(
                f"A job with this name already exists. If you are trying to create a new job, use a different name. "
                f"If you are trying to update an existing job, the existing job's {name} cannot be changed. "
                "Only description, tags, displayName, properties, and isArchived can be updated."
            )


def _differs(new: Any, stored: Any) -> bool:
    """Whether a new value changes a stored one. Ids match in any case; keys that only the service set are ignored."""
    if isinstance(new, Mapping) and isinstance(stored, Mapping):
        return any(_differs(value, stored.get(key)) for key, value in new.items())
    if isinstance(new, str) and isinstance(stored, str) and new.startswith("/subscriptions/"):
        return new.lower() != stored.lower()
    if stored is None and new in (None, {}, [], ""):
        return False
    return bool(new is not None and new != stored)


def _references(azure: View, put: Put) -> Iterator[Refused]:
    if put.existing:
        return
    for name in ("environmentId", "codeId", "computeId"):
        resource_id = put(f"properties.{name}")
        if resource_id and not _exists(azure, resource_id):
            yield _bad(f"The {name} '{resource_id}' does not exist.", "NotFound")
    for name, value in (put("properties.inputs") or {}).items():
        uri = str(shape.get(value, "uri") or "")
        if uri.startswith("/subscriptions/") and not _exists(azure, uri):
            yield _bad(f"The data of the input {name!r}, '{uri}', does not exist.", "NotFound")
        if uri.startswith("azureml://datastores/"):
            store = f"{_workspace(put)}/datastores/{uri.split('/')[3]}"
            if not _exists(azure, store):
                yield _bad(f"The datastore of the input {name!r}, '{uri}', does not exist.", "NotFound")


def _exists(azure: View, resource_id: str) -> bool:
    if resource_id.startswith(PREFIX):
        return azure.find(resource_id) is not None
    try:
        address = parse(resource_id)
        return azure.find(address.id) is not None and not azure.unread.hides(address.id)
    except ValueError:
        return False


def _workspace(put: Put) -> str:
    return put.address.id.rsplit("/jobs/", 1)[0]


def _machine(azure: View, put: Put) -> Iterator[Refused]:
    count, size = put("properties.resources.instanceCount"), put("properties.resources.instanceType")
    if count is not None and count < 1:
        yield _bad(f"instanceCount is {count}: a job needs at least one node.")
    compute = put("properties.computeId")
    if compute is None:
        if not size:
            yield _bad("A job needs a computeId, or for serverless compute a resources.instanceType.")
        elif str(size).lower() not in MACHINES:
            yield _bad(f"The instance type {size!r} is not supported.")
        return
    if put("properties.queueSettings.jobTier") not in (None, "Null"):
        yield _bad("queueSettings.jobTier is for serverless compute: leave it out for a job on a cluster.")
    cluster = azure.find(compute)
    if azure.possible.refuses_busy_clusters and not put.existing and azure.operations.unfinished(compute):
        yield Refused(409, "Conflict", f"The compute {cluster and cluster['name']!r} is not ready for jobs.")
    most = shape.get(cluster, "properties.properties.scaleSettings.maxNodeCount")
    if most is not None and count is not None and count > most:
        yield _bad(
            f"The requested number of nodes {count} exceeds the maximum of the cluster {cluster and cluster['name']!r}"
            f", {most}.",
            "ClusterMaxNodeCountExceeded",
        )


def _limits(azure: View, put: Put) -> Iterator[Refused]:
    timeout = put("properties.limits.timeout")
    if timeout is not None and iso_seconds(str(timeout)) is None:
        yield _bad(f"limits.timeout {timeout!r} is no ISO 8601 duration such as PT1H.")
    if timeout is not None and put("properties.limits.jobLimitsType") != put("properties.jobType"):
        yield _bad("limits.jobLimitsType has to be the job's own type.")
    tags = put("properties.tags") or {}
    if len(tags) > TAGS:
        yield _bad(f"{len(tags)} tags were given: a run can have at most {TAGS}.")
    for key, value in tags.items():
        if len(key) > TAG_KEY or len(str(value)) > TAG_VALUE:
            yield _bad(f"The tag {key[:20]!r} is too long: {TAG_KEY} characters, and {TAG_VALUE} for its value.")
    if len(put("properties.description") or "") > DESCRIPTION:
        yield _bad(f"The description is longer than {DESCRIPTION} characters.")


def _placeholders(azure: View, put: Put) -> Iterator[Refused]:
    command = str(put("properties.command") or "")
    for kind in ("inputs", "outputs"):
        entries = put(f"properties.{kind}") or {}
        for placeholder in command.split("${{" + kind + ".")[1:]:
            name = placeholder.split("}}")[0].strip()
            if name not in entries:
                yield _bad(f"The command uses ${{{{{kind}.{name}}}}}, and there is no such entry in {kind}.")


JOB_RULES: tuple[Rule, ...] = (_unchanged, _references, _machine, _limits, _placeholders)
TYPE = f"{ML}/jobs"
