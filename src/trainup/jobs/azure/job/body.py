"""From a job to the body of the request that starts it. Nothing here talks to anybody."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trainup.core import sizes
from trainup.core.duration import iso_duration, iso_seconds
from trainup.core.input_assets import CHECKPOINTS
from trainup.core.input_values import IDENTITIES
from trainup.core.naming import job_name
from trainup.core.spec import RunSpec
from trainup.jobs.azure.job import commands, labels
from trainup.jobs.target import Job

SHM_SIZE = "16g"
"""Azure ML gives 2 GB, too little for the workers of a data loader. It is a limit: only what is used is taken."""
MODES = {
    "ro_mount": "ReadOnlyMount",
    "rw_mount": "ReadWriteMount",
    "download": "Download",
    "direct": "Direct",
    "upload": "Upload",
    "eval_mount": "EvalMount",
    "eval_download": "EvalDownload",
}
DISTRIBUTIONS = {"pytorch": "PyTorch", "mpi": "Mpi", "tensorflow": "TensorFlow"}
STARTED_BY = "TRAINUP_STARTED_BY"
DEFAULT_EXPERIMENT = "trainup"
KEPT = {
    "timeout": ("limits", "timeout"),
    "experiment_name": ("experimentName",),
    "shm_size": ("resources", "shmSize"),
    "docker_args": ("resources", "dockerArgs"),
    "queue_tier": ("queueSettings", "jobTier"),
    "identity": ("identity", "identityType"),
}
"""Policy that cannot be changed in a job that exists, and where it is written there."""
BOOTSTRAP_TEXT = Path(__file__).with_name("node_secrets.py").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Place:
    """What a job refers to in its workspace."""

    workspace: str
    environment_id: str
    code_id: str | None = None
    compute_id: str | None = None
    """None: Azure ML finds a node itself."""
    client_id: str | None = None
    """Of the identity that the run has, where one is known."""
    secrets: Mapping[str, str] = field(default_factory=dict)
    """Variable → address in the key vault."""
    vault_resource: str = ""
    """What tokens for the vault are made for."""


def checkpoints_uri(identity: str) -> str:
    """Where all attempts of a run keep what they resume from."""
    return f"azureml://datastores/workspaceblobstore/paths/trainup/checkpoints/{identity}/"


def to_command_job(job: Job, attempt: int, place: Place) -> dict[str, Any]:
    """The body of `PUT …/jobs/<name>`.

    Stacks that start the same attempt at once send the same but for `STARTED_BY`, which cannot change in a job: so
    Azure ML refuses all but the first. Without it, the second would write its tags over those of the first.
    """
    spec = job.spec
    properties: dict[str, Any] = {
        "jobType": "Command",
        "command": _command(job),
        "environmentId": place.environment_id,
        "experimentName": spec.experiment_name or DEFAULT_EXPERIMENT,
        "displayName": spec.display_name or job_name(job.id, attempt),
        "isArchived": False,
        "environmentVariables": _variables(job, attempt, place),
        "resources": _resources(job, place),
        "inputs": {name: _input(source, place.workspace) for name, source in job.sources.items()},
        "outputs": _outputs(job),
        "tags": labels.tags(job, attempt),
        "properties": labels.properties(job, attempt),
    }
    if spec.description:
        properties["description"] = spec.description
    if place.code_id:
        properties["codeId"] = place.code_id
    if place.compute_id:
        properties["computeId"] = place.compute_id
    if distribution := _distribution(spec.distribution, spec.nodes):
        properties["distribution"] = distribution
    if timeout := _timeout(spec):
        properties["limits"] = {"jobLimitsType": "Command", "timeout": timeout}
    if identity := _identity(job, place):
        properties["identity"] = identity
    if spec.queue_tier and not place.compute_id:
        properties["queueSettings"] = {"jobTier": spec.queue_tier.capitalize()}
    return {"properties": properties}


def kept_policy(job: Job, there: Mapping[str, Any]) -> list[str]:
    """The inputs whose change a job that exists takes no notice of; `there` are the job's own properties."""
    place = Place(
        workspace="",
        environment_id="",
        compute_id=there.get("computeId"),
        client_id=(there.get("identity") or {}).get("clientId"),
    )
    wanted = to_command_job(job, 1, place)["properties"]
    return [name for name, path in KEPT.items() if _at(wanted, path) != _at(there, path)]


