"""The way to Azure: one login for everything that one process does there."""

from functools import cache
from typing import TYPE_CHECKING

from trainup.jobs.target import TargetError

if TYPE_CHECKING:
    from trainup.jobs.azure.http.client import AzureClient

CODE_HASHES = ".trainup/azure-code.json"
"""What is known of code that Azure ML has, in the folder of Pulumi.yaml."""


@cache
def connect(cloud: str | None = None) -> "AzureClient":
    """Azure as who is logged in here; `cloud` is one's name, or the host of one that describes itself."""
    try:
        from trainup.jobs.azure.http.client import AzureClient, Patience
        from trainup.jobs.azure.http.credentials import find_credential
        from trainup.jobs.azure.http.endpoints import find_endpoints
    except ModuleNotFoundError as error:
        raise TargetError(f"stacks on Azure need more packages ({error.name}): install trainup[azure]") from error
    try:
        endpoints = find_endpoints(cloud)
    except (ValueError, OSError) as error:
        raise TargetError(f"Azure's addresses cannot be told: {error}") from error
    return AzureClient(endpoints, find_credential(endpoints, retries=Patience().retries))
