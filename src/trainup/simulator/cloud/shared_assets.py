"""Registries of Azure ML, which share environments, data and models among workspaces of all tenants."""

import re
import threading
from dataclasses import dataclass, field
from typing import Any

PREFIX = "azureml://registries/"
SUBSCRIPTION = "5ab0f3e2-0000-4000-8000-0000000000ff"
"""The subscription that the registries lie in, which is not the user's."""
ENVIRONMENTS = "Microsoft.MachineLearningServices/workspaces/environments"
GROUP = "shared-registries"


CURATED = ("acpt-pytorch-2.8-cuda12.6", "lightgbm-3.3", "sklearn-1.5", "tensorflow-2.16-cuda12")
"""Some environments of the registry `azureml`, which every workspace has as well, as `AzureML-<name>`."""
_IN_WORKSPACE = re.compile(r"(.+/workspaces/[^/]+/environments/azureml-([^/]+))(?:/versions/([^/]+))?", re.IGNORECASE)


@dataclass
class SharedAssets:
    """The assets of all registries. Safe to use from several threads."""

    _versions: dict[str, dict[str, Any]] = field(default_factory=dict)
    _latest: dict[tuple[str, str, str], str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        for name in CURATED:
            self.share("azureml", "environments", name, "1", image=f"mcr.microsoft.com/azureml/curated/{name}:1")

    def share(self, registry: str, kind: str, name: str, version: str, **properties: Any) -> str:
        """Add the latest version of an asset; returns its `azureml://` address. `kind` is such as `environments`."""
        address = f"{PREFIX}{registry}/{kind}/{name}/versions/{version}"
        with self._lock:
            self._versions[address.lower()] = {"id": address, "name": version, "properties": properties}
            self._latest[registry.lower(), kind.lower(), name.lower()] = version
        return address

    def find(self, address: str) -> dict[str, Any] | None:
        """The version at an `azureml://` address, or the latest where it ends in the label; clients send both."""
        asset, _, label = address.lower().partition("/labels/")
        if label == "latest":
            registry, kind, name = asset.removeprefix(PREFIX).split("/")
            address = f"{asset}/versions/{self.latest(registry, kind, name)}"
        with self._lock:
            return self._versions.get(address.lower())

    def curated(self, resource_id: str) -> dict[str, Any] | None:
        """A curated environment, or one version of it, by its id in a workspace."""
        match = _IN_WORKSPACE.fullmatch(resource_id)
        version = self.latest("azureml", "environments", match[2]) if match else None
        if match is None or version is None:
            return None
        if match[3] is None:
            name, properties = f"AzureML-{match[2]}", {"latestVersion": version, "isArchived": False}
            return {"id": resource_id, "name": name, "type": ENVIRONMENTS, "properties": properties}
        shared = self.find(f"{PREFIX}azureml/environments/{match[2]}/versions/{match[3]}")
        return shared and {**shared, "id": resource_id, "type": f"{ENVIRONMENTS}/versions"}

    def latest(self, registry: str, kind: str, name: str) -> str | None:
        """The latest version of an asset; None if there is no such asset."""
        with self._lock:
            return self._latest.get((registry.lower(), kind.lower(), name.lower()))

    def has_registry(self, name: str) -> bool:
        """Whether there is such a registry."""
        with self._lock:
            return any(registry == name.lower() for registry, _, _ in self._latest)
