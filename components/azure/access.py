"""Who may use what a stack made."""

from typing import NotRequired, TypedDict

import pulumi

from trainup.components.azure.grants import grant
from trainup.core.roles import PrincipalType, Scope, submitter_roles


class AccessArgs(TypedDict):
    """Who submits runs, and to what."""

    principals: dict[str, PrincipalType]
    """Object id of each person, group or service → which of these it is."""

    workspace_id: pulumi.Input[str]
    """ARM id of the workspace."""

    storage_id: pulumi.Input[str]
    """ARM id of the workspace's storage account."""

    registry_id: NotRequired[pulumi.Input[str]]
    """ARM id of the registry that images are built for. Defaults to none."""

    vault_id: NotRequired[pulumi.Input[str]]
    """ARM id of the key vault that gets the secrets of runs. Defaults to none."""

    builds_in_registry: NotRequired[bool]
    """Whether the registry itself builds, rather than takes what is pushed. Defaults to false."""


class Access(pulumi.ComponentResource):
    """The roles that submitting runs takes, and no more. Costs nothing."""

    assignment_ids: pulumi.Output[list[str]]
    """ARM ids of the role assignments."""

    def __init__(self, name: str, args: AccessArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("trainup:index:Access", name, {}, opts)

        scopes = {Scope.WORKSPACE: args["workspace_id"], Scope.STORAGE: args["storage_id"]}
        if "registry_id" in args:
            scopes[Scope.REGISTRY] = args["registry_id"]
        if "vault_id" in args:
            scopes[Scope.VAULT] = args["vault_id"]
        roles = submitter_roles(
            registry="registry_id" in args,
            cloud_build=args.get("builds_in_registry", False),
            secrets="vault_id" in args,
        )

        assignments = [
            grant(
                f"{name}-{principal}-{scope}-{role.name.lower().replace('_', '-')}",
                role,
                scopes[scope],
                principal,
                parent=self,
                principal_type=kind,
            )
            for principal, kind in args["principals"].items()
            for role, scope in roles
        ]

        self.assignment_ids = pulumi.Output.all(*(assignment.id for assignment in assignments))
        self.register_outputs({"assignment_ids": self.assignment_ids})
