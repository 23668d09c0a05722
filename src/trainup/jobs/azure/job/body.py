"""Builds the body of the request that starts a job. Nothing in this module sends requests."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trainup.core import scoring, sizes
from trainup.core.duration import iso_duration, iso_seconds
from trainup.core.input_assets import CHECKPOINTS
from trainup.core.input_values import IDENTITIES
from trainup.core.naming import job_name
from trainup.core.spec import RunSpec
from trainup.jobs.azure.job import commands, labels
from trainup.jobs.serving import batch
from trainup.jobs.target import Job

SHM_SIZE = "16g"
"""Default shared memory. Azure ML's 2 GB are too few for data loader workers; this is a limit, not a reservation."""
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
SERVICES = {"jupyter_lab": "JupyterLab", "ssh": "SSH", "tensor_board": "TensorBoard", "vs_code": "VSCode"}
STARTED_BY = "TRAINUP_STARTED_BY"
DEFAULT_EXPERIMENT = "trainup"
FIXED_POLICY = {
    "timeout": ("limits", "timeout"),
    "experiment_name": ("experimentName",),
    "shm_size": ("resources", "shmSize"),
    "docker_args": ("resources", "dockerArgs"),
    "queue_tier": ("queueSettings", "jobTier"),
    "identity": ("identity", "identityType"),
}
"""Policy key that cannot change in an existing job → its path in the job's properties."""
BOOTSTRAP_TEXT = Path(__file__).with_name("node_secrets.py").read_text(encoding="utf-8")


@dataclass(frozen=True)
class References:
    """The resources of the workspace that a job refers to."""

    workspace: str
    environment_id: str
    code_id: str | None = None
    compute_id: str | None = None
    """None for serverless compute."""
    client_id: str | None = None
    """Client id of the job's managed identity, if it is known."""
    secrets: Mapping[str, str] = field(default_factory=dict)
    """Environment variable → URL of its secret in the key vault."""
    data: Mapping[str, str] = field(default_factory=dict)
    """Data input that lies on this machine → its address in the workspace."""
    vault_resource: str = ""
    """Audience of tokens for the key vault."""
    node_price: float | None = None
    """US dollars for a node and an hour, where it is known."""


def checkpoints_uri(run_id: str) -> str:
    """Folder in which all attempts of a run keep the checkpoints from which they resume."""
    return f"azureml://datastores/workspaceblobstore/paths/trainup/checkpoints/{run_id}/"


def to_command_job(job: Job, attempt: int, references: References) -> dict[str, Any]:
    """The body of `PUT …/jobs/<name>`.

    If several stacks start the same attempt at the same time, their bodies differ only in `STARTED_BY`. That variable
    cannot change in an existing job, so Azure ML refuses all but the first request. Without it, a second request would
    overwrite the tags of the first.
    """
    spec = job.spec
    properties: dict[str, Any] = {
        "jobType": "Command",
        "command": _command(job),
        "environmentId": references.environment_id,
        "experimentName": spec.experiment_name or DEFAULT_EXPERIMENT,
        "displayName": spec.display_name or job_name(job.id, attempt),
        "isArchived": False,
        "environmentVariables": _variables(job, attempt, references),
        "resources": _resources(job, references),
        "inputs": {
            name: _input({**source, "uri": references.data[name]} if name in references.data else source, references)
            for name, source in job.data_inputs.items()
        },
        "outputs": _outputs(job),
        "tags": labels.tags(job, attempt),
        "properties": labels.properties(job, attempt, references.node_price),
    }
    if spec.description:
        properties["description"] = spec.description
    if references.code_id:
        properties["codeId"] = references.code_id
    if references.compute_id:
        properties["computeId"] = references.compute_id
    if distribution := _distribution(spec.distribution, spec.nodes):
        properties["distribution"] = distribution
    if timeout := _timeout(spec):
        properties["limits"] = {"jobLimitsType": "Command", "timeout": timeout}
    if identity := _identity(job, references):
        properties["identity"] = identity
    if spec.services:
        properties["services"] = {name: _service(service) for name, service in spec.services.items()}
    if spec.queue_tier and not references.compute_id:
        properties["queueSettings"] = {"jobTier": spec.queue_tier.capitalize()}
    return {"properties": properties}


def ignored_policy(job: Job, existing: Mapping[str, Any]) -> list[str]:
    """The policy keys with a new value that an existing job ignores; `existing` are the job's properties."""
    references = References(
        workspace="",
        environment_id="",
        compute_id=existing.get("computeId"),
        client_id=(existing.get("identity") or {}).get("clientId"),
    )
    properties = to_command_job(job, 1, references)["properties"]
    running = existing.get("services") or {}
    others = ["services"] if any(name not in running for name in job.spec.services) else []
    return others + [name for name, path in FIXED_POLICY.items() if _at(properties, path) != _at(existing, path)]


