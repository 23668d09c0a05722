"""Imports images from one container registry of Azure into another, by digest: nothing passes through this machine."""

import time

from trainup.core.images import parse_reference
from trainup.jobs.azure.http.client import AzureClient, AzureError

VERSION = "2023-07-01"
"""API version of registries; the operation is described at https://aka.ms/acr/import."""
POLL_SECONDS = 2.0
END_SECONDS = 1800.0
"""Time limit for an import; one of 10 GB within a region takes minutes."""


def take_over(client: AzureClient, source_id: str, registry_id: str, image: str) -> str:
    """The reference, by digest, of an image in a registry, which is imported from another one; ids are ARM ids.

    An image that lies elsewhere than in the source is pulled from where it lies, and one that Azure ML manages is no
    image of a registry: their references stay. Raises AzureError.
    """
    try:
        reference = parse_reference(image)
    except ValueError:
        return image
    if source_id.lower() == registry_id.lower() or not reference.digest:
        return image
    servers = [str(client.get(one, version=VERSION)["properties"]["loginServer"]) for one in (source_id, registry_id)]
    if reference.server != servers[0]:
        return image
    body = {
        "source": {"resourceId": source_id, "sourceImage": f"{reference.repository}@{reference.digest}"},
        "untaggedTargetRepositories": [reference.repository],
        "mode": "Force",  # where it is there already, nothing changes
    }
    answer = client.send("POST", f"{registry_id}/importImage", body, version=VERSION)
    end, place = time.monotonic() + END_SECONDS, answer.headers.get("Location")
    while answer.status_code == 202 and place:
        if time.monotonic() > end:
            raise AzureError(
                f"the import of {image} into {servers[1]} has not ended after {END_SECONDS / 60:.0f} minutes"
            )
        time.sleep(float(answer.headers.get("Retry-After") or POLL_SECONDS))
        answer = client.send("GET", str(place), version="")
    return f"{servers[1]}/{reference.repository}@{reference.digest}"
