"""What a job of Azure ML runs, in the words of a run's inputs."""

import json
import re
from collections.abc import Mapping
from typing import Any

from trainup.core import package_lists, scoring
from trainup.core.duration import iso_seconds
from trainup.core.input_assets import CHECKPOINTS, CONTENT
from trainup.jobs.azure.http.client import AzureError
from trainup.jobs.azure.job import commands, labels
from trainup.jobs.azure.job.body import DISTRIBUTIONS, MODES, STARTED_BY
from trainup.jobs.azure.platform.uploads import ASSET
from trainup.jobs.azure.platform.workspace import Workspace
from trainup.jobs.target import Definition, TargetError

OWN_VARIABLES = frozenset(
    {STARTED_BY, "TRAINUP_RUN", "TRAINUP_SECRETS", "TRAINUP_BOOTSTRAP", scoring.VARIABLE, "PYTHONUNBUFFERED"}
)
UNKNOWN = ("after", "rerun")
"""Inputs that a job does not have."""
_UPLOADED = re.compile(rf"/data/{ASSET}-[a-z-]+/versions/([0-9a-f]+)")
_OF_SCHEDULE = re.compile(r"-\d{8}T\d{6}Z$")
"""End of the display name that the service gives to a job of a schedule."""
_WORDS = {azure: own for own, azure in MODES.items()}


def definition(workspace: Workspace, name: str) -> Definition:
    """What a job runs. Raises TargetError where there is no such job, and AzureError."""
    job = workspace.client.find(workspace.job(name))
    if job is None:
        raise TargetError(f"there is no job {name} in the workspace")
    inside: dict[str, Any] = job["properties"]
    resources: dict[str, Any] = inside.get("resources") or {}
    variables: dict[str, str] = inside.get("environmentVariables") or {}
    client = (inside.get("identity") or {}).get("clientId")
    own = {("AZURE_CLIENT_ID", client), *((key, variables.get(key)) for key in OWN_VARIABLES)}
    image, packages = _environment(workspace, str(inside.get("environmentId") or ""))
    inputs: dict[str, Any] = {
        "command": commands.without_surroundings(str(inside.get("command") or ""), CHECKPOINTS),
        "environment_variables": {key: value for key, value in variables.items() if (key, value) not in own},
        "secrets": dict.fromkeys(_secret_names(variables)),
        "image": image,
        "inputs": {key: _input(item) for key, item in (inside.get("inputs") or {}).items()},
        "outputs": {
            key: _output(item)
            for key, item in (inside.get("outputs") or {}).items()
            if key not in (CHECKPOINTS, "default")
        },
        "nodes": resources.get("instanceCount") or 1,
        "size": resources.get("instanceType"),
        "shm_size": resources.get("shmSize"),
        "docker_args": resources.get("dockerArgs"),
        "distribution": _distribution(inside.get("distribution") or {}),
        "cluster": str(inside.get("computeId") or "").rpartition("/")[2] or None,
        "display_name": _display_name(inside, name),
        "experiment_name": inside.get("experimentName"),
        "description": inside.get("description"),
        "timeout": iso_seconds((inside.get("limits") or {}).get("timeout")),
        "tags": {key: value for key, value in (inside.get("tags") or {}).items() if not key.startswith(labels.OWNED)},
    }
    return Definition({key: value for key, value in inputs.items() if value}, None, packages, UNKNOWN)


def _display_name(inside: Mapping[str, Any], name: str) -> str | None:
    """What the user calls it; None where that is its name, or what the service calls a job of a schedule."""
    shown = str(inside.get("displayName") or name)
    is_scheduled = (inside.get("properties") or {}).get(labels.ATTEMPT) == labels.BY_SCHEDULE
    return None if shown == name or (is_scheduled and _OF_SCHEDULE.search(shown)) else shown


def _environment(workspace: Workspace, environment_id: str) -> tuple[str | None, list[str] | None]:
    """(image of an environment, packages of its Conda file); its id where the environment cannot be read."""
    if not environment_id.startswith("/"):
        return environment_id or None, None
    try:
        found = workspace.client.find(environment_id)
    except AzureError:
        found = None
    properties = (found or {}).get("properties") or {}
    conda = properties.get("condaFile")
    lines = package_lists.lines_of(conda) if isinstance(conda, str) and conda else None
    return str(properties.get("image") or environment_id), lines


def _secret_names(variables: Mapping[str, str]) -> list[str]:
    try:
        return sorted(json.loads(variables.get("TRAINUP_SECRETS", "{}"))["secrets"])
    except (ValueError, LookupError, TypeError):
        return []


def _input(item: Mapping[str, Any]) -> dict[str, Any]:
    if item.get("jobInputType") == "literal":
        return {"value": item.get("value")}
    uri = str(item.get("uri") or "")
    uploaded = _UPLOADED.search(uri)
    result = {"uri": uri, "digest": f"{CONTENT}{uploaded[1]}" if uploaded else uri, "type": item.get("jobInputType")}
    return result | ({"mode": _WORDS[item["mode"]]} if item.get("mode") in _WORDS else {})


def _output(item: Mapping[str, Any]) -> dict[str, Any]:
    known = {"type": item.get("jobOutputType"), "mode": _WORDS.get(str(item.get("mode")))}
    return {key: value for key, value in known.items() if value}


def _distribution(raw: Mapping[str, Any]) -> dict[str, Any]:
    if not raw:
        return {}
    kinds = {azure: own for own, azure in DISTRIBUTIONS.items()}
    names = {
        "processCountPerInstance": "process_count_per_node",
        "workerCount": "worker_count",
        "parameterServerCount": "parameter_server_count",
    }
    counts = {own: raw[azure] for azure, own in names.items() if raw.get(azure) is not None}
    return {"type": kinds.get(str(raw.get("distributionType")), raw.get("distributionType")), **counts}
