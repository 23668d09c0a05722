"""Where tokens come from, and how long they are good for."""

import os
from pathlib import Path

import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import ClientSecretCredential

from tests.support import az
from trainup.jobs.azure.http.blobs import Blobs
from trainup.jobs.azure.http.client import AzureClient, AzureError
from trainup.jobs.azure.http.credentials import find_credential
from trainup.jobs.azure.http.endpoints import find_endpoints
from trainup.jobs.azure.registry import lookups
from trainup.jobs.azure.registry.api_v2 import Registry
from trainup.simulator.cloud.azure import CLIENT, Azure
from trainup.simulator.cloud.refusal import Refused
from trainup.simulator.cloud.sample import Sample
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


@pytest.fixture
def cli(running: Rehearsal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AzureClient:
    """Logged in by `az`, whose default tenant is not the subscription's."""
    folder = az.install(tmp_path / "bin", running.variables)
    for name in ("ARM_USE_MSI", "ARM_TENANT_ID", "IDENTITY_ENDPOINT", "IDENTITY_HEADER"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "AzureCliCredential")
    running.azure.login_tenant = "5ab0f3e2-0000-4000-8000-00000000000f"
    endpoints = find_endpoints()
    return AzureClient(endpoints, find_credential(endpoints))


def test_a_login_to_several_tenants_gets_the_token_of_the_subscriptions(azure: Azure, cli: AzureClient) -> None:
    assert cli.get(f"{azure.root}/resourceGroups", version=GROUPS) == {"value": []}
    issued = azure.tokens.issued
    cli.get(f"{azure.root}/resourceGroups", version=GROUPS)
    assert azure.tokens.issued == issued, "the tenant is asked for from then on"


def test_the_tenant_counts_for_every_service(azure: Azure, sample: Sample, cli: AzureClient) -> None:
    azure.storage.put("teamstorage", "data", "x", b"hello")
    blobs = Blobs(cli.for_scope("https://storage.azure.com/.default"), signed=False)
    piece = blobs.read(f"{azure.endpoints.storage('teamstorage')}/data/x", 0, 100)
    assert piece is not None
    assert piece.data == b"hello"
    team = f"https://{azure.endpoints.vault_suffix}/.default"
    with pytest.raises(AzureError) as caught:
        cli.for_scope(team).get(f"{azure.endpoints.vault('team-vault')}/secrets/x", version="7.4")
    assert caught.value.status == 403, "it is let in, and has no role"


@pytest.mark.parametrize("forbidden", [False, True], ids=["any token", "no tokens for the resource manager"])
def test_a_registry_gets_a_token_of_its_own_audience_and_of_the_subscriptions_tenant(
    azure: Azure, sample: Sample, cli: AzureClient, forbidden: bool
) -> None:
    azure.policies.forbids_arm_tokens = forbidden
    server = azure.get(sample.registry)["properties"]["loginServer"]
    registry = Registry(server, entra=lambda: cli.registry_token(azure.subscription))
    assert registry.find("fastai2", "latest") is None


def test_a_preview_looks_at_a_registry_that_takes_no_tokens_for_the_resource_manager(
    azure: Azure, sample: Sample, client: AzureClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    azure.policies.forbids_arm_tokens = True
    server = azure.get(sample.registry)["properties"]["loginServer"]
    monkeypatch.setattr(lookups, "connect", lambda cloud: client)
    answer = lookups.Lookups().find(f"{server}/fastai2:none", None)
    assert answer.silence is None
    assert "has no image 'fastai2' with 'none'" in str(answer.problem)


def test_a_tenant_that_is_named_is_asked_for_at_once(
    azure: Azure, cli: AzureClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_TENANT_ID", azure.tenant)
    endpoints = find_endpoints()
    client = AzureClient(endpoints, find_credential(endpoints))
    issued = azure.tokens.issued
    client.get(f"{azure.root}/resourceGroups", version=GROUPS)
    assert azure.tokens.issued == issued + 1


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
