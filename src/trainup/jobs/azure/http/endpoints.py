"""The addresses of a cloud's services, and the audiences of their tokens."""

import http.client
import json
import os
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trainup.core.clouds import CHINA, PUBLIC, US_GOVERNMENT, Cloud, find_cloud
from trainup.core.retry import retry

METADATA_VERSION = "2022-09-01"
REGISTRIES = "https://containerregistry.azure.net"
SECONDS = 30.0
TRIES, PAUSE = 6, 0.2


@dataclass(frozen=True)
class Endpoints:
    """The addresses of one cloud, without trailing slashes."""

    resource_manager: str
    login: str
    """Authority of Microsoft Entra."""
    audience: str
    """Audience of tokens for the resource manager and for Azure ML."""
    portal: str
    """Azure ML's studio."""
    storage_suffix: str
    registry_suffix: str
    vault_audience: str
    """Audience of tokens for key vaults."""
    registry_audience: str
    """Audience of tokens that container registries exchange for their own."""
    prices: str = ""
    """The service that tells retail prices, which asks for no token; empty where there is none."""

    @property
    def scope(self) -> str:
        """Scope of token requests for the resource manager."""
        return f"{self.audience}/.default"


def find_endpoints(cloud: str | None = None, variables: Mapping[str, str] = os.environ) -> Endpoints:
    """The endpoints of the cloud in use, chosen as azure-native chooses them.

    `cloud` is the stack's setting: a name, which takes precedence over `ARM_ENVIRONMENT`, or the host (or URL) of a
    cloud's metadata, which takes precedence over `ARM_METADATA_HOSTNAME`. A host takes precedence over any name.
    Raises ValueError for an unknown name, and OSError if the metadata cannot be read.
    """
    host = cloud if cloud and ("." in cloud or ":" in cloud) else variables.get("ARM_METADATA_HOSTNAME")
    if host:
        return _from_metadata(host)
    return _from_cloud(find_cloud(cloud or variables.get("ARM_ENVIRONMENT") or "public"))


def _from_cloud(cloud: Cloud) -> Endpoints:
    return Endpoints(
        resource_manager=cloud.resource_manager,
        login=cloud.login,
        audience=cloud.resource_manager,
        portal=cloud.studio,
        storage_suffix=cloud.storage_suffix,
        registry_suffix=cloud.registry_suffix,
        vault_audience=f"https://{cloud.vault_suffix}",
        registry_audience=_registry_audience(cloud.registry_suffix, cloud.resource_manager),
        prices=cloud.prices,
    )


def _registry_audience(suffix: str, resource_manager: str) -> str:
    """Registries' own audience; in the sovereign clouds, where none is documented, that of the resource manager."""
    return resource_manager if suffix in (US_GOVERNMENT.registry_suffix, CHINA.registry_suffix) else REGISTRIES


def _read(url: str) -> dict[str, Any]:
    """The JSON object at a public URL; transient errors are retried."""

    def content() -> dict[str, Any]:
        with urllib.request.urlopen(url, timeout=SECONDS) as answer:
            return dict(json.loads(answer.read()))

    return retry(content, _may_pass, (PAUSE * number for number in range(1, TRIES)))


def _may_pass(error: Exception) -> bool:
    if isinstance(error, urllib.error.HTTPError):
        return error.code in (408, 429, 500, 502, 503, 504)
    return isinstance(error, (OSError, http.client.HTTPException))


def _from_metadata(host: str) -> Endpoints:
    address = host if "://" in host else f"https://{host}"
    url = f"{address.rstrip('/')}/metadata/endpoints?api-version={METADATA_VERSION}"
    metadata = _read(url)
    suffixes = metadata.get("suffixes", {})
    return Endpoints(
        resource_manager=metadata["resourceManager"].rstrip("/"),
        login=metadata["authentication"]["loginEndpoint"].rstrip("/"),
        audience=metadata["authentication"]["audiences"][0].rstrip("/"),
        portal=str(metadata.get("portal", "")).rstrip("/"),
        storage_suffix=suffixes.get("storage", "core.windows.net"),
        registry_suffix=suffixes.get("acrLoginServer", "azurecr.io"),
        vault_audience=f"https://{suffixes.get('keyVaultDns', 'vault.azure.net').lstrip('.')}",
        registry_audience=_registry_audience(
            suffixes.get("acrLoginServer", "azurecr.io").lstrip("."),
            metadata["authentication"]["audiences"][0].rstrip("/"),
        ),
        prices=_prices(metadata),
    )


def _prices(metadata: Mapping[str, Any]) -> str:
    """The service of retail prices. Microsoft's metadata does not name it; a cloud of one's own may: `retailPrices`."""
    is_public = str(metadata.get("name", "")).lower() == "azurecloud"
    return str(metadata.get("retailPrices") or (PUBLIC.prices if is_public else "")).rstrip("/")
