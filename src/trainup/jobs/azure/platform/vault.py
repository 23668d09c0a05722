"""Values of secrets in the workspace's key vault: jobs get their addresses, and the nodes the values.

Azure ML keeps a job's environment variables in clear, for everyone who may read the job. So the value goes into the
vault, under a name made of the resource and the run, and only the address into the job.
"""

import contextlib
import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from trainup.core.retry import retry
from trainup.jobs.azure.http.client import AzureClient, AzureError
from trainup.jobs.azure.http.roles import patiently
from trainup.jobs.azure.platform.workspace import Workspace
from trainup.jobs.target import Owner, TargetError

VERSION = "7.4"
RECOVERY_TRIES = 30
NO_ROLE = frozenset({"Forbidden", "ForbiddenByRbac"})


def name_of(identity: str, variable: str, owner: Owner) -> str:
    """What the value is called in the vault: letters, digits and dashes, one name for each resource, run, variable."""
    mark = hashlib.sha256(f"{owner.urn} {identity} {variable}".encode()).hexdigest()[:10]
    readable = re.sub(r"[^0-9a-zA-Z]+", "-", variable).strip("-")[:40]
    return f"trainup-{identity}-{readable}-{mark}"


def addresses(workspace: Workspace, identity: str, variables: Iterable[str], owner: Owner) -> dict[str, str]:
    """Variable → address of its value, of the newest one at any time."""
    return {name: f"{workspace.vault_uri}/secrets/{name_of(identity, name, owner)}" for name in sorted(variables)}


def store(
    workspace: Workspace,
    identity: str,
    secrets: Mapping[str, str],
    owner: Owner,
    progress: Callable[[str], None],
    stop: threading.Event,
) -> dict[str, str]:
    """Put the values into the vault; returns their addresses."""
    found = addresses(workspace, identity, secrets, owner)
    client = workspace.vault_client
    for variable, value in sorted(secrets.items()):
        body = {"value": value, "contentType": "text/plain", "tags": {"managed-by": "trainup", "run": identity}}
        put = partial(_put, client, found[variable], body)
        try:
            patiently(client, put, NO_ROLE, "the role on the key vault", progress, stop)
        except AzureError as error:
            if error.status not in (401, 403):
                raise
            raise TargetError(
                f"the secret {variable} cannot be put into the workspace's key vault ({error}): whoever submits needs "
                "the role Key Vault Secrets Officer on it; trainup:access gives it"
            ) from error
    return found


def _put(client: AzureClient, address: str, body: Mapping[str, Any]) -> None:
    """Set a value, also under a name whose last owner deleted it: the vault keeps those for a while."""

    def is_deleted(error: Exception) -> bool:
        return isinstance(error, AzureError) and error.status == 409

    def recover(_: Exception) -> None:
        base, name = address.rsplit("/secrets/", 1)
        with contextlib.suppress(AzureError):  # under way already
            client.post(f"{base}/deletedsecrets/{name}/recover", version=VERSION)

    put = partial(client.put, address, body, version=VERSION)
    retry(put, is_deleted, [client.patience.first_pause] * (RECOVERY_TRIES - 1), before_again=recover)


def remove(workspace: Workspace, job: Mapping[str, Any]) -> None:
    """Delete the values that a job refers to (the properties of Azure's answer)."""
    told = json.loads((job.get("environmentVariables") or {}).get("TRAINUP_SECRETS") or "{}")
    for address in told.get("secrets", {}).values():
        if str(address).startswith(f"{workspace.vault_uri}/secrets/trainup-"):
            workspace.vault_client.delete(address, version=VERSION)
