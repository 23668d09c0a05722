"""What a subscription tells before anything is created, and what is made of it."""

import pytest

from tests.unit.simulator.conftest import Sample
from trainup.core.readiness import NAMESPACES
from trainup.jobs.azure.http.client import AzureClient
from trainup.jobs.azure.platform import readiness
from trainup.simulator.cloud.azure import Azure
from trainup.simulator.cloud.refusal import Refused

VAULT = {
    "location": "westeurope",
    "properties": {
        "tenantId": "5ab0f3e2-0000-4000-8000-000000000002",
        "sku": {"family": "A", "name": "standard"},
        "enableRbacAuthorization": True,
        "softDeleteRetentionInDays": 7,
    },
}


def test_a_provider_that_is_not_registered_is_named_with_its_command(azure: Azure, client: AzureClient) -> None:
    assert readiness.unregistered_problem(client, azure.subscription, NAMESPACES) is None
    azure.registrations.missing = {"microsoft.insights", "Microsoft.Storage"}
    problem = readiness.unregistered_problem(client, azure.subscription, NAMESPACES) or ""
    assert "is not registered for Microsoft.Insights, Microsoft.Storage" in problem
    assert f"az provider register -n Microsoft.Insights --subscription {azure.subscription}" in problem
    with pytest.raises(Refused, match=r"is not registered to use namespace 'Microsoft\.Insights'"):
        azure.put(f"{azure.root}/resourceGroups/g/providers/Microsoft.Insights/components/c", "2020-02-02", {})


def test_a_name_that_somebody_has_is_told(azure: Azure, client: AzureClient, sample: Sample) -> None:
    def problem(kind: str, name: str) -> str | None:
        return readiness.name_problem(client, azure.subscription, kind, name, "westeurope")

    registry = sample.registry.rsplit("/", 1)[-1]
    assert f"{registry!r} is no free name for a container registry" in (problem("registry", registry) or "")
    assert problem("registry", "nobodyhasthis") is None
    assert problem("storage", sample.account.rsplit("/", 1)[-1])
    assert problem("storage", "nobodyhasthis") is None


def test_a_deleted_vault_and_a_deleted_workspace_keep_their_names(
    azure: Azure, client: AzureClient, sample: Sample
) -> None:
    vault = f"{sample.group}/providers/Microsoft.KeyVault/vaults/old-vault"
    azure.put(vault, "2024-11-01", VAULT)
    azure.delete(vault)
    problem = readiness.name_problem(client, azure.subscription, "vault", "old-vault", "westeurope") or ""
    assert "a deleted key vault has the name 'old-vault', which stays taken until 20" in problem
    assert "az keyvault purge --name old-vault --location westeurope" in problem
    assert readiness.name_problem(client, azure.subscription, "vault", "new-vault", "westeurope") is None

    assert "attach to it (trainup:workspace.id:" in (readiness.workspace_problem(client, sample.workspace) or "")
    azure.delete(sample.workspace)
    assert "Azure keeps it for 14 days" in (readiness.workspace_problem(client, sample.workspace) or "")
    assert readiness.workspace_problem(client, sample.workspace.replace("/team", "/other")) is None
