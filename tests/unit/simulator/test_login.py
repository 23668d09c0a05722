"""Where tokens come from, and how long they are good for."""

import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import ClientSecretCredential

from trainup.jobs.azure.http.client import AzureClient, AzureError
from trainup.jobs.azure.http.credentials import find_credential
from trainup.jobs.azure.http.endpoints import find_endpoints
from trainup.simulator.cloud.azure import CLIENT, Azure
from trainup.simulator.cloud.refusal import Refused
from trainup.simulator.rehearsal import Rehearsal

GROUPS = "2024-03-01"


def test_a_managed_identity_gets_in(running: Rehearsal, client: AzureClient) -> None:
    assert client.get(f"{running.azure.root}/resourceGroups", version=GROUPS) == {"value": []}


@pytest.mark.parametrize(
    "proof",
    ["ARM_CLIENT_SECRET", "ARM_OIDC_TOKEN"],
    ids=["client secret", "assertion of a CI job"],
)
def test_an_application_gets_in(azure: Azure, proof: str) -> None:
    azure.federated.add("of a CI job")
    variables = {
        "ARM_METADATA_HOSTNAME": azure.endpoints.resource_manager.removeprefix("https://"),
        "ARM_CLIENT_ID": CLIENT,
        "ARM_TENANT_ID": azure.tenant,
        **({proof: azure.secret} if proof == "ARM_CLIENT_SECRET" else {"ARM_USE_OIDC": "true", proof: "of a CI job"}),
    }
    endpoints = find_endpoints(variables=variables)
    client = AzureClient(endpoints, find_credential(endpoints, variables))
    assert client.get(f"{azure.root}/resourceGroups", version=GROUPS) == {"value": []}


def test_another_tenant_is_not_found(azure: Azure) -> None:
    credential = ClientSecretCredential(
        "5ab0f3e2-0000-4000-8000-00000000000f",
        CLIENT,
        "anything",
        authority=azure.endpoints.login,
        disable_instance_discovery=True,
    )
    with pytest.raises(ClientAuthenticationError, match="double check your tenant"):
        credential.get_token("https://management.azure.com/.default")


def test_a_short_token_is_renewed_by_the_client(running: Rehearsal, client: AzureClient) -> None:
    running.azure.tokens.lifetime = 1
    for _ in range(3):
        client.get(f"{running.azure.root}/resourceGroups", version=GROUPS)
    assert running.azure.tokens.issued >= 2


def test_revoked_tokens_are_refused_and_new_ones_are_not(running: Rehearsal, client: AzureClient) -> None:
    azure = running.azure
    client.get(f"{azure.root}/resourceGroups", version=GROUPS)
    azure.tokens.revoke()
    headers = {"Authorization": f"Bearer {azure.tokens.issue('x', azure.deployer, azure.tenant)[0]}"}
    with pytest.raises(AzureError, match="ExpiredAuthenticationToken"):
        client.get(f"{azure.root}/resourceGroups", version=GROUPS)
    azure.tokens.check(headers["Authorization"])


def test_a_token_that_was_tampered_with_is_refused(azure: Azure) -> None:
    token, _ = azure.tokens.issue("x", azure.deployer, azure.tenant)
    head, claims, signature = token.split(".")
    for wrong in (f"{head}.{claims}.{signature[:-2]}AA", f"{head}.{claims}x.{signature}", "nonsense", ""):
        with pytest.raises(Refused, match="Authentic"):
            azure.tokens.check(f"Bearer {wrong}")
