"""Anonymous environments for jobs that name an image, registered as the official client does."""

from trainup.core.images import environment_version
from trainup.jobs.azure.http.client import AzureError
from trainup.jobs.azure.platform.workspace import Workspace

ANONYMOUS = "CliV2AnonymousEnvironment"
REFERENCE = "azureml:"


def environment_id(workspace: str, image: str, conda: str | None = None) -> str:
    """The id of the environment for an image, for `azureml:name:version` or for `azureml://…` (a registry).

    With `conda`, Azure ML installs the packages of this Conda file (YAML) on top of the image.
    """
    if image.startswith(f"{REFERENCE}//"):
        return image
    if image.startswith(f"{REFERENCE}/"):
        return image.removeprefix(REFERENCE)
    if image.startswith(REFERENCE):
        name, _, version = image.removeprefix(REFERENCE).partition(":")
        return f"{workspace}/environments/{name}/versions/{version}"
    return f"{workspace}/environments/{ANONYMOUS}/versions/{environment_version(image, conda)}"


def ensure(workspace: Workspace, image: str, conda: str | None = None) -> str:
    """The id of the environment for an image, which is registered if it does not exist. Raises AzureError."""
    resource_id = environment_id(workspace.id, image, conda)
    if image.startswith(REFERENCE):
        return resource_id
    if workspace.client.find(resource_id) is None:
        body = {"image": image, "osType": "Linux", "isAnonymous": True}
        if conda is not None:
            body["condaFile"] = conda
        try:
            workspace.client.put(resource_id, {"properties": body})
        except AzureError as error:
            if error.status != 409:  # somebody else registers the same image, whose version has the same name
                raise
    return resource_id
