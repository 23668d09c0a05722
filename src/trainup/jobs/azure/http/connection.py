"""Connects to Azure; all parts of a process share one client, and so one login."""

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING

from trainup.jobs.target import TargetError

if TYPE_CHECKING:
    from trainup.jobs.azure.http.client import AzureClient

CODE_HASHES = ".trainup/azure-code.json"
"""Cache of the code hashes that Azure ML knows, relative to the folder of Pulumi.yaml."""


_one_at_a_time = threading.Lock()


def connect(cloud: str | None = None) -> "AzureClient":
    """The client of a cloud, given by name or by the host of its metadata. Raises TargetError if it is unknown.

    Threads that ask at the same moment get the same client.
    """
    with _one_at_a_time:
        return client_of(cloud)


@cache
def client_of(cloud: str | None) -> "AzureClient":
    """As `connect`, for one thread at a time."""
    from trainup.jobs.azure.http.endpoints import find_endpoints

    # A cloud of one's own tells its addresses while the SDKs are imported, which takes as long.
    pool = ThreadPoolExecutor(1)
    answer = pool.submit(find_endpoints, cloud)
    pool.shutdown(wait=False)
    try:
        # The whole package before its parts: a thread that imports `azure.core.exceptions` first holds that module's
        # lock while it waits for the package, and the thread that imports the package waits for the module. Python
        # ends such a deadlock with an error (python/cpython#83065).
        import azure.core
        import azure.identity  # noqa: F401

        from trainup.jobs.azure.http.client import AzureClient
        from trainup.jobs.azure.http.credentials import find_credential
        from trainup.jobs.azure.http.pipeline import PATIENCE
    except ModuleNotFoundError as error:
        raise TargetError(f"stacks on Azure need more packages ({error.name}): install trainup[azure]") from error
    try:
        endpoints = answer.result()
    except (ValueError, OSError) as error:
        raise TargetError(f"the addresses of Azure's services cannot be determined: {error}") from error
    return AzureClient(endpoints, find_credential(endpoints, retries=PATIENCE.retries))
