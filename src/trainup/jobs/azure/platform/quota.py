"""Reads Azure ML's quota and VM sizes in a region, and the caller's permissions."""

import threading
from typing import Any

from trainup.core.clouds import plain_region
from trainup.jobs.azure.http.client import AzureClient
from trainup.jobs.azure.http.pipeline import Patience

PATIENCE = Patience(tries=2, first_pause=0.2, longest_pause=2)
"""Short, because a user waits for the preview."""


AUTHORIZATION_VERSION = "2022-04-01"


def hasty(client: AzureClient) -> AzureClient:
    """The same client with the patience of a preview."""
    return AzureClient(client.endpoints, client.credential, PATIENCE)


def permissions(client: AzureClient, scope: str) -> list[dict[str, Any]]:
    """What the caller may do on a subscription or a resource group, by its id. Raises AzureError."""
    address = f"{scope}/providers/Microsoft.Authorization/permissions"
    return list(hasty(client).pages(address, version=AUTHORIZATION_VERSION))


def look(client: AzureClient, subscription_id: str, location: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The items of `usages` and of `vmSizes`. Raises AzureError."""
    return usages(client, subscription_id, location), sizes(client, subscription_id, location)


def usages(client: AzureClient, subscription_id: str, location: str) -> list[dict[str, Any]]:
    """The items of `usages`: the quota of each family, and the cores of it in use. Raises AzureError."""
    return list(hasty(client).pages(f"{_location(subscription_id, location)}/usages"))


_sizes: dict[tuple[str, str], list[dict[str, Any]]] = {}
_asking = threading.Lock()


def sizes(client: AzureClient, subscription_id: str, location: str) -> list[dict[str, Any]]:
    """The items of `vmSizes`. They change seldom, so that a process asks once for each region. Raises AzureError."""
    address = f"{_location(subscription_id, plain_region(location))}/vmSizes"
    key = (client.endpoints.resource_manager, address)
    with _asking:  # many runs that start at once ask once
        if key not in _sizes:
            _sizes[key] = list(hasty(client).pages(address))
        return _sizes[key]


def _location(subscription_id: str, location: str) -> str:
    return f"/subscriptions/{subscription_id}/providers/Microsoft.MachineLearningServices/locations/{location}"
