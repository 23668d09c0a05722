"""The interface of all targets' settings, and the declarations of each target."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, cast

from trainup.core.targets import TARGETS
from trainup.infra.azure_keys import AZURE_NATIVE
from trainup.infra.endpoint_settings import EndpointSettings
from trainup.infra.model_settings import GateSettings, RegisteredModelSettings
from trainup.infra.run_settings import RunSettings
from trainup.infra.sections import JudgedSection, Section

if TYPE_CHECKING:
    TargetName = str
else:
    TargetName = Literal[TARGETS]


class TargetSettings(Protocol):
    """All of the configuration of one stack."""

    @property
    def target(self) -> str:
        """The name of the target."""
        ...

    @property
    def runs(self) -> Mapping[str, RunSettings]:
        """The runs by name."""
        ...

    @property
    def models(self) -> Mapping[str, RegisteredModelSettings]:
        """The models by name."""
        ...

    @property
    def gates(self) -> Mapping[str, GateSettings]:
        """The gates by name."""
        ...

    @property
    def data(self) -> Mapping[str, Section]:
        """The data by name."""
        ...

    @property
    def endpoints(self) -> Mapping[str, EndpointSettings]:
        """The endpoints by name."""
        ...

    @property
    def node_limit(self) -> int:
        """The most nodes that one run can have."""
        ...

    def misfits(self) -> list[str]:
        """Problems between sections that are valid by themselves."""
        ...

    def file_problems(self, root: Path, stack: str) -> list[str]:
        """Problems with files and folders that the settings name and that no resource checks."""
        ...


@dataclass(frozen=True)
class SettingsDeclaration:
    """The settings of one target: `DECLARATION` in `infra/<target>_settings.py`."""

    model: type[Section]
    """The class of the settings, which implements `TargetSettings`."""
    judged: Mapping[str, type[JudgedSection]]
    """The sections that the provider checks as well, as inputs of resources."""
    endpoint: type[EndpointSettings]
    """The class of an endpoint's settings."""

    @property
    def keys(self) -> list[str]:
        """The keys that a stack can set in trainup's namespace."""
        return [key for key in self.model.model_fields if key != AZURE_NATIVE]

    @property
    def has_azure_native(self) -> bool:
        """Whether the settings of Azure's provider are among its own."""
        return AZURE_NATIVE in self.model.model_fields

    def parse(self, values: Mapping[str, Any], context: Any) -> TargetSettings:
        """The settings from parsed sections. Raises ValidationError where they are not valid."""
        return cast(TargetSettings, self.model.model_validate(values, context=context))


def declaration_of(target: str) -> SettingsDeclaration:
    """The declaration of a target's settings; its module is imported at first use, since its classes take long."""
    return cast(SettingsDeclaration, import_module(f"trainup.infra.{target}_settings").DECLARATION)


def declarations() -> dict[str, SettingsDeclaration]:
    """Target → the declaration of its settings, for all targets."""
    return {name: declaration_of(name) for name in TARGETS}