def _at(properties: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    found: Any = properties
    for key in path:
        found = found.get(key) if isinstance(found, Mapping) else None
    seconds = iso_seconds(found) if isinstance(found, str) else None
    return found if seconds is None else seconds  # the service may spell a length of time in its own way


def _timeout(spec: RunSpec) -> str | None:
    # Azure ML counts in seconds; less than one would be none at all.
    return None if spec.timeout is None else iso_duration(max(1, round(spec.timeout)))


def _command(job: Job) -> str:
    spec = job.spec
    if spec.shell:
        # The text of a job file goes out as it is, as the official client sends it.
        return "; ".join([*([commands.BOOTSTRAP] if spec.secrets else []), *spec.command])
    return commands.with_surroundings(commands.line(spec.command), CHECKPOINTS, secrets=bool(spec.secrets))


def _variables(job: Job, attempt: int, place: Place) -> dict[str, str]:
    result = {**job.spec.environment_variables, STARTED_BY: labels.owner_tag(job.owner)}
    if not job.spec.shell:
        result = {"PYTHONUNBUFFERED": "1", **result, "TRAINUP_RUN": job_name(job.id, attempt)}
        if client := (_identity(job, place) or {}).get("clientId"):
            # Without it, the Azure SDK in the script would not know which identity to take.
            result.setdefault("AZURE_CLIENT_ID", client)
    if place.secrets:
        wanted = {"resource": place.vault_resource, "secrets": dict(place.secrets)}
        result["TRAINUP_SECRETS"] = json.dumps(wanted, sort_keys=True)
        result["TRAINUP_BOOTSTRAP"] = BOOTSTRAP_TEXT
    return result


def _resources(job: Job, place: Place) -> dict[str, Any]:
    spec = job.spec
    result: dict[str, Any] = {"instanceCount": spec.nodes}
    if spec.shm_size or not spec.shell:
        result["shmSize"] = spec.shm_size or SHM_SIZE
    if spec.docker_args:
        result["dockerArgs"] = spec.docker_args
    if spec.size and not place.compute_id:
        result["instanceType"] = sizes.find_size(spec.size).sku
    return result


def _input(source: Mapping[str, str], workspace: str) -> dict[str, str]:
    if "value" in source:
        return {"jobInputType": "literal", "value": source["value"]}
    uri, part = asset_uri(source["uri"], workspace), source.get("path")
    result = {"jobInputType": source.get("type", "uri_folder"), "uri": f"{uri.rstrip('/')}/{part}" if part else uri}
    return result | ({"mode": MODES[source["mode"]]} if "mode" in source else {})


def asset_uri(uri: str, workspace: str) -> str:
    """`azureml:pets:1` → the id of that version of the data in the workspace; an address stays as it is."""
    scheme, _, rest = uri.partition(":")
    if scheme != "azureml" or rest.startswith("/") or rest.count(":") != 1:
        return uri
    name, version = rest.split(":")
    return f"{workspace}/data/{name}/versions/{version}"


def _outputs(job: Job) -> dict[str, Any]:
    result = {}
    for name, output in job.spec.outputs.items():
        result[name] = {"jobOutputType": output.get("type", "uri_folder")}
        if mode := output.get("mode"):
            result[name]["mode"] = MODES[mode]
        if uri := job.places.get(name, {}).get("uri"):
            result[name]["uri"] = uri
    if not job.spec.shell:
        result[CHECKPOINTS] = {
            "jobOutputType": "uri_folder",
            "mode": "ReadWriteMount",
            "uri": checkpoints_uri(job.id),
        }
    return result


def _distribution(given: Mapping[str, Any], nodes: int) -> dict[str, Any] | None:
    if not given and nodes == 1:
        return None
    kind = given.get("type", "pytorch")
    result: dict[str, Any] = {"distributionType": DISTRIBUTIONS[kind]}
    if kind == "tensorflow":
        servers = given.get("parameter_server_count", 0)
        return result | {"workerCount": given.get("worker_count", nodes), "parameterServerCount": servers}
    return result | {"processCountPerInstance": given.get("process_count_per_node", 1)}


def _identity(job: Job, place: Place) -> dict[str, str] | None:
    wanted = job.identity
    if wanted is None and job.spec.shell and not job.spec.secrets:
        return None  # as the official client sends it: only what reads the vault needs to be somebody
    if wanted == "user":
        return {"identityType": "UserIdentity"}
    if wanted == "token":
        return {"identityType": "AMLToken"}
    client = wanted if wanted and wanted not in IDENTITIES else place.client_id
    if client:
        return {"identityType": "Managed", "clientId": client}
    return {"identityType": "Managed"} if wanted == "cluster" else None
