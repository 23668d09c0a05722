"""What Azure ML has to offer in a region: quota and sizes."""

from typing import Any

from trainup.jobs.azure.http.client import AzureClient, Patience

PATIENCE = Patience(tries=2, first_pause=0.2, longest_pause=2)
"""Somebody waits for a preview."""


def look(client: AzureClient, subscription_id: str, location: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The items of `usages` and of `vmSizes`. AzureError when they cannot be had."""
    hasty = AzureClient(client.endpoints, client.credential, PATIENCE)
    where = f"/subscriptions/{subscription_id}/providers/Microsoft.MachineLearningServices/locations/{location}"
    return list(hasty.pages(f"{where}/usages")), list(hasty.pages(f"{where}/vmSizes"))
