"""How the clusters of a workspace are doing."""

from trainup.core.clusters import ClusterStatus, cluster_status
from trainup.jobs.azure.http.client import AzureClient, AzureError


def status(client: AzureClient, cluster_id: str) -> ClusterStatus:
    """The status of a cluster by its ARM id, as of now. AzureError when it is gone, or may not be looked at."""
    answer = client.find(cluster_id)
    if answer is None:
        raise AzureError(f"there is no cluster {cluster_id}: `pulumi refresh` tells the stack so", 404)
    return cluster_status(answer)
