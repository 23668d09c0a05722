"""What is set for azure-native, as far as trainup needs it as well."""

from pydantic import ConfigDict, Field, ValidationInfo, field_validator
from pydantic.alias_generators import to_camel

from trainup.core.clouds import check_region, find_cloud, plain_region
from trainup.infra.azure_values import CloudName, Guid, refuse
from trainup.infra.sections import Section

AZURE_NATIVE_KEY = "azure-native:"
"""How the keys begin that the provider reads."""
AZURE_NATIVE = "azure_native"
"""The field that holds what is set under them."""

PROVIDER_SECRETS = ("clientSecret", "clientCertificatePassword", "oidcToken", "oidcRequestToken")
"""What opens a subscription, among what is set under `azure-native:`."""


class ProviderSettings(Section):
    """`azure-native:…`: what the provider reads itself, as far as trainup needs it as well."""

    model_config = ConfigDict(extra="ignore", alias_generator=to_camel, validate_default=True)

    subscription_id: Guid | None = None
    environment: CloudName = "public"
    metadata_host: str | None = None
    location: str = Field(default=None, validate_default=True)

    @property
    def cloud(self) -> str | None:
        """Name of the cloud, or host of one that describes itself; None where the stack leaves it to variables."""
        return self.metadata_host or (self.environment if "environment" in self.model_fields_set else None)

    @property
    def storage_suffix(self) -> str | None:
        """What storage addresses end in; None where only the cloud itself knows."""
        return None if self.metadata_host else find_cloud(self.environment).storage_suffix

    @field_validator("location", mode="before")
    @classmethod
    def _is_a_region(cls, name: str | None, info: ValidationInfo) -> str:
        if name is None:
            raise ValueError("it is not set: `pulumi config set azure-native:location <region>` says where to build")
        # A cloud of one's own has regions of its own.
        if info.data.get("metadata_host") is None and "environment" in info.data:
            refuse([check_region(name, find_cloud(info.data["environment"]))])
        return plain_region(name)
