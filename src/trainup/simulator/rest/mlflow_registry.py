"""MLflow's model registry over the models of a workspace, as `azureml-mlflow` asks for them.

Files are found by that client only among the artifacts of runs, at `azureml://artifacts/…`; those that lie elsewhere
have the address of their datastore, which `azure-ai-ml` reads. There are no aliases, and no stage but `None`.
"""

import operator
import re
from datetime import datetime
from typing import Any

from trainup.simulator.cloud import shape
from trainup.simulator.cloud.address import ML
from trainup.simulator.cloud.azure import Azure, Resource
from trainup.simulator.rest.mlflow_calls import MlflowError, arguments_of, page, routes
from trainup.simulator.rest.mlflow_filter import Condition, parse
from trainup.simulator.rest.routing import Request

VERSION = "2025-12-01"
"""API version of the resources that a client registers by MLflow."""
ARTIFACTS = "azureml://artifacts/"
_STORE = re.compile(r"azureml://(?:subscriptions/.+/)?datastores/workspaceartifactstore/(?:paths/)?")
_OF_RUN = re.compile(r"azureml://.+/runs/(?P<run>[^/]+)/artifacts/(?P<path>.+)")


def _model(azure: Azure, request: Request) -> Resource:
    name = str(arguments_of(request).get("name"))
    found = azure.find(f"{request.workspace}/models/{name}")
    if found is None:
        raise MlflowError(404, "RESOURCE_DOES_NOT_EXIST", f"Registered Model with name={name} not found")
    return found


def _version(azure: Azure, request: Request) -> Resource:
    name, version = (str(arguments_of(request).get(key)) for key in ("name", "version"))
    found = azure.find(f"{request.workspace}/models/{name}/versions/{version}")
    if found is None:
        raise MlflowError(404, "RESOURCE_DOES_NOT_EXIST", f"Model Version (name={name}, version={version}) not found")
    return found


def _versions(azure: Azure, under: str) -> list[Resource]:
    """The versions of a model, or of all, that are not archived; the newest first."""
    every = azure.resources(f"{ML}/models/versions", under)
    shown = [one for one in every if not shape.get(one, "properties.isArchived")]
    return sorted(shown, key=lambda one: str(shape.get(one, "systemData.createdAt")), reverse=True)


def _conditions(request: Request) -> list[Condition]:
    """The conditions of a search. `!=` is refused, by which MLflow 3 leaves out prompts whenever it lists models:

    https://github.com/Azure/azure-sdk-for-python/issues/42155
    """
    text = str(arguments_of(request).get("filter") or "")
    try:
        conditions = parse(text)
    except ValueError as error:
        raise MlflowError(400, "INVALID_PARAMETER_VALUE", str(error)) from error
    if any(condition.compare is operator.ne for condition in conditions):
        message = "Currently unsupported filter string format (we currently do not support OR)."
        raise MlflowError(400, "INVALID_PARAMETER_VALUE", f"{message} Provided filter string: {text}")
    return conditions


