"""The images of an Azure stack as arguments of `CustomImage`."""

import os
from pathlib import Path

from pulumi.runtime import get_root_directory

from trainup.components.azure.image import CustomImageArgs
from trainup.components.azure.workspace import Workspace
from trainup.core.images import ImageBuilder, conda_from_pip
from trainup.core.texts import decode
from trainup.infra.azure_image_settings import AzureImageSettings
from trainup.infra.job_images import JobImage


def image_args(settings: AzureImageSettings, workspace: Workspace) -> CustomImageArgs:
    """The image settings as arguments of `CustomImage`; the Conda file is replaced by its text."""
    root = Path(get_root_directory())
    context, dockerfile = _paths(settings.builder, settings.folder, settings.dockerfile_path)
    conda = decode((root / settings.conda).read_bytes()) if settings.conda else None
    return {
        "workspace_name": workspace.name,
        "resource_group_name": workspace.resource_group_name,
        "builder": settings.builder,
        "environment_name": settings.environment,
        "repository": settings.repository,
        "context": context,
        "dockerfile": None if settings.dockerfile_text else dockerfile,
        "dockerfile_text": settings.dockerfile_text,
        "arguments": settings.arguments,
        "timeout": settings.timeout,
        "on_interrupt": settings.on_interrupt,
        "allow_secrets": settings.allow_secrets,
        "reference": settings.reference,
        "conda": conda_from_pip(settings.pip) if settings.pip else conda,
    }


def job_image_args(settings: AzureImageSettings, own: JobImage, stack_image: CustomImageArgs) -> CustomImageArgs:
    """The arguments of an image that a job file builds: those of the stack's image, but for what it is built from."""
    context, dockerfile = _paths(settings.builder, own.context, own.dockerfile)
    repository = f"{settings.repository or settings.environment.lower()}-{own.name}"
    args: CustomImageArgs = {**stack_image, "context": context, "dockerfile": dockerfile, "repository": repository}
    args["environment_name"] = f"{settings.environment}-{own.name}"
    args["dockerfile_text"] = args["arguments"] = args["reference"] = args["conda"] = None
    return args


def _paths(builder: ImageBuilder, *paths: str) -> list[str]:
    """Paths relative to the project's folder, as the builder takes them: the docker provider, to the program's."""
    root = Path(get_root_directory())
    return [os.path.relpath(root / path) for path in paths] if builder is ImageBuilder.DOCKER else list(paths)