def _at(properties: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    value: Any = properties
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    seconds = iso_seconds(value) if isinstance(value, str) else None
    return value if seconds is None else seconds  # the service may write a duration in another form


def _timeout(spec: RunSpec) -> str | None:
    # Azure ML counts whole seconds, and a timeout of 0 would be no timeout.
    return None if spec.timeout is None else iso_duration(max(1, round(spec.timeout)))


def _command(job: Job) -> str:
    spec = job.spec
    if spec.shell:
        # The command of a job file is sent unchanged, as by the official client.
        return "; ".join([*([commands.BOOTSTRAP] if spec.secrets else []), *spec.command])
    return commands.with_surroundings(commands.line(spec.command), CHECKPOINTS, secrets=bool(spec.secrets))


def _variables(job: Job, attempt: int, references: References) -> dict[str, str]:
    result = {**job.spec.environment_variables, STARTED_BY: labels.owner_tag(job.owner)}
    if not job.spec.shell:
        result = {"PYTHONUNBUFFERED": "1", **result, "TRAINUP_RUN": job_name(job.id, attempt)}
        if client := (_identity(job, references) or {}).get("clientId"):
            # It tells the Azure SDK in the script which of the node's identities to use.
            result.setdefault("AZURE_CLIENT_ID", client)
    if scoring.is_scoring(job.spec.command):
        result[scoring.VARIABLE] = batch.program()
    if references.secrets:
        addresses = {"resource": references.vault_resource, "secrets": dict(references.secrets)}
        result["TRAINUP_SECRETS"] = json.dumps(addresses, sort_keys=True)
        # Base64, since nothing promises that a variable of several lines reaches the node as it is.
        result["TRAINUP_BOOTSTRAP"] = base64.b64encode(BOOTSTRAP_TEXT.encode()).decode()
    return result


def _resources(job: Job, references: References) -> dict[str, Any]:
    spec = job.spec
    result: dict[str, Any] = {"instanceCount": spec.nodes}
    if spec.shm_size or not spec.shell:
        result["shmSize"] = spec.shm_size or SHM_SIZE
    if spec.docker_args:
        result["dockerArgs"] = spec.docker_args
    if spec.size and not references.compute_id:
        result["instanceType"] = sizes.find_size(spec.size).sku
    return result


def _service(service: Mapping[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = {"jobServiceType": SERVICES[service["type"]]}
    if "nodes" in service:
        result["nodes"] = {"nodesValueType": "All"}
    return result | {name: service[name] for name in ("port", "properties") if name in service}


def _input(source: Mapping[str, str], references: References) -> dict[str, str]:
    if "value" in source:
        return {"jobInputType": "literal", "value": source["value"]}
    kind = source.get("type", "uri_folder")
    uri, part = asset_uri(source["uri"], references.workspace, kind), source.get("path")
    result = {"jobInputType": kind, "uri": f"{uri.rstrip('/')}/{part}" if part else uri}
    return result | ({"mode": MODES[source["mode"]]} if "mode" in source else {})


def asset_uri(uri: str, workspace: str, kind: str = "uri_folder") -> str:
    """The resource id for `azureml:pets:1`, version 1 of the data asset (or model) `pets`; any other URI as it is."""
    scheme, _, rest = uri.partition(":")
    if scheme != "azureml" or rest.startswith("/") or rest.count(":") != 1:
        return uri
    name, version = rest.split(":")
    return f"{workspace}/{'models' if kind.endswith('_model') else 'data'}/{name}/versions/{version}"


def _outputs(job: Job) -> dict[str, Any]:
    result = {}
    for name, output in job.spec.outputs.items():
        result[name] = {"jobOutputType": output.get("type", "uri_folder")}
        if mode := output.get("mode"):
            result[name]["mode"] = MODES[mode]
        if uri := job.named_outputs.get(name, {}).get("uri"):
            result[name]["uri"] = uri
    if not job.spec.shell:
        result[CHECKPOINTS] = {
            "jobOutputType": "uri_folder",
            "mode": "ReadWriteMount",
            "uri": checkpoints_uri(job.id),
        }
    return result


def _distribution(distribution: Mapping[str, Any], nodes: int) -> dict[str, Any] | None:
    if not distribution and nodes == 1:
        return None
    kind = distribution.get("type", "pytorch")
    result: dict[str, Any] = {"distributionType": DISTRIBUTIONS[kind]}
    if kind == "tensorflow":
        servers = distribution.get("parameter_server_count", 0)
        return result | {"workerCount": distribution.get("worker_count", nodes), "parameterServerCount": servers}
    return result | {"processCountPerInstance": distribution.get("process_count_per_node", 1)}


def _identity(job: Job, references: References) -> dict[str, str] | None:
    identity = job.identity
    if identity is None and job.spec.shell and not job.spec.secrets:
        return None  # as the official client sends it; an identity is needed only to read secrets from the vault
    if identity == "user":
        return {"identityType": "UserIdentity"}
    if identity == "token":
        return {"identityType": "AMLToken"}
    client = identity if identity and identity not in IDENTITIES else references.client_id
    if client:
        return {"identityType": "Managed", "clientId": client}
    return {"identityType": "Managed"} if identity == "cluster" else None
