"""The version that the label `latest` of an asset stands for, in a workspace or in a registry of Azure ML."""

from collections.abc import Mapping
from typing import Any

from trainup.core import suggest
from trainup.core.job_files.assets import Label
from trainup.jobs.azure.http.client import AzureClient
from trainup.jobs.azure.platform.workspace import Workspace
from trainup.jobs.target import TargetError

DATA_PLANE = "2021-10-01-dataplanepreview"
"""Version of the API by which registries of Azure ML are read, as the official client 1.35.2 reads them."""
KINDS = {"environments": "environment", "data": "data asset", "models": "model"}
"""The collections of assets, and what one asset of each is called."""


def latest(workspace: Workspace, label: Label, kind: str) -> str:
    """The name of the version that a label stands for; `kind` is one of KINDS.

    Raises TargetError where there is no such asset, and AzureError where Azure cannot be asked.
    """
    client = workspace.client
    if label.registry:
        collection, version = f"{_registry(workspace, label.registry)}/{kind}", {"version": DATA_PLANE}
        place = f"the registry {label.registry}"
    else:
        collection, version = f"{label.workspace or workspace.id}/{kind}", {}
        place = f"the workspace {(label.workspace or workspace.id).rpartition('/')[2]}"
    asset = client.find(f"{collection}/{label.name}", **version)
    if asset is None:
        raise TargetError(
            f"{label.text} was given, and {place} has no such {KINDS[kind]}{_others(client, label, collection)}"
        )
    number = (asset.get("properties") or {}).get("latestVersion")
    if not number:
        raise TargetError(f"{label.text} was given, and {place} has no version of this {KINDS[kind]}: register one")
    return label.at(str(number))


def _others(client: AzureClient, label: Label, collection: str) -> str:
    """The end of the sentence: which asset may be meant. A registry may have thousands, and is not listed."""
    if label.registry:
        return ": correct the name"
    names = [str(item.get("name")) for item in client.pages(collection)]
    guess = suggest.nearest(label.name, names)
    return f": did you mean {guess}?" if guess else f"; there are {', '.join(sorted(names)[:10]) or 'none'}"


def _registry(workspace: Workspace, name: str) -> str:
    """The address of a registry's assets, which the service tells in the workspace's region."""
    found = workspace.client.find(f"{workspace.api}/registrymanagement/v1.0/registries/{name}/discovery", version="")
    if found is None:
        raise TargetError(f"there is no registry {name} of Azure ML that this login may see: correct the name")
    return _assets_of(name, found)


def _assets_of(name: str, found: Mapping[str, Any]) -> str:
    service = str(found["primaryRegionResourceProviderUri"]).rstrip("/")
    return (
        f"{service}/mferp/managementfrontend/subscriptions/{found['subscriptionId']}"
        f"/resourceGroups/{found['resourceGroup']}/providers/Microsoft.MachineLearningServices/registries/{name}"
    )
