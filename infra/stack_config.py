"""The stack's configuration as the engine sends it: the settings, their keys, and which of them are secrets."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pulumi
from pulumi.runtime import get_root_directory
from pulumi.runtime.config import CONFIG, get_config_env, is_config_secret

from trainup.core.project import NAMESPACE, settings_of
from trainup.infra import project_files
from trainup.infra.azure_keys import AZURE_NATIVE, AZURE_NATIVE_KEY


@dataclass(frozen=True)
class StackConfig:
    """The values of all keys in all namespaces, so that misspelt ones are noticed."""

    values: Mapping[str, str]
    """Key, as `trainup:runs` → its value as text."""
    project: str
    stack: str
    root: Path
    """The folder of Pulumi.yaml."""
    secrets: frozenset[str] | None = None
    """The keys that are encrypted; None where the engine says which they are."""

    @classmethod
    def read(cls) -> "StackConfig":
        """The configuration of the current stack."""
        values = {**get_config_env(), **CONFIG.get()}
        return cls(values, pulumi.get_project(), pulumi.get_stack(), Path(get_root_directory() or "."))

    @cached_property
    def texts(self) -> dict[str, str]:
        """Setting → its text."""
        return {setting: self.values[key] for setting, key in self._keys.items()}

    @cached_property
    def _keys(self) -> dict[str, str]:
        return settings_of(self.values, self.project)

    @cached_property
    def of_azure_native(self) -> dict[str, str]:
        """The settings of Azure's provider, by key without the namespace."""
        ours = ((key.removeprefix(AZURE_NATIVE_KEY), key) for key in self.values if key.startswith(AZURE_NATIVE_KEY))
        return {name: self.values[key] for name, key in ours}

    def key(self, setting: str) -> str:
        """The full key of a setting, whether or not it is set."""
        return self._keys.get(setting, f"{NAMESPACE}:{setting}")

    def path(self, location: tuple[int | str, ...]) -> str:
        """A path below a setting as messages show it: `trainup:runs.a.arguments[1]`."""
        if location[0] == AZURE_NATIVE:
            return f"{AZURE_NATIVE_KEY}{location[1]}"
        path = ""
        for part in location[1:]:
            if part != "[key]":  # pydantic's word for a key that is wrong itself
                path += f"[{part}]" if isinstance(part, int) else f".{part}"
        return self.key(str(location[0])) + path

    def is_secret(self, setting: str, section: str = "") -> bool:
        """Whether a setting is encrypted; one of Azure's provider where `section` is `azure_native`."""
        key = f"{AZURE_NATIVE_KEY}{setting}" if section == AZURE_NATIVE else self.key(setting)
        return is_config_secret(key) if self.secrets is None else key in self.secrets

    def secret(self, setting: str) -> pulumi.Output[str]:
        """A config secret as a secret output, which the program never sees in plain text."""
        namespace, _, key = self.key(setting).partition(":")
        return pulumi.Config(namespace).require_secret(key)

    @property
    def defaults(self) -> list[str]:
        """The keys whose value is only the default in Pulumi.yaml; the engine does not mark them."""
        if self.project == NAMESPACE:
            return []
        declarations = project_files.project_settings(self.root).get("config") or {}
        return [
            key
            for name, declaration in declarations.items()
            if isinstance(declaration, dict) and (key := f"{self.project}:{name}") in self.values
            if self.values[key]
            in (
                declaration.get("default"),
                json.dumps(declaration.get("default")),
                json.dumps(declaration.get("value")),
            )
        ]
