"""Finds credentials for Azure in the same environment variables as azure-native, so that one login serves both."""

import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from trainup.jobs.azure.http.tenants import TenantLogin
from trainup.jobs.target import TargetError

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

    from trainup.jobs.azure.http.endpoints import Endpoints


TRIES, PAUSE = 5, 0.5
"""Requests to the CI service for a token, and the first pause between them in seconds; each next pause is doubled."""


def find_credential(
    endpoints: "Endpoints", variables: Mapping[str, str] = os.environ, retries: Mapping[str, Any] = MappingProxyType({})
) -> "TokenCredential":
    """A credential that renews its tokens: from `ARM_…`, or else the SDK's default (CLI, managed identity, …).

    A login that may have access to several tenants gets tokens of the one in ARM_TENANT_ID or AZURE_TENANT_ID, else of
    the one that the services ask for. `retries` are the SDK's retry options for token requests. Without them, it
    retries three times.
    """
    import azure.identity as identity

    client, tenant = variables.get("ARM_CLIENT_ID"), variables.get("ARM_TENANT_ID")
    # Instance discovery would ask the public cloud to confirm the authority, and it does not know private clouds.
    where: dict[str, Any] = {"authority": endpoints.login}
    if variables.get("ARM_METADATA_HOSTNAME"):
        where["disable_instance_discovery"] = True
    if _is_on(variables, "ARM_USE_MSI"):
        return identity.ManagedIdentityCredential(client_id=client, **retries)
    if client and tenant and _is_on(variables, "ARM_USE_OIDC"):
        return identity.ClientAssertionCredential(tenant, client, lambda: _assertion(variables), **where, **retries)
    if client and tenant and (secret := variables.get("ARM_CLIENT_SECRET")):
        return identity.ClientSecretCredential(tenant, client, secret, **where, **retries)
    if client and tenant and (path := variables.get("ARM_CLIENT_CERTIFICATE_PATH")):
        password = variables.get("ARM_CLIENT_CERTIFICATE_PASSWORD")
        return identity.CertificateCredential(tenant, client, path, password=password, **where, **retries)
    # No `retries` here: this credential tries many sources, and would retry each one that is unavailable.
    default = identity.DefaultAzureCredential(
        exclude_interactive_browser_credential=True, additionally_allowed_tenants=["*"], **where
    )
    return TenantLogin(default, tenant or variables.get("AZURE_TENANT_ID"))


def _is_on(variables: Mapping[str, str], name: str) -> bool:
    return variables.get(name, "").lower() in ("1", "true")


def _assertion(variables: Mapping[str, str]) -> str:
    """The CI job's token. It is requested each time, because a training run takes longer than it is valid."""
    if token := variables.get("ARM_OIDC_TOKEN"):
        return token
    if path := variables.get("ARM_OIDC_TOKEN_FILE_PATH"):
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise TargetError(f"there is no token in the file that ARM_OIDC_TOKEN_FILE_PATH names: {error}") from error
    url = variables.get("ARM_OIDC_REQUEST_URL") or variables.get("ACTIONS_ID_TOKEN_REQUEST_URL")
    bearer = variables.get("ARM_OIDC_REQUEST_TOKEN") or variables.get("ACTIONS_ID_TOKEN_REQUEST_TOKEN")
    if not url or not bearer:
        raise TargetError(
            "ARM_USE_OIDC is set, and there is no token: give ARM_OIDC_TOKEN or ARM_OIDC_TOKEN_FILE_PATH, or let the "
            "job have `permissions: id-token: write`"
        )
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3.util.retry import Retry

    again = Retry(TRIES, backoff_factor=PAUSE, status_forcelist=(408, 429, 500, 502, 503, 504), raise_on_status=False)
    with requests.Session() as session:
        for scheme in ("https://", "http://"):
            session.mount(scheme, HTTPAdapter(max_retries=again))
        try:
            answer = session.get(
                url,
                params={"audience": "api://AzureADTokenExchange"},
                headers={"Authorization": f"Bearer {bearer}"},
                timeout=30,
            )
            answer.raise_for_status()
            return str(answer.json()["value"])
        except (requests.RequestException, KeyError, TypeError) as error:
            raise TargetError(
                f"the service that runs this CI job gives no token for Azure ({error}): run the job again, and let it "
                "have `permissions: id-token: write`"
            ) from error
