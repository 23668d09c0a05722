"""Tags on everything that can carry them, through one transform."""

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
    """The tags of this stack: what made it, and the user's own, which win."""
    return {"managed-by": "trainup", "project": pulumi.get_project(), "stack": pulumi.get_stack(), **own}


def tagged(args: pulumi.ResourceTransformArgs, tags: Mapping[str, str]) -> pulumi.ResourceTransformResult | None:
    """The resource with the tags, its own winning; None where it cannot carry any."""
    props: dict[str, Any] = dict(args.props)
    if args.type_ in TAGGED:
        props["tags"] = {**tags, **props.get("tags", {})}
    elif args.type_ in TAGGED_INSIDE and isinstance(inside := props.get("properties"), dict):
        props["properties"] = {**inside, "tags": {**tags, **inside.get("tags", {})}}
    else:
        return None
    # None keeps the options as they are; on the way back the SDK would lose a `delete_before_replace` of False.
    return pulumi.ResourceTransformResult(props=props, opts=cast(pulumi.ResourceOptions, None))


def tag_everything(own: Mapping[str, str]) -> None:
    """From here on, every resource of the stack is tagged."""
    tags = stack_tags(own)
    pulumi.runtime.register_resource_transform(lambda args: tagged(args, tags))
