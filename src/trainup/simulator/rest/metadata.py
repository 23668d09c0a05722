"""Metadata of the cloud, in both formats that clients request."""

from typing import Any

from trainup.simulator.cloud.azure import Azure
from trainup.simulator.cloud.endpoints import NAME
from trainup.simulator.cloud.refusal import Refused
from trainup.simulator.rest.routing import Request, Response, Route


def _described(azure: Azure, request: Request) -> Response:
    version = request.query.get("api-version")
    if version is None:
        raise Refused(400, "MissingApiVersionParameter", "The api-version query parameter (?api-version=) is required.")
    own = _cloud(azure)
    # API versions before 2020 return a list of clouds, later ones a single cloud.
    return Response(200, [own] if version < "2020" else own)


def _cloud(azure: Azure) -> dict[str, Any]:
    at = azure.endpoints
    return {
        "name": NAME,
        "portal": at.studio,
        "authentication": {
            "loginEndpoint": at.login,
            "audiences": [at.resource_manager],
            "tenant": "common",
            "identityProvider": "AAD",
        },
        "resourceManager": at.resource_manager,
        "graph": at.login,
        "graphAudience": at.login,
        "microsoftGraphResourceId": at.login,
        "gallery": at.resource_manager,
        "batch": at.resource_manager,
        "media": at.resource_manager,
        "retailPrices": at.prices,  # Microsoft's own metadata has none
        "suffixes": {
            "storage": at.storage_suffix,
            "keyVaultDns": at.vault_suffix,
            "acrLoginServer": at.registry_suffix,
            "azureDataLakeStoreFileSystem": at.storage_suffix,
            "sqlServerHostname": at.storage_suffix,
        },
    }


ROUTES = (Route("GET", "/metadata/endpoints", _described, open=True),)
