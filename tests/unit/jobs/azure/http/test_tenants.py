"""The tenant that a service names when it refuses a token."""

import pytest

from trainup.jobs.azure.http.tenants import TenantLogin, tenant_in

TENANT = "5ab0f3e2-0000-4000-8000-000000000002"
CHALLENGES = {
    "resource manager": f'Bearer authorization_uri="https://login.windows.net/{TENANT}", error="invalid_token"',
    "storage": f"Bearer authorization_uri=https://login.microsoftonline.com/{TENANT}/oauth2/authorize resource_id=x",
    "key vault": f'Bearer authorization="https://login.microsoftonline.com/{TENANT}", resource="https://vault.azure.net"',
    "another spelling": f'Bearer Authorization_URI="https://login.partner.microsoftonline.cn/{TENANT.upper()}"',
}


@pytest.mark.parametrize("service", CHALLENGES)
def test_each_service_names_the_tenant_in_its_own_way(service: str) -> None:
    assert tenant_in(CHALLENGES[service]) == TENANT


@pytest.mark.parametrize(
    "challenge", [None, "", 'Bearer realm="https://acr.io/oauth2/token",service="acr.io"', "Basic"]
)
def test_a_refusal_may_name_none(challenge: str | None) -> None:
    assert tenant_in(challenge) is None


def test_a_refusal_that_names_none_changes_nothing() -> None:
    login = TenantLogin(None, TENANT.upper())  # type: ignore[arg-type]
    assert not login.learn("Basic")
    assert not login.learn(CHALLENGES["storage"])
    assert login.tenant == TENANT
    assert login.learn(CHALLENGES["storage"].replace("5ab0", "6ab0"))
