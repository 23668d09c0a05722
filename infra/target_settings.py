"""What the settings of stacks offer, whatever their target, and where those of a target are declared."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, cast

from trainup.core.targets import TARGETS
from trainup.infra.azure_provider_settings import AZURE_NATIVE
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
        """Where its runs run."""
        ...

    @property
    def runs(self) -> Mapping[str, RunSettings]:
        """The runs by name."""
        ...

    @property
    def data(self) -> Mapping[str, Section]:
        """The data by name."""
        ...

    @property
    def node_limit(self) -> int:
        """The most nodes that one run can have."""
        ...

    def misfits(self) -> list[str]:
        """What does not fit together among sections that are right by themselves."""
        ...

    def file_problems(self, root: Path, stack: str) -> list[str]:
        """What is wrong with the files and folders that the settings name, as far as no resource looks at them."""
        ...


@dataclass(frozen=True)
class SettingsDeclaration:
    """The settings of a target: what `infra/<target>_settings.py` has as `DECLARATION`."""

    model: type[Section]
    """A `TargetSettings`."""
    judged: Mapping[str, type[JudgedSection]]
    """The sections that resources judge as well."""

    @property
    def keys(self) -> list[str]:
        """The settings that a stack can have in trainup's namespace."""
        return [key for key in self.model.model_fields if key != AZURE_NATIVE]

    @property
    def has_azure_native(self) -> bool:
        """Whether the settings of Azure's provider are among its own."""
        return AZURE_NATIVE in self.model.model_fields

    def parse(self, values: Mapping[str, Any], context: Any) -> TargetSettings:
        """The settings that are meant. ValidationError where they are none."""
        return cast(TargetSettings, self.model.model_validate(values, context=context))


def declarations() -> dict[str, SettingsDeclaration]:
    """Target → its settings, of all targets."""
    return {name: import_module(f"trainup.infra.{name}_settings").DECLARATION for name in TARGETS}
