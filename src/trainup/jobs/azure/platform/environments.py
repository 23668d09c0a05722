"""Environments for jobs that name an image and no environment: as the official client registers them."""

from trainup.core.images import environment_version
from trainup.jobs.azure.platform.workspace import Workspace

ANONYMOUS = "CliV2AnonymousEnvironment"
REFERENCE = "azureml:"


def environment_id(workspace: str, image: str) -> str:
    """The id of an image's environment: `azureml:name:version` names one that exists, `azureml://…` one elsewhere."""
    if image.startswith(f"{REFERENCE}//"):
        return image
    if image.startswith(f"{REFERENCE}/"):
        return image.removeprefix(REFERENCE)
    if image.startswith(REFERENCE):
        name, _, version = image.removeprefix(REFERENCE).partition(":")
        return f"{workspace}/environments/{name}/versions/{version}"
    return f"{workspace}/environments/{ANONYMOUS}/versions/{environment_version(image)}"


def ensure(workspace: Workspace, image: str) -> str:
    """The id of the image's environment, registered if it has to be."""
    wanted = environment_id(workspace.id, image)
    if image.startswith(REFERENCE):
        return wanted
    if workspace.client.find(wanted) is None:
        body = {"image": image, "osType": "Linux", "isAnonymous": True}
        workspace.client.put(wanted, {"properties": body})
    return wanted
