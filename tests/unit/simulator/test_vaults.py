"""Secrets in key vaults."""

import pytest
import requests

from trainup.simulator.cloud import roles
from trainup.simulator.cloud.azure import Azure
from trainup.simulator.cloud.sample import Sample, assign_role


class Vault:
    """The sample's vault, as the deployer sees it."""

    def __init__(self, azure: Azure, sample: Sample, *, rbac: bool) -> None:
        self.azure = azure
        self.id = f"{sample.group}/providers/Microsoft.KeyVault/vaults/team-vault"
        azure.put(self.id, "2024-11-01", azure.patched(self.id, {"properties": {"enableRbacAuthorization": rbac}}))
        self.uri = str(azure.get(self.id)["properties"]["vaultUri"]).rstrip("/")
        self.audience = f"https://{azure.endpoints.vault_suffix}"

    def ask(self, method: str, path: str, body: object = None, audience: str | None = None) -> requests.Response:
        """A request with a token."""
        token, _ = self.azure.tokens.issue(audience or self.audience, self.azure.deployer, self.azure.tenant)
        headers = {"Authorization": f"Bearer {token}"}
        return requests.request(method, f"{self.uri}/{path}?api-version=7.4", json=body, headers=headers, timeout=10)


@pytest.fixture
def vault(azure: Azure, sample: Sample) -> Vault:
    made = Vault(azure, sample, rbac=True)
    assign_role(azure, roles.SECRETS_OFFICER, made.id, azure.deployer, kind="User")
    return made


def test_a_secret_comes_back_in_its_newest_version(vault: Vault) -> None:
    first = vault.ask("PUT", "secrets/token", {"value": "one", "tags": {"a": "b"}}).json()
    second = vault.ask("PUT", "secrets/token", {"value": "two"}).json()
    assert first["id"] != second["id"]
    assert vault.ask("GET", "secrets/token").json()["value"] == "two"
    assert vault.ask("GET", "secrets/none").status_code == 404


def test_a_deleted_secret_keeps_its_name_until_it_is_recovered_or_purged(vault: Vault) -> None:
    vault.ask("PUT", "secrets/token", {"value": "one"})
    assert "value" not in vault.ask("DELETE", "secrets/token").json()
    assert vault.ask("GET", "secrets/token").status_code == 404
    refused = vault.ask("PUT", "secrets/token", {"value": "two"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "Conflict")
    assert vault.ask("POST", "deletedsecrets/token/recover").status_code == 200
    assert vault.ask("GET", "secrets/token").json()["value"] == "one"


@pytest.mark.parametrize(("role", "may_read", "may_write"), [(None, False, False), (roles.SECRETS_USER, True, False)])
def test_a_role_decides_what_may_be_done(
    azure: Azure, sample: Sample, role: str | None, may_read: bool, may_write: bool
) -> None:
    vault = Vault(azure, sample, rbac=True)
    officer = assign_role(azure, roles.SECRETS_OFFICER, vault.id, azure.deployer, kind="User")
    vault.ask("PUT", "secrets/token", {"value": "one"})
    azure.delete(officer)
    if role:
        assign_role(azure, role, vault.id, azure.deployer, kind="User")
    assert (vault.ask("GET", "secrets/token").status_code == 200) is may_read
    assert (vault.ask("PUT", "secrets/token", {"value": "two"}).status_code == 200) is may_write


def test_without_roles_the_vaults_own_policies_decide(azure: Azure, sample: Sample) -> None:
    vault = Vault(azure, sample, rbac=False)
    assert vault.ask("GET", "secrets/token").status_code == 403
    policy = {"tenantId": azure.tenant, "objectId": azure.deployer, "permissions": {"secrets": ["get", "set"]}}
    azure.put(vault.id, "2024-11-01", azure.patched(vault.id, {"properties": {"accessPolicies": [policy]}}))
    assert vault.ask("PUT", "secrets/token", {"value": "one"}).status_code == 200
    assert vault.ask("GET", "secrets/token").json()["value"] == "one"
    assert vault.ask("DELETE", "secrets/token").status_code == 403


def test_a_token_for_something_else_is_refused(vault: Vault) -> None:
    assert vault.ask("GET", "secrets/token", audience="https://management.azure.com").status_code == 401


@pytest.mark.parametrize("name", ["under_score", "x" * 128])
def test_a_name_that_cannot_be_one_is_refused(vault: Vault, name: str) -> None:
    assert vault.ask("PUT", f"secrets/{name}", {"value": "one"}).status_code == 400