def _matching(conditions: list[Condition], bodies: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those that meet all conditions, which are on tags or on what MLflow tells of each."""
    return [
        body
        for body in bodies
        if all(
            condition.holds_in(
                {tag["key"]: tag["value"] for tag in body["tags"]} if condition.kind.startswith("tag") else body
            )
            for condition in conditions
        )
    ]


def _get_model(azure: Azure, request: Request) -> dict[str, Any]:
    return {"registered_model": _model_body(azure, _model(azure, request))}


def _search_models(azure: Azure, request: Request) -> dict[str, Any]:
    every = [_model_body(azure, one) for one in azure.resources(f"{ML}/models", request.workspace)]
    return page(request, "registered_models", _matching(_conditions(request), every), 100)


def _latest(azure: Azure, request: Request) -> dict[str, Any]:
    stages = arguments_of(request).get("stages") or ["None"]
    model = _model(azure, request)
    versions = _versions(azure, model["id"])[:1] if "none" in [str(stage).lower() for stage in stages] else []
    return {"model_versions": [_version_body(one) for one in versions]}


def _get_version(azure: Azure, request: Request) -> dict[str, Any]:
    return {"model_version": _version_body(_version(azure, request))}


def _search_versions(azure: Azure, request: Request) -> dict[str, Any]:
    every = [_version_body(one) for one in _versions(azure, request.workspace)]
    return page(request, "model_versions", _matching(_conditions(request), every), 10_000)


def _download_uri(azure: Azure, request: Request) -> dict[str, Any]:
    return {"artifact_uri": _version_body(_version(azure, request))["source"]}


def _create_model(azure: Azure, request: Request) -> dict[str, Any]:
    arguments = request.json()
    model = f"{request.workspace}/models/{arguments.get('name')}"
    if azure.find(model) is not None:
        raise MlflowError(400, "RESOURCE_ALREADY_EXISTS", f"Registered Model ({arguments.get('name')}) already exists.")
    properties = {"description": str(arguments.get("description") or ""), "tags": _tags(arguments)}
    return {"registered_model": _model_body(azure, azure.put(model, VERSION, {"properties": properties}))}


def _create_version(azure: Azure, request: Request) -> dict[str, Any]:
    arguments = request.json()
    model = _model(azure, request)
    numbers = [int(one["name"]) for one in _versions(azure, model["id"]) if str(one["name"]).isdecimal()]
    properties = {
        "modelType": "mlflow_model",
        "modelUri": _stored(str(arguments.get("source"))),
        "description": str(arguments.get("description") or ""),
        "tags": _tags(arguments),
        **({"jobName": str(arguments["run_id"])} if arguments.get("run_id") else {}),
    }
    version = f"{model['id']}/versions/{max(numbers, default=0) + 1}"
    return {"model_version": _version_body(azure.put(version, VERSION, {"properties": properties}))}


def _stored(source: str) -> str:
    """The address in the artifact store of what a client names by its run."""
    if match := _OF_RUN.fullmatch(source):
        source = f"{ARTIFACTS}ExperimentRun/dcid.{match['run']}/{match['path']}"
    return source.replace(ARTIFACTS, "azureml://datastores/workspaceartifactstore/paths/", 1)


def _tags(arguments: dict[str, Any]) -> dict[str, str]:
    return {str(tag["key"]): str(tag.get("value", "")) for tag in arguments.get("tags") or ()}


def _model_body(azure: Azure, model: Resource) -> dict[str, Any]:
    return {**_common(model), "latest_versions": [_version_body(one) for one in _versions(azure, model["id"])[:1]]}


def _version_body(version: Resource) -> dict[str, Any]:
    return {
        **_common(version),
        "name": version["id"].split("/")[-3],
        "version": version["name"],
        "current_stage": "None",
        "source": _STORE.sub(ARTIFACTS, str(shape.get(version, "properties.modelUri")), count=1),
        "run_id": shape.get(version, "properties.jobName") or "",
        "status": "READY",
    }


def _common(resource: Resource) -> dict[str, Any]:
    """What MLflow tells of a model and of a version alike; moments in milliseconds since the epoch."""
    moments = [datetime.fromisoformat(resource["systemData"][key]) for key in ("createdAt", "lastModifiedAt")]
    created, changed = (int(moment.timestamp() * 1000) for moment in moments)
    return {
        "name": resource["name"],
        "creation_timestamp": created,
        "last_updated_timestamp": changed,
        "description": shape.get(resource, "properties.description") or "",
        "tags": [{"key": key, "value": value} for key, value in (shape.get(resource, "properties.tags") or {}).items()],
    }


ROUTES = routes(
    {
        ("GET", "registered-models/get"): _get_model,
        ("GET", "registered-models/search"): _search_models,
        ("POST", "registered-models/search"): _search_models,
        ("GET", "registered-models/get-latest-versions"): _latest,
        ("POST", "registered-models/get-latest-versions"): _latest,
        ("POST", "registered-models/create"): _create_model,
        ("GET", "model-versions/get"): _get_version,
        ("GET", "model-versions/search"): _search_versions,
        ("GET", "model-versions/get-download-uri"): _download_uri,
        ("POST", "model-versions/create"): _create_version,
    }
)
