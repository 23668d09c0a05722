"""One Azure ML workspace: the addresses of its services, datastores, clusters and vault."""

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
"""Scope of tokens for storage, which is the same in every cloud."""
DEFAULT_STORE = "workspaceblobstore"
ARTIFACTS = "workspaceartifactstore"


@dataclass(frozen=True)
class Compute:
    """The properties of a cluster that matter for jobs."""

    status: ClusterStatus
    client_id: str | None
    """Client id of its user-assigned identity, if it has exactly one."""
    size: str
    location: str = ""
    spot: bool = False
    most_nodes: int = 0
    """To how many nodes it grows; 0 where it is not told."""


class Workspace:
    """A workspace by its resource id. Its properties are read on demand and cached; all methods may raise AzureError.

    Safe to use from several threads.
    """

    def __init__(self, client: AzureClient, workspace_id: str) -> None:
        self.client, self.id = client, workspace_id.rstrip("/")
        self._cache: dict[str, Any] = {}
        self._lock = threading.RLock()

    @property
    def facts(self) -> Mapping[str, Any]:
        """The workspace's own properties."""
        return dict(self._resource["properties"])

    @property
    def location(self) -> str:
        """Its region."""
        return str(self._resource.get("location") or "")

    @property
    def _resource(self) -> dict[str, Any]:
        return self._once("resource", lambda: self.client.get(self.id))  # type: ignore[no-any-return]

    @property
    def api(self) -> str:
        """Base URL of its data planes: run history, MLflow, artifacts."""

        def discover() -> str:
            services = self.client.send("GET", self.facts["discoveryUrl"], version="", signed=True).json()
            return str(services["api"]).rstrip("/")

        return str(self._once("api", discover))

    def history(self, path: str) -> str:
        """URL of a path in the run history."""
        return f"{self.api}/history/v1.0{self.id}/{path}"

    def artifacts(self, name: str) -> str:
        """URL of a job's artifacts."""
        return f"{self.api}/artifact/v2.0{self.id}/artifacts/ExperimentRun/dcid.{name}"

    @property
    def mlflow(self) -> str:
        """URL of the tracking server's REST API."""
        return f"{self.api}/mlflow/v2.0{self.id}/api/2.0/mlflow"

    def job(self, name: str) -> str:
        """The resource id of a job."""
        return f"{self.id}/jobs/{name}"

    def schedule(self, name: str) -> str:
        """The resource id of a schedule."""
        return f"{self.id}/schedules/{name}"

    def compute(self, compute_id: str) -> Compute | None:
        """The current state of a cluster; None if it is gone."""
        resource = self.client.find(compute_id)
        if resource is None:
            return None
        identities = list(((resource.get("identity") or {}).get("userAssignedIdentities") or {}).values())
        inner = (resource.get("properties") or {}).get("properties") or {}
        return Compute(
            cluster_status(resource),
            str(identities[0]["clientId"]) if len(identities) == 1 and identities[0].get("clientId") else None,
            str(inner.get("vmSize", "")),
            str(resource.get("location") or ""),
            inner.get("vmPriority") == "LowPriority",
            int((inner.get("scaleSettings") or {}).get("maxNodeCount") or 0),
        )

    def datastore(self, name: str) -> tuple[str, str]:
        """(URL, name) of a datastore's blob container."""
        return self._once(f"datastore {name}", lambda: self._datastore(name))  # type: ignore[no-any-return]

    def _datastore(self, name: str) -> tuple[str, str]:
        store = self.client.get(f"{self.id}/datastores/{name}")["properties"]
        account, container = store.get("accountName"), store.get("containerName")
        if not account or not container:
            raise AzureError(f"the datastore {name} is no blob container, and nothing else can be read here")
        own = str(self.facts.get("storageAccount", ""))
        if own.rsplit("/", 1)[-1].lower() == account.lower() and self.blob_endpoint:
            return f"{self.blob_endpoint}/{container}", container
        suffix = store.get("endpoint") or self.client.endpoints.storage_suffix
        return f"{store.get('protocol') or 'https'}://{account}.blob.{suffix}/{container}", container

    @property
    def blob_endpoint(self) -> str:
        """URL of the blobs in the workspace's own storage account; empty where that does not tell it."""

        def find() -> str:
            account = self.client.get(str(self.facts["storageAccount"]), version=STORAGE_VERSION)["properties"]
            return str((account.get("primaryEndpoints") or {}).get("blob") or "").rstrip("/")

        return str(self._once("blob endpoint", find))

    @property
    def vault_uri(self) -> str:
        """URL of the workspace's key vault."""

        def find() -> str:
            vault = self.client.get(str(self.facts["keyVault"]), version=VAULT_VERSION)
            return str(vault["properties"]["vaultUri"]).rstrip("/")

        return str(self._once("vault", find))

    @property
    def blobs(self) -> Blobs:
        """A client for the workspace's blobs that uses tokens."""
        return self._once(  # type: ignore[no-any-return]
            "blobs", lambda: Blobs(self.client.for_scope(STORAGE_SCOPE), signed=False)
        )

    @property
    def linked_blobs(self) -> Blobs:
        """A client for blob URLs that Azure ML returns: it uses their signatures, or else tokens."""
        return Blobs(self.client, by_token=lambda: self.blobs)

    @property
    def vault_client(self) -> AzureClient:
        """A client with tokens for the key vault."""
        return self._once(  # type: ignore[no-any-return]
            "vault client", lambda: self.client.for_scope(f"{self.client.endpoints.vault_audience}/.default")
        )

    def _once(self, name: str, find: Any) -> Any:
        with self._lock:
            if name not in self._cache:
                self._cache[name] = find()
            return self._cache[name]
