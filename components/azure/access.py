"""Who may use what a stack made: those who submit runs, and the nodes that run them."""

from typing import NotRequired, TypedDict

import pulumi

from trainup.components import arguments
from trainup.components.azure.role_assignments import assign, assign_shared
from trainup.core.azure_ids import STORAGE, parse_id
from trainup.core.roles import NODE_ROLES, PrincipalType, Scope, submitter_roles


class AccessArgs(TypedDict):
    """Who submits runs, and to what."""

    principals: dict[str, PrincipalType]
    """Object id of each person, group or service → which of these it is."""

    workspace_id: pulumi.Input[str]
    """ARM id of the workspace."""

    storage_id: pulumi.Input[str]
    """ARM id of the workspace's storage account."""

    registry_id: NotRequired[pulumi.Input[str] | None]
    """ARM id of the registry that images are built for. Defaults to none."""

    vault_id: NotRequired[pulumi.Input[str] | None]
    """ARM id of the key vault that gets the secrets of runs. Defaults to none."""

    builds_in_registry: NotRequired[bool | None]
    """Whether the registry itself builds, rather than takes what is pushed. Defaults to false."""

    cloud: NotRequired[str | None]
    """Azure's cloud by name, or the host of one that describes itself. Defaults to what the variables of
    azure-native say, or `public`."""


class Access(pulumi.ComponentResource):
    """The roles that submitting runs takes, and no more. Who has one already keeps it. Costs nothing."""

    assignment_ids: pulumi.Output[list[str]]
    """ARM ids of the role assignments."""

    def __init__(self, name: str, args: AccessArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("trainup:index:Access", name, {}, opts)
        arguments.check(self, args, AccessArgs)

        scopes = {Scope.WORKSPACE: args["workspace_id"], Scope.STORAGE: args["storage_id"]}
        registry, vault = args.get("registry_id"), args.get("vault_id")
        if registry is not None:
            scopes[Scope.REGISTRY] = registry
        if vault is not None:
            scopes[Scope.VAULT] = vault
        roles = submitter_roles(
            registry=registry is not None,
            cloud_build=args.get("builds_in_registry") or False,
            secrets=vault is not None,
        )

        assignments = [
            assign_shared(
                f"{name}-{principal}-{scope}-{role.name.lower().replace('_', '-')}",
                role,
                scopes[scope],
                principal,
                self,
                kind,
                args.get("cloud"),
            )
            for principal, kind in args["principals"].items()
            for role, scope in roles
        ]

        self.assignment_ids = pulumi.Output.all(*(assignment.id for assignment in assignments))
        self.register_outputs({"assignment_ids": self.assignment_ids})


class NodeAccessArgs(TypedDict):
    """Who nodes are, and what they use."""

    principal_id: pulumi.Input[str]
    """The nodes' identity as role assignments name it."""

    identity_id: NotRequired[pulumi.Input[str] | None]
    """ARM id of the same identity, where the stack made it. Defaults to one that others gave roles as well, as that of
    an existing cluster."""

    storage_id: NotRequired[pulumi.Input[str] | None]
    """ARM id of the account that runs write to. Defaults to none."""

    registry_id: NotRequired[pulumi.Input[str] | None]
    """ARM id of the registry that images are pulled from. Defaults to none."""

    vault_id: NotRequired[pulumi.Input[str] | None]
    """ARM id of the key vault with the secrets of runs. Defaults to none."""

    data_ids: NotRequired[list[str] | None]
    """ARM ids of the storage accounts with data; an account may be there for each thing in it. Defaults to none."""

    cloud: NotRequired[str | None]
    """Azure's cloud by name, or the host of one that describes itself. Defaults to what the variables of
    azure-native say, or `public`."""


class NodeAccess(pulumi.ComponentResource):
    """The roles that nodes need for what runs use, and no more. Costs nothing."""

    assignment_ids: pulumi.Output[list[str]]
    """ARM ids of the role assignments."""

    identity_id: pulumi.Output[str]
    """The identity for a new cluster, once it may pull images and write: a cluster that takes this is never made too
    early. Empty where none was given."""

    def __init__(self, name: str, args: NodeAccessArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("trainup:index:NodeAccess", name, {}, opts)
        arguments.check(self, args, NodeAccessArgs)

        # Azure ML asks for the right to pull when a cluster is made, and never again.
        first = [
            self._assign(name, args, scope, resource)
            for scope, resource in ((Scope.STORAGE, args.get("storage_id")), (Scope.REGISTRY, args.get("registry_id")))
            if resource is not None
        ]
        vault = args.get("vault_id")
        later = [self._assign(name, args, Scope.VAULT, vault)] if vault is not None else []
        # One spelling, so that it does not matter which thing in an account is taken out again.
        accounts = {parse_id(text.lower(), STORAGE).name: text.lower() for text in args.get("data_ids") or ()}
        later += [
            self._assign(f"{name}-{account}", args, Scope.DATA, account_id) for account, account_id in accounts.items()
        ]

        self.assignment_ids = pulumi.Output.all(*first, *later)
        self.identity_id = pulumi.Output.all(arguments.value_or(args.get("identity_id"), ""), *first).apply(
            lambda ids: str(ids[0])
        )
        self.register_outputs({"assignment_ids": self.assignment_ids, "identity_id": self.identity_id})

    def _assign(self, name: str, args: NodeAccessArgs, scope: Scope, resource: pulumi.Input[str]) -> pulumi.Output[str]:
        role_arguments = (f"{name}-{scope}", NODE_ROLES[scope], resource, args["principal_id"], self)
        assignment: pulumi.CustomResource = (
            assign(*role_arguments)
            if args.get("identity_id") is not None
            else assign_shared(*role_arguments, cloud=args.get("cloud"))
        )
        return assignment.id
