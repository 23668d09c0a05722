"""The addresses of the simulated Azure's services."""

from dataclasses import dataclass

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
"""Host names of the local machine."""

NAME = "Rehearsal"
"""The simulated cloud's name in its metadata."""


@dataclass(frozen=True)
class Endpoints:
    """Addresses without trailing slashes: those of the public cloud, or of a listener on this machine."""

    resource_manager: str = "https://management.azure.com"
    login: str = "https://login.microsoftonline.com"
    studio: str = "https://ml.azure.com"
    prices: str = "https://prices.azure.com"
    storage_suffix: str = "core.windows.net"
    registry_suffix: str = "azurecr.io"
    vault_suffix: str = "vault.azure.net"
    local: str | None = None
    """Address of the listener that serves all of them; None for those of the public cloud."""

    @classmethod
    def at(cls, address: str) -> "Endpoints":
        """The endpoints when one listener, such as `https://localhost:8443`, serves all services."""
        host = address.removeprefix("https://")
        # This is not a real host: it gives tokens for vaults an audience of their own.
        vaults = f"vault.{host}"
        return cls(address, address, address, address, host, host, vaults, address)

    def api(self, location: str) -> str:
        """Base URL of Azure ML's data planes in a region: run history, MLflow, artifacts."""
        return self.local or f"https://{location}.api.azureml.ms"

    def inference(self, name: str, location: str) -> str:
        """Base URL of an online endpoint; behind a listener its name is in the path."""
        return f"{self.local}/inference/{name}" if self.local else f"https://{name}.{location}.inference.ml.azure.com"

    def storage(self, account: str, part: str = "blob") -> str:
        """URL of a storage account; behind a listener the account is the first segment of the path, as in Azurite."""
        return f"{self.local}/{account}" if self.local else f"https://{account}.{part}.{self.storage_suffix}"

    def vault(self, name: str) -> str:
        """URL of a key vault."""
        return f"{self.local}/vault.{name}" if self.local else f"https://{name}.{self.vault_suffix}"

    def registry(self, name: str) -> str:
        """Host of a container registry; behind a listener all registries share one host."""
        return self.registry_suffix if self.local else f"{name.lower()}.{self.registry_suffix}"
