"""The roles on a stack's resources: of the people who submit runs, and of the nodes that run them."""

from typing import NotRequired, TypedDict

import pulumi

from trainup.components import arguments
from trainup.components.azure.role_assignments import assign, assign_shared
from trainup.core.azure_ids import STORAGE, parse_id
from trainup.core.roles import NODE_ROLES, PrincipalType, Scope, submitter_roles


class AccessArgs(TypedDict):
    """Who submits runs, and the resources that they need roles on."""

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
    """Whether images are built in the registry rather than pushed to it. Defaults to false."""

    cloud: NotRequired[str | None]
    """Azure's cloud by name, or the host of one that describes itself. Defaults to what the variables of
    azure-native say, or `public`."""


class Access(pulumi.ComponentResource):
    """The least roles with which principals can submit runs. A role that somebody has already is left as it is. Costs
    nothing."""

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
    """The identity of the nodes, and the resources that their runs use."""

    principal_id: pulumi.Input[str]
    """Principal id of the nodes' identity, which role assignments refer to."""

    identity_id: NotRequired[pulumi.Input[str] | None]
    """ARM id of the same identity, where the stack created it. Without it the identity is taken for one that may have
    roles from elsewhere, such as that of an existing cluster."""

    storage_id: NotRequired[pulumi.Input[str] | None]
    """ARM id of the account that runs write to. Defaults to none."""

    registry_id: NotRequired[pulumi.Input[str] | None]
    """ARM id of the registry that images are pulled from. Defaults to none."""

    vault_id: NotRequired[pulumi.Input[str] | None]
    """ARM id of the key vault with the secrets of runs. Defaults to none."""

    data_ids: NotRequired[list[str] | None]
    """ARM ids of the storage accounts with data; the same account may be listed several times. Defaults to none."""

    cloud: NotRequired[str | None]
    """Azure's cloud by name, or the host of one that describes itself. Defaults to what the variables of
    azure-native say, or `public`."""


class NodeAccess(pulumi.ComponentResource):
    """The least roles that nodes need for what their runs use. Costs nothing."""

    assignment_ids: pulumi.Output[list[str]]
    """ARM ids of the role assignments."""

    identity_id: pulumi.Output[str]
    """ARM id of the identity for a new cluster. It is known once the identity may pull images and write, so that the
    cluster is not created before. Empty where `identity_id` is not set."""

    def __init__(self, name: str, args: NodeAccessArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("trainup:index:NodeAccess", name, {}, opts)
        arguments.check(self, args, NodeAccessArgs)

        # Azure ML checks the right to pull images only when a cluster is created.
        first = [
            self._assign(name, args, scope, resource)
            for scope, resource in ((Scope.STORAGE, args.get("storage_id")), (Scope.REGISTRY, args.get("registry_id")))
            if resource is not None
        ]
        vault = args.get("vault_id")
        later = [self._assign(name, args, Scope.VAULT, vault)] if vault is not None else []
        # In lower case, so that an account has one role assignment, whichever of its data is removed later.
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
