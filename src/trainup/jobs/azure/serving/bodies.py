"""The bodies of an endpoint, a deployment and a model version, as Azure ML takes them."""

from collections.abc import Mapping
from typing import Any

from trainup.core.canonical import sha256
from trainup.core.duration import iso_duration
from trainup.core.serving import INSTANCE_TYPE, EndpointInputs
from trainup.jobs.local.links import address_of
from trainup.jobs.serving.deployment import Deployment

ENTRY = "trainup_entry.py"
"""The entry script of every deployment, beside the user's own one."""
AUTH_MODES = {"aad_token": "AADToken", "key": "Key"}
OWNER, NEWEST = "trainup-owner", "trainup-deployment"
"""Tags of an endpoint: whose it is, and the deployment that was made last."""
NAME_MAX = 32


def endpoint_name(workspace: str, name: str) -> str:
    """The name of an endpoint on Azure: unique in its region, so it ends in six digits of the workspace's own."""
    return f"{name[: NAME_MAX - 7].rstrip('-')}-{sha256(workspace.lower())[:6]}"


def endpoint(
    inputs: EndpointInputs,
    location: str,
    owner: str,
    traffic: Mapping[str, int],
    mirror: Mapping[str, int],
    newest: str,
) -> dict[str, Any]:
    """The body of an endpoint."""
    properties: dict[str, Any] = {"authMode": AUTH_MODES[inputs.auth_mode], "publicNetworkAccess": "Enabled"}
    if traffic:
        properties["traffic"] = dict(traffic)
    if mirror:
        properties["mirrorTraffic"] = dict(mirror)
    tags = {OWNER: owner} | ({NEWEST: newest} if newest else {})
    # Azure ML gives this identity the roles to pull the image and to read the model.
    return {"location": location, "identity": {"type": "SystemAssigned"}, "properties": properties, "tags": tags}


def deployment(
    made: Deployment, inputs: EndpointInputs, environment: str, location: str, code: str, model: str | None
) -> dict[str, Any]:
    """The body of a deployment."""
    properties: dict[str, Any] = {
        "endpointComputeType": "Managed",
        "environmentId": environment,
        "codeConfiguration": {"codeId": code, "scoringScript": ENTRY},
        "instanceType": inputs.instance_type or INSTANCE_TYPE,
        "requestSettings": {"requestTimeout": iso_duration(round(made.request_seconds))},
        "scaleSettings": {"scaleType": "Default"},
        "environmentVariables": {
            **made.variables,
            "TRAINUP_SCORING_SCRIPT": made.script,
            "TRAINUP_SAMPLES": made.samples,
            "SCORING_TIMEOUT_MS": str(round(made.request_seconds * 1000)),
        },
    }
    if model:
        properties["model"] = model
    return {"location": location, "sku": {"name": "Default", "capacity": made.instances}, "properties": properties}


def model(workspace: str, model: Mapping[str, Any]) -> dict[str, Any]:
    """The body of a model version for what a run left behind."""
    uri = address_of({**model, "uri": str(model["uri"]).rstrip("/")})
    return {"properties": {"modelUri": _whole(workspace, uri), "modelType": "custom_model"}}


def is_in_datastore(workspace: str, uri: str) -> bool:
    """Whether an address is in a datastore of the workspace."""
    return _whole(workspace, uri).lower().startswith(f"{_place(workspace)}/datastores/".lower())


def _whole(workspace: str, uri: str) -> str:
    """The address of a datastore with that of its workspace, as the resource manager wants it."""
    if not uri.startswith("azureml://datastores/"):
        return uri
    return f"{_place(workspace)}/{uri.removeprefix('azureml://')}"


def _place(workspace: str) -> str:
    _, _, subscription, _, group, *_, name = workspace.split("/")
    return f"azureml://subscriptions/{subscription}/resourcegroups/{group}/workspaces/{name}"
