"""The registry noun on Azure."""

from typing import NotRequired, TypedDict

import pulumi
from pulumi_azure_native import containerregistry, machinelearningservices

from trainup.components import arguments
from trainup.core.azure_ids import REGISTRY, parse_id
from trainup.core.azure_names import stem


class ContainerRegistryArgs(TypedDict):
    """Location and tier of a new registry, or the existing one to attach to."""

    location: str
    """Region, such as `koreacentral`."""

    resource_group_name: pulumi.Input[str]
    """Resource group of a new registry."""

    registry_id: NotRequired[pulumi.Input[str] | None]
    """ARM id of an existing registry to attach to. Defaults to a new one."""

    registry_name: NotRequired[str | None]
    """Name of a new registry. Defaults to one with a random suffix."""

    sku: NotRequired[pulumi.Input[str] | None]
    """Service tier. Defaults to `Basic`, about 5 US dollars a month."""

    protect: NotRequired[bool | None]
    """Whether a new registry is protected from deletion. Defaults to true."""


class ContainerRegistry(pulumi.ComponentResource):
    """A private registry that nodes reach by identity, never by password."""

    registry_id: pulumi.Output[str]
    """ARM id of the registry."""

    login_server: pulumi.Output[str]
    """Server that image references begin with."""

    def __init__(self, name: str, args: ContainerRegistryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("trainup:index:ContainerRegistry", name, {}, opts)
        arguments.check(self, args, ContainerRegistryArgs)

        if (existing := args.get("registry_id")) is not None:
            registry = containerregistry.Registry.get(
                f"{name}-registry", existing, opts=pulumi.ResourceOptions(parent=self)
            )
            # Older engines leave the id of an existing resource unknown in a preview; it is known from the argument.
            self.registry_id = pulumi.Output.from_input(existing).apply(lambda text: str(parse_id(text, REGISTRY)))
        else:
            registry = containerregistry.Registry(
                stem(name, 50, separator=""),
                registry_name=args.get("registry_name"),
                location=args["location"],
                resource_group_name=args["resource_group_name"],
                sku={"name": arguments.value_or(args.get("sku"), "Basic")},
                admin_user_enabled=False,
                anonymous_pull_enabled=False,
                opts=pulumi.ResourceOptions(parent=self, protect=arguments.value_or(args.get("protect"), True)),
            )
            self.registry_id = registry.id

        self.login_server = registry.login_server
        self.register_outputs({"registry_id": self.registry_id, "login_server": self.login_server})


class ExternalRegistryArgs(TypedDict):
    """A registry outside of Azure, and how to log in to it."""

    workspace_name: pulumi.Input[str]
    """The workspace whose nodes pull from it."""

    resource_group_name: pulumi.Input[str]
    """Resource group of the workspace."""

    server: str
    """Host name of the registry, such as `ghcr.io`."""

    username: pulumi.Input[str]
    """User name to log in with."""

    password: pulumi.Input[str]
    """Password or token to log in with; a secret."""


class ExternalRegistry(pulumi.ComponentResource):
    """A private registry without Azure identities: the workspace stores its password for the nodes."""

    connection_id: pulumi.Output[str]
    """ARM id of the connection that holds the login."""

    login_server: pulumi.Output[str]
    """Server that image references begin with."""

    def __init__(self, name: str, args: ExternalRegistryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("trainup:index:ExternalRegistry", name, {}, opts)
        arguments.check(self, args, ExternalRegistryArgs)

        connection = machinelearningservices.WorkspaceConnection(
            f"{name}-login",
            connection_name=stem(name, 32, "login"),
            resource_group_name=args["resource_group_name"],
            workspace_name=args["workspace_name"],
            properties=machinelearningservices.UsernamePasswordAuthTypeWorkspaceConnectionPropertiesArgs(
                auth_type="UsernamePassword",
                category="ContainerRegistry",
                target=args["server"],
                credentials=machinelearningservices.WorkspaceConnectionUsernamePasswordArgs(
                    username=args["username"],
                    password=pulumi.Output.secret(args["password"]),
                ),
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )

        self.connection_id = connection.id
        self.login_server = pulumi.Output.from_input(args["server"])
        self.register_outputs({"connection_id": self.connection_id, "login_server": self.login_server})
