"""Reads Azure ML's quota and VM sizes in a region, and the caller's permissions."""

from typing import Any

from trainup.jobs.azure.http.client import AzureClient, Patience

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
    quick = hasty(client)
    where = f"/subscriptions/{subscription_id}/providers/Microsoft.MachineLearningServices/locations/{location}"
    return list(quick.pages(f"{where}/usages")), list(quick.pages(f"{where}/vmSizes"))
