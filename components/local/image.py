"""The image noun on this machine."""

from typing import NotRequired, TypedDict

import pulumi

from trainup.components import arguments
from trainup.components.resources import Image


class LocalImageArgs(TypedDict):
    """The requirements and Python version of the runs' environment."""

    workspace_id: pulumi.Input[str]
    """The workspace, a folder."""

    requirements: NotRequired[pulumi.Input[str] | None]
    """Requirements file in pip's format, relative to the folder of Pulumi.yaml. Defaults to no packages."""

    python: NotRequired[pulumi.Input[str] | None]
    """Python version, such as `3.11`. Defaults to the version that trainup runs on."""

    allow_secrets: NotRequired[list[str] | None]
    """Lines of the requirements that only look like secrets, as `path` or `path:line`. Defaults to none."""


class LocalImage(pulumi.ComponentResource):
    """A virtual environment, built once by uv and named by its content."""

    reference: pulumi.Output[str]
    """The image by digest, `venv@sha256:…`."""

    environment_id: pulumi.Output[str]
    """The folder of the environment."""

    def __init__(self, name: str, args: LocalImageArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("trainup:index:LocalImage", name, {}, opts)
        arguments.check(self, args, LocalImageArgs)

        image = Image(
            f"{name}-venv",
            {
                "workspace": args["workspace_id"],
                "builder": "venv",
                "requirements": args.get("requirements"),
                "python": args.get("python"),
                "allow_secrets": args.get("allow_secrets"),
            },
            opts=pulumi.ResourceOptions(parent=self),
        )

        self.reference = image.reference
        self.environment_id = image.environment_id
        self.register_outputs({"reference": self.reference, "environment_id": self.environment_id})
