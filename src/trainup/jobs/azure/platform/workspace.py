"""One workspace of Azure ML: where its services are, and what is around it."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trainup.core.clusters import ClusterStatus, cluster_status
from trainup.jobs.azure.http.blobs import Blobs
from trainup.jobs.azure.http.client import AzureClient, AzureError

STORAGE_VERSION = "2024-01-01"
VAULT_VERSION = "2024-11-01"
HISTORY_VERSION = "v1.0"
STORAGE_SCOPE = "https://storage.azure.com/.default"
"""The same in every cloud."""
DEFAULT_STORE = "workspaceblobstore"
ARTIFACTS = "workspaceartifactstore"


@dataclass(frozen=True)
class Compute:
    """A cluster as jobs need it."""

    status: ClusterStatus
    client_id: str | None
    """Of its user-assigned identity, if it has exactly one."""
    size: str


class Workspace:
    """A workspace by its ARM id; facts are asked for when they are needed, and once. Threads may share one."""

    def __init__(self, client: AzureClient, workspace_id: str) -> None:
        self.client, self.id = client, workspace_id.rstrip("/")
        self._known: dict[str, Any] = {}
        self._lock = threading.RLock()

    @property
    def facts(self) -> Mapping[str, Any]:
        """The workspace's own properties."""
        return dict(self._once("facts", lambda: self.client.get(self.id)["properties"]))

    @property
    def api(self) -> str:
        """The address of its data planes: run history, MLflow, artifacts."""

        def discover() -> str:
            found = self.client.send("GET", self.facts["discoveryUrl"], version="", signed=True).json()
            return str(found["api"]).rstrip("/")

        return str(self._once("api", discover))

    def history(self, path: str) -> str:
        """An address of the run history."""
        return f"{self.api}/history/v1.0{self.id}/{path}"

    def artifacts(self, name: str) -> str:
        """The address of the files that a job left behind."""
        return f"{self.api}/artifact/v2.0{self.id}/artifacts/ExperimentRun/dcid.{name}"

    @property
    def mlflow(self) -> str:
        """The tracking server's REST API."""
        return f"{self.api}/mlflow/v2.0{self.id}/api/2.0/mlflow"

    def job(self, name: str) -> str:
        """The ARM id of a job."""
        return f"{self.id}/jobs/{name}"

    def compute(self, compute_id: str) -> Compute | None:
        """A cluster as it stands now; None when it is gone."""
        found = self.client.find(compute_id)
        if found is None:
            return None
        identities = list(((found.get("identity") or {}).get("userAssignedIdentities") or {}).values())
        inner = (found.get("properties") or {}).get("properties") or {}
        return Compute(
            cluster_status(found),
            str(identities[0]["clientId"]) if len(identities) == 1 and identities[0].get("clientId") else None,
            str(inner.get("vmSize", "")),
        )

    def datastore(self, name: str) -> tuple[str, str]:
        """(address of the blob container, its name) of a datastore."""
        return self._once(f"datastore {name}", lambda: self._datastore(name))  # type: ignore[no-any-return]

    def _datastore(self, name: str) -> tuple[str, str]:
        store = self.client.get(f"{self.id}/datastores/{name}")["properties"]
        account, container = store.get("accountName"), store.get("containerName")
        if not account or not container:
            raise AzureError(f"the datastore {name} is no blob container, and nothing else can be read here")
        own = str(self.facts.get("storageAccount", ""))
        if own.rsplit("/", 1)[-1].lower() == account.lower():
            endpoints = self.client.get(own, version=STORAGE_VERSION)["properties"].get("primaryEndpoints") or {}
            if endpoints.get("blob"):
                return f"{endpoints['blob'].rstrip('/')}/{container}", container
        suffix = store.get("endpoint") or self.client.endpoints.storage_suffix
        return f"{store.get('protocol') or 'https'}://{account}.blob.{suffix}/{container}", container

    @property
    def vault_uri(self) -> str:
        """The address of the workspace's key vault."""

        def find() -> str:
            vault = self.client.get(str(self.facts["keyVault"]), version=VAULT_VERSION)
            return str(vault["properties"]["vaultUri"]).rstrip("/")

        return str(self._once("vault", find))

    @property
    def blobs(self) -> Blobs:
        """The workspace's blobs, by token."""
        return self._once(  # type: ignore[no-any-return]
            "blobs", lambda: Blobs(self.client.for_scope(STORAGE_SCOPE), signed=False)
        )

    @property
    def told_blobs(self) -> Blobs:
        """Blobs at addresses that the service tells: opened by the signature in them, or else by token."""
        return Blobs(self.client, by_token=lambda: self.blobs)

    @property
    def vault_client(self) -> AzureClient:
        """A client with tokens for the key vault."""
        return self._once(  # type: ignore[no-any-return]
            "vault client", lambda: self.client.for_scope(f"{self.client.endpoints.vault_audience}/.default")
        )

    def _once(self, name: str, find: Any) -> Any:
        with self._lock:
            if name not in self._known:
                self._known[name] = find()
            return self._known[name]
