"""Adds the stack's tags to all resources that can have tags, by one resource transform."""

from collections.abc import Mapping
from typing import Any, cast

import pulumi

TAGGED = frozenset(
    f"azure-native:{kind}"
    for kind in (
        "applicationinsights:Component",
        "containerregistry:Registry",
        "keyvault:Vault",
        "machinelearningservices:Compute",
        "machinelearningservices:Workspace",
        "managedidentity:UserAssignedIdentity",
        "operationalinsights:Workspace",
        "resources:ResourceGroup",
        "storage:StorageAccount",
    )
)
TAGGED_INSIDE = frozenset(
    f"azure-native:machinelearningservices:{kind}" for kind in ("DataVersion", "Datastore", "EnvironmentVersion")
)
"""Kinds that keep their tags in `properties`."""


def stack_tags(own: Mapping[str, str]) -> dict[str, str]:
    """The tags of this stack; the user's own replace trainup's of the same name."""
    return {"managed-by": "trainup", "project": pulumi.get_project(), "stack": pulumi.get_stack(), **own}


def tagged(args: pulumi.ResourceTransformArgs, tags: Mapping[str, str]) -> pulumi.ResourceTransformResult | None:
    """The resource with the tags added to its own, which win; None where it cannot have any."""
    props: dict[str, Any] = dict(args.props)
    if args.type_ in TAGGED:
        props["tags"] = {**tags, **props.get("tags", {})}
    elif args.type_ in TAGGED_INSIDE and isinstance(inside := props.get("properties"), dict):
        props["properties"] = {**inside, "tags": {**tags, **inside.get("tags", {})}}
    else:
        return None
    # None leaves the options unchanged; if they were returned, the SDK would lose `delete_before_replace=False`.
    return pulumi.ResourceTransformResult(props=props, opts=cast(pulumi.ResourceOptions, None))


def tag_everything(own: Mapping[str, str]) -> None:
    """Tag every resource that is declared from now on."""
    tags = stack_tags(own)
    pulumi.runtime.register_resource_transform(lambda args: tagged(args, tags))
