"""The official client for the Azure on this machine; the scripts beside it run in an environment of its own."""

import socket
from typing import Any

# The client writes an account's address as https://<account>.blob.<suffix>, which not every machine resolves.
_resolve = socket.getaddrinfo


def _local(host: Any, *rest: Any, **named: Any) -> Any:
    return _resolve("127.0.0.1" if str(host).endswith(".localhost") else host, *rest, **named)


socket.getaddrinfo = _local

from azure.ai.ml import MLClient, command  # noqa: E402
from azure.identity import ManagedIdentityCredential  # noqa: E402


def submit(address: str, workspace: str, cluster: str, environment: str, folder: str) -> tuple[MLClient, str]:
    """Start `main.py` of a folder; the client and the job's name."""
    _, _, subscription, _, group, *_, name = workspace.split("/")
    # Told here, it need not ask what cloud this is, which it would do five times.
    cloud = {
        "azure_portal": address,
        "resource_manager": address,
        "active_directory": address,
        "aml_resource_id": address,
        "storage_endpoint": "localhost",
        "registry_discovery_endpoint": address,
    }
    ml = MLClient(ManagedIdentityCredential(), subscription, group, name, cloud="bench", cloud_metadata=cloud)
    job = command(
        code=folder, command="python main.py", environment=environment, compute=cluster, experiment_name="bench"
    )
    return ml, ml.jobs.create_or_update(job).name
