"""Logins that have access to several tenants, such as that of the Azure CLI.

Their default tenant need not be that of the subscription. Azure's services name the right one when they refuse a token.
"""

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken, AccessTokenInfo
    from azure.identity import DefaultAzureCredential

_CHALLENGE = re.compile(
    r"authorization(?:_uri)?=\"?https?://[^/\"\s]+/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})", re.IGNORECASE
)
"""The tenant in the header WWW-Authenticate, in the forms of the resource manager, storage and key vaults."""


def tenant_in(challenge: str | None) -> str | None:
    """The tenant that the header WWW-Authenticate of a response with 401 names; None if it names none."""
    match = _CHALLENGE.search(challenge or "")
    return match[1].lower() if match else None


class TenantLogin:
    """A login whose tokens are for one tenant: the one given, the one learned from a service, or else its default."""

    def __init__(self, credential: "DefaultAzureCredential", tenant: str | None) -> None:
        self._credential = credential
        self.tenant = tenant.lower() if tenant else None

    def learn(self, challenge: str | None) -> bool:
        """Take the tenant from the header of a refusal; True if it is another one than before."""
        tenant = tenant_in(challenge)
        is_new = tenant is not None and tenant != self.tenant
        self.tenant = tenant or self.tenant
        return is_new

    def get_token(self, *scopes: str, **options: Any) -> "AccessToken":
        """As azure-core's `TokenCredential`."""
        return self._credential.get_token(*scopes, **self._for_tenant(options))

    def get_token_info(self, *scopes: str, options: Any = None) -> "AccessTokenInfo":
        """As azure-core's `SupportsTokenInfo`."""
        return self._credential.get_token_info(*scopes, options=self._for_tenant(dict(options or {})))  # type: ignore[arg-type]

    def _for_tenant(self, options: dict[str, Any]) -> dict[str, Any]:
        return {"tenant_id": self.tenant, **options} if self.tenant else options
