"""Stores the values of a run's secrets in the workspace's key vault.

Azure ML shows a job's environment variables in plain text to everyone who can read the job. So a job contains only the
URLs of its secrets, and its nodes read the values. The names of the secrets contain the resource and the run.
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
from trainup.jobs.azure.http.roles import wait_for_role
from trainup.jobs.azure.platform.workspace import Workspace
from trainup.jobs.target import Owner, TargetError

VERSION = "7.4"
RECOVERY_TRIES = 30
NO_ROLE = frozenset({"Forbidden", "ForbiddenByRbac"})


def name_of(run_id: str, variable: str, owner: Owner) -> str:
    """Name of a secret in the vault, unique for resource, run and variable; it has only letters, digits and dashes."""
    mark = hashlib.sha256(f"{owner.urn} {run_id} {variable}".encode()).hexdigest()[:10]
    readable = re.sub(r"[^0-9a-zA-Z]+", "-", variable).strip("-")[:40]
    return f"trainup-{run_id}-{readable}-{mark}"


def addresses(workspace: Workspace, run_id: str, variables: Iterable[str], owner: Owner) -> dict[str, str]:
    """Variable → URL of the latest version of its secret."""
    return {name: f"{workspace.vault_uri}/secrets/{name_of(run_id, name, owner)}" for name in sorted(variables)}


def store(
    workspace: Workspace,
    run_id: str,
    secrets: Mapping[str, str],
    owner: Owner,
    progress: Callable[[str], None],
    stop: threading.Event,
) -> dict[str, str]:
    """Write the values into the vault; returns variable → URL. Raises AzureError, TargetError."""
    urls = addresses(workspace, run_id, secrets, owner)
    client = workspace.vault_client
    for variable, value in sorted(secrets.items()):
        body = {"value": value, "contentType": "text/plain", "tags": {"managed-by": "trainup", "run": run_id}}
        put = partial(_put, client, urls[variable], body)
        try:
            wait_for_role(client, put, _lacks_role, "the role on the key vault", progress, stop)
        except AzureError as error:
            if error.status not in (401, 403):
                raise
            raise TargetError(
                f"the secret {variable} cannot be put into the workspace's key vault ({error}): whoever submits needs "
                "the role Key Vault Secrets Officer on it; trainup:access gives it"
            ) from error
    return urls


def _lacks_role(error: AzureError) -> bool:
    return error.code in NO_ROLE


def _put(client: AzureClient, address: str, body: Mapping[str, Any]) -> None:
    """Set a secret; if the vault still keeps a deleted secret of that name, recover it first."""

    def is_deleted(error: Exception) -> bool:
        return isinstance(error, AzureError) and error.status == 409

    def recover(_: Exception) -> None:
        base, name = address.rsplit("/secrets/", 1)
        with contextlib.suppress(AzureError):  # a recovery has started already
            client.post(f"{base}/deletedsecrets/{name}/recover", version=VERSION)

    put = partial(client.put, address, body, version=VERSION)
    retry(put, is_deleted, [client.patience.first_pause] * (RECOVERY_TRIES - 1), before_again=recover)


def remove(workspace: Workspace, job: Mapping[str, Any]) -> None:
    """Delete the secrets that a job refers to; `job` are its properties. Raises AzureError."""
    references = json.loads((job.get("environmentVariables") or {}).get("TRAINUP_SECRETS") or "{}")
    for address in references.get("secrets", {}).values():
        if str(address).startswith(f"{workspace.vault_uri}/secrets/trainup-"):
            workspace.vault_client.delete(address, version=VERSION)
