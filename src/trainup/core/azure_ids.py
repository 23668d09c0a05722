"""Parses and formats the resource ids of Azure's resource manager."""

import re
from dataclasses import dataclass

GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
NO_GUID = "it is 32 hexadecimal digits in groups of 8-4-4-4-12"

WORKSPACE = "Microsoft.MachineLearningServices/workspaces"
CLUSTER = "Microsoft.MachineLearningServices/workspaces/computes"
REGISTRY = "Microsoft.ContainerRegistry/registries"
STORAGE = "Microsoft.Storage/storageAccounts"
SUBNET = "Microsoft.Network/virtualNetworks/subnets"


@dataclass(frozen=True)
class AzureId:
    """One resource in a resource group."""

    subscription_id: str
    resource_group: str
    type: str
    """Such as `Microsoft.Storage/storageAccounts`."""
    names: tuple[str, ...]
    """One name for each part of the type after the first."""

    @property
    def name(self) -> str:
        """The last name: the resource's own."""
        return self.names[-1]

    def __str__(self) -> str:
        namespace, *types = self.type.split("/")
        path = "/".join(f"{kind}/{name}" for kind, name in zip(types, self.names, strict=True))
        return (
            f"/subscriptions/{self.subscription_id}/resourceGroups/{self.resource_group}/providers/{namespace}/{path}"
        )


def parse_id(text: str, kind: str) -> AzureId:
    """The parts of an id of this resource type; case does not matter. ValueError names the expected form."""
    namespace, *types = kind.split("/")
    path = "".join(rf"/{re.escape(part)}/([^/]+)" for part in types)
    match = re.fullmatch(
        rf"/subscriptions/({GUID.pattern})/resourceGroups/([^/]+)/providers/{re.escape(namespace)}{path}",
        text.rstrip("/"),
        re.IGNORECASE,
    )
    if match is None:
        form = "/".join(f"{part}/<name>" for part in types)
        raise ValueError(
            f"{text!r} is no id of {kind}: it has the form "
            f"/subscriptions/<id>/resourceGroups/<name>/providers/{namespace}/{form}"
        )
    subscription, _, group, *names = match.groups()
    return AzureId(subscription, group, kind, tuple(names))
