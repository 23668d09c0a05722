"""The settings of the provider azure-native that trainup reads too."""

from pydantic import ConfigDict, Field, ValidationInfo, field_validator
from pydantic.alias_generators import to_camel

from trainup.core.clouds import check_region, find_cloud, plain_region
from trainup.infra.azure_values import CloudName, Guid, refuse
from trainup.infra.sections import Section


class ProviderSettings(Section):
    """`azure-native:…`: the provider's own settings, as far as trainup reads them too."""

    model_config = ConfigDict(extra="ignore", alias_generator=to_camel, validate_default=True)

    subscription_id: Guid | None = None
    """Subscription to build in. Defaults to that of the login.

    Replaces: everything.
    """
    environment: CloudName = "public"
    """Which Azure: `public`, `usgovernment` or `china`.

    Replaces: everything.
    """
    metadata_host: str | None = None
    """Host that describes another cloud, such as Azure Stack. Defaults to none.

    Replaces: everything.
    """
    location: str = Field(default=None, validate_default=True)
    """Region to build in, such as `westeurope`. Required.

    Replaces: everything, which is refused where data would be lost unless `discard` lists it.
    """

    @property
    def cloud(self) -> str | None:
        """Name of the cloud, or the host that describes another one; None where environment variables decide."""
        return self.metadata_host or (self.environment if "environment" in self.model_fields_set else None)

    @property
    def storage_suffix(self) -> str | None:
        """The domain suffix of storage addresses; None for a cloud that has to describe it."""
        return None if self.metadata_host else find_cloud(self.environment).storage_suffix

    @field_validator("location", mode="before")
    @classmethod
    def _is_a_region(cls, name: str | None, info: ValidationInfo) -> str:
        if name is None:
            raise ValueError("it is not set: `pulumi config set azure-native:location <region>` says where to build")
        # The regions of a cloud that is not Microsoft's are unknown here.
        if info.data.get("metadata_host") is None and "environment" in info.data:
            refuse([check_region(name, find_cloud(info.data["environment"]))])
        return plain_region(name)
