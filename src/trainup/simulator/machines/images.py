"""Builds the images that Azure ML builds itself, and pulls images onto nodes if their identities may."""

from pathlib import Path
from typing import Any

from trainup.simulator.cloud import roles, shape
from trainup.simulator.cloud.azure import Azure, Resource
from trainup.simulator.machines.environments import BuildFailed, Environments
from trainup.simulator.machines.errors import Failed
from trainup.simulator.machines.files import Unreachable
from trainup.simulator.machines.identity import principals

BUILD_LOG = "azureml-logs/20_image_build_log.txt"
ENVIRONMENT = "Microsoft.MachineLearningServices/workspaces/environments/versions"


def environment_of(azure: Azure, job: dict[str, Any]) -> Resource:
    """The environment version of a job. Raises Failed if it does not exist."""
    environment = azure.find(job["environmentId"])
    if environment is None:
        raise Failed(f"The environment {job['environmentId']} does not exist.", "NotFound")
    return environment


def needs_build(environment: Resource) -> bool:
    """Whether Azure ML has to build an image first, because the environment has a build context or Conda packages."""
    own = environment["properties"]
    return bool(own.get("build") or own.get("condaFile")) and not environment.get("_built")


def name_of(environment: Resource) -> str:
    """The name of the environment that a version belongs to."""
    return str(environment["id"]).split("/")[-3]


def build(environments: Environments, environment: Resource, log: Path, refused: str | None) -> None:
    """Build an environment. Raises Failed, whose reason is only in the log, as in Azure ML."""
    try:
        if refused:
            raise BuildFailed(refused)
        environments.python_of(environment, log)
    except (BuildFailed, Unreachable) as failed:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a", encoding="utf-8") as file:
            file.write(f"{failed}\n")
        message = f"Image build failed. For more details, check log file {BUILD_LOG}."
        raise Failed(message, "ImageBuildFailure") from failed
    environment["_built"] = True


def pull(azure: Azure, environments: Environments, environment: Resource, cluster: str, log: Path) -> Path:
    """Pull an environment's image for a cluster; returns the folder of its programs. Raises Failed."""
    image = str(environment["properties"].get("image") or environment["id"])
    fault = azure.faults.take("PULL", ENVIRONMENT, name_of(environment))
    refused = (fault.error.message if fault and fault.error else None) or _refusal(azure, image, cluster)
    if refused:
        raise Failed(
            f"Job environment preparation failed. Failed to pull Docker image {image}. Error: {refused}",
            "EnvironmentPreparationFailed",
        )
    try:
        return environments.python_of(environment, log)
    except (BuildFailed, Unreachable) as failed:
        raise Failed(f"Job environment preparation failed. {failed}", "EnvironmentPreparationFailed") from failed


def _refusal(azure: Azure, image: str, cluster: str) -> str | None:
    """Why a simulated registry refuses a pull; None if it permits it, or if the image is from another registry."""
    server, _, rest = image.partition("/")
    registries = [
        registry
        for registry in azure.each("Microsoft.ContainerRegistry/registries")
        if shape.get(registry, "properties.loginServer") == server
    ]
    if not registries:
        return None
    pulling = principals(azure, cluster)
    if not any(
        shape.get(registry, "properties.anonymousPullEnabled")
        or any(azure.has_role(principal, roles.ACR_PULL, registry["id"]) for principal in pulling)
        for registry in registries
    ):
        return f"unauthorized: authentication required: 403 Forbidden from {server}"
    repository, _, digest = rest.partition("@")
    repository, _, tag = repository.partition(":")
    if azure.images.find(repository, digest or tag or "latest") is None:
        return f"manifest for {image} not found: manifest unknown"
    return None
