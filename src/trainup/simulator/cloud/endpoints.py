"""Under which addresses the services of this Azure are reached."""

from dataclasses import dataclass

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
"""Names of this machine."""

NAME = "Rehearsal"
"""What the cloud behind a listener calls itself."""


@dataclass(frozen=True)
class Endpoints:
    """Addresses without final slashes; those of the public cloud unless a listener on this machine serves them."""

    resource_manager: str = "https://management.azure.com"
    login: str = "https://login.microsoftonline.com"
    studio: str = "https://ml.azure.com"
    prices: str = "https://prices.azure.com"
    storage_suffix: str = "core.windows.net"
    registry_suffix: str = "azurecr.io"
    vault_suffix: str = "vault.azure.net"
    local: str | None = None
    """The listener, which then is all of them."""

    @classmethod
    def at(cls, address: str) -> "Endpoints":
        """Everything behind one listener such as `https://localhost:8443`."""
        host = address.removeprefix("https://")
        # No address: what tokens for vaults are made for is told apart by it.
        vaults = f"vault.{host}"
        return cls(address, address, address, address, host, host, vaults, address)

    def api(self, location: str) -> str:
        """Data planes of Azure ML in a region: run history, MLflow, artifacts."""
        return self.local or f"https://{location}.api.azureml.ms"

    def storage(self, account: str, part: str = "blob") -> str:
        """A storage account; behind a listener it is the first segment of the path, as in Azurite."""
        return f"{self.local}/{account}" if self.local else f"https://{account}.{part}.{self.storage_suffix}"

    def vault(self, name: str) -> str:
        """A key vault."""
        return f"{self.local}/vault.{name}" if self.local else f"https://{name}.{self.vault_suffix}"

    def registry(self, name: str) -> str:
        """Host of a container registry; behind a listener all registries have the same one."""
        return self.registry_suffix if self.local else f"{name.lower()}.{self.registry_suffix}"
