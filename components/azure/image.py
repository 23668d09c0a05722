"""The image noun on Azure."""

from typing import NotRequired, TypedDict

import pulumi
from pulumi_azure_native import machinelearningservices

from trainup.components import arguments
from trainup.components.resources import Image
from trainup.core.choices import OnInterrupt
from trainup.core.images import NODE_PLATFORM, ImageBuilder, environment_version, managed_reference, parse_reference

DEFAULT_ENVIRONMENT = "fastai2"
"""The platform of Azure's nodes, whatever machine builds the image."""


class CustomImageArgs(TypedDict):
    """What the image of the runs is built from, and by which builder."""

    workspace_name: pulumi.Input[str]
    """The workspace that keeps the environment."""

    resource_group_name: pulumi.Input[str]
    """Resource group of the workspace."""

    builder: NotRequired[ImageBuilder | None]
    """`acr`, `docker` or `prebuilt`. Defaults to `acr`."""

    environment_name: NotRequired[str | None]
    """Name of the environment. Defaults to `fastai2`."""

    registry_id: NotRequired[pulumi.Input[str] | None]
    """ARM id of the registry that builds; needed by `acr`."""

    login_server: NotRequired[pulumi.Input[str] | None]
    """Host name of the registry that the image goes to; needed by `acr` and `docker`."""

    repository: NotRequired[str | None]
    """Repository of the image in the registry. Defaults to the environment's name."""

    context: NotRequired[str | None]
    """Folder that the Dockerfile copies from: for `acr` relative to the folder of Pulumi.yaml, for `docker` to the
    program's. Defaults to that folder itself. What its `.dockerignore` excludes is neither sent nor part of the
    image's identity."""

    dockerfile: NotRequired[str | None]
    """Path of the Dockerfile, relative to the same folder. Defaults to `Dockerfile` in the context."""

    dockerfile_text: NotRequired[str | None]
    """The Dockerfile itself, instead of its path; only for `acr`."""

    arguments: NotRequired[dict[str, str] | None]
    """Build arguments, readable by everyone who may pull the image. Defaults to none."""

    timeout: NotRequired[str | None]
    """Time limit of a build by `acr`, from `5m` to `8h`. Defaults to `1h`."""

    on_interrupt: NotRequired[OnInterrupt | None]
    """What Ctrl-C does to a build by `acr`: `detach` lets it go on, and the next `up` attaches; `cancel` stops it.
    Defaults to `detach`."""

    allow_secrets: NotRequired[list[str] | None]
    """Files and lines that only look like secrets to `acr`, as `path` or `path:line`. Defaults to none."""

    reference: NotRequired[str | None]
    """The existing image; needed by `prebuilt`. A tag is resolved to a digest once."""

    username: NotRequired[pulumi.Input[str] | None]
    """User name to look up the tag of a private image with. Defaults to nobody."""

    password: NotRequired[pulumi.Input[str] | None]
    """Password of that user; a secret."""

    conda: NotRequired[str | None]
    """Conda file, as YAML text, that Azure ML installs on top of the image. Defaults to the image as it is."""

    cloud: NotRequired[str | None]
    """Azure's cloud by name, or the host of one that describes itself. Defaults to what the variables of
    azure-native say, or `public`."""


class CustomImage(pulumi.ComponentResource):
    """An image by digest, and an environment of that content.

    It is built again only when the context, the Dockerfile or the arguments changed. A build in the cloud costs
    cents; an image lies in the registry until the registry is deleted.
    """

    reference: pulumi.Output[str]
    """The image by digest; where Azure ML installs packages on top of it, the digest covers them too."""

    environment_id: pulumi.Output[str]
    """ARM id of the environment's version."""

    def __init__(self, name: str, args: CustomImageArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("trainup:index:CustomImage", name, {}, opts)
        arguments.check(self, args, CustomImageArgs)

        environment_name, conda = args.get("environment_name") or DEFAULT_ENVIRONMENT, args.get("conda")
        match args.get("builder") or ImageBuilder.ACR:
            case ImageBuilder.ACR:
                image = self._build_in_registry(name, args)
            case ImageBuilder.DOCKER:
                image = self._build_with_docker(name, args)
            case _:
                image = self._find(name, args)

        # Stacks may share a workspace: with its owner in the version, no stack deletes the environment of another.
        owner = f"{pulumi.get_project()}/{pulumi.get_stack()}"
        environment = machinelearningservices.EnvironmentVersion(
            f"{name}-environment",
            name=environment_name,
            version=image.apply(lambda reference: environment_version(reference, conda, owner)),
            resource_group_name=args["resource_group_name"],
            workspace_name=args["workspace_name"],
            properties={"image": image, "os_type": "Linux"} | ({"conda_file": conda} if conda is not None else {}),
            # The version is derived from the content, so a replacement can exist beside the old version.
            opts=pulumi.ResourceOptions(parent=self, delete_before_replace=False),
        )

        self.reference = image
        if conda is not None:
            self.reference = image.apply(lambda reference: managed_reference(environment_name, reference, conda))
        self.environment_id = environment.id
        self.register_outputs({"reference": self.reference, "environment_id": self.environment_id})

    def _build_in_registry(self, name: str, args: CustomImageArgs) -> pulumi.Output[str]:
        arguments.require(self, args, ("registry_id", "login_server"), "the builder `acr` puts the image there")
        image = Image(
            f"{name}-build",
            {
                "builder": "acr",
                "registry_id": args.get("registry_id"),
                "login_server": args.get("login_server"),
                "repository": _repository(args),
                "context": args.get("context") or ".",
                "dockerfile": args.get("dockerfile"),
                "dockerfile_text": args.get("dockerfile_text"),
                "arguments": args.get("arguments"),
                "platform": NODE_PLATFORM,
                "timeout": args.get("timeout"),
                "on_interrupt": args.get("on_interrupt"),
                "allow_secrets": args.get("allow_secrets"),
                "cloud": args.get("cloud"),
            },
            opts=pulumi.ResourceOptions(parent=self),
        )
        return image.reference

    def _build_with_docker(self, name: str, args: CustomImageArgs) -> pulumi.Output[str]:
        # Imported only here: it takes 0.2 s, in every preview.
        import pulumi_docker

        arguments.require(self, args, ("login_server",), "the builder `docker` pushes the image there")
        image = pulumi_docker.Image(
            f"{name}-build",
            image_name=pulumi.Output.concat(
                args.get("login_server") or "", "/", _repository(args), ":", pulumi.get_stack()
            ),
            build={
                "context": args.get("context") or ".",
                "dockerfile": args.get("dockerfile"),
                "args": args.get("arguments"),
                "platform": NODE_PLATFORM,
            },
            opts=pulumi.ResourceOptions(parent=self),
        )
        digest: pulumi.Output[str] = image.repo_digest
        return digest

    def _find(self, name: str, args: CustomImageArgs) -> pulumi.Output[str]:
        arguments.require(self, args, ("reference",), "the builder `prebuilt` takes the image that it names")
        reference = args.get("reference") or ""
        if parse_reference(reference).digest:
            return pulumi.Output.from_input(reference)
        image = Image(
            f"{name}-lookup",
            {
                "builder": "prebuilt",
                "image": reference,
                "username": args.get("username"),
                "password": args.get("password"),
                "platform": NODE_PLATFORM,
                "cloud": args.get("cloud"),
            },
            opts=pulumi.ResourceOptions(parent=self),
        )
        return image.reference


def _repository(args: CustomImageArgs) -> str:
    return args.get("repository") or (args.get("environment_name") or DEFAULT_ENVIRONMENT).lower()
