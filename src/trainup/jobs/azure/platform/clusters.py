"""Reads the status of clusters."""

from trainup.core.clusters import ClusterStatus, cluster_status
from trainup.jobs.azure.http.client import AzureClient, AzureError


def status(client: AzureClient, cluster_id: str) -> ClusterStatus:
    """The current status of a cluster by its resource id. Raises AzureError if it is gone or cannot be read."""
    answer = client.find(cluster_id)
    if answer is None:
        raise AzureError(f"there is no cluster {cluster_id}: `pulumi refresh` removes it from the stack's state", 404)
    return cluster_status(answer)
