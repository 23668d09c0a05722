"""Reads the project file, and finds the file of a stack."""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainup.core.project import PROJECT_FILES, stack_file_name
from trainup.toolchain.paths import SetupError, packages


@dataclass(frozen=True)
class Project:
    """A Pulumi project."""

    file: Path
    name: str
    settings: Mapping[str, Any]
    """The content of the project's file."""

    def stack_file(self, stack: str) -> Path:
        """The path of a stack's file; a name like `organization/project/stack` is reduced to its last part."""
        folder = self.file.parent / str(self.settings.get("stackConfigDir") or ".")
        return folder / stack_file_name(self.file.name, stack)

    def names_plugin(self, name: str) -> bool:
        """Whether the project's file lists a provider plugin of this name."""
        plugins = self.settings.get("plugins")
        providers = plugins.get("providers") if isinstance(plugins, dict) else None
        entries = providers if isinstance(providers, list) else []
        return any(isinstance(entry, dict) and entry.get("name") == name for entry in entries)


def read(root: Path) -> Project:
    """The project in a folder. Raises SetupError."""
    file = next((root / name for name in PROJECT_FILES if (root / name).is_file()), None)
    if file is None:
        raise SetupError(f"there is no Pulumi.yaml in {root}, which makes a folder a project: restore it")
    yaml = yaml_library()
    try:
        text = file.read_text(encoding="utf-8-sig")
        settings = json.loads(text) if file.suffix == ".json" else yaml.safe_load(text)
        return Project(file, str(settings["name"]), settings)
    except (OSError, ValueError, yaml.YAMLError, KeyError, TypeError) as error:
        raise SetupError(f"{file} has no `name` that can be read: {error}") from error


def yaml_library() -> Any:
    """The module `yaml` (PyYAML) of trainup's own environment."""
    use_environment()
    import yaml

    return yaml


def use_environment() -> None:
    """Make the packages of trainup's own environment importable; set-up has created it before any stack is read."""
    for folder in packages():
        if str(folder) not in sys.path:
            sys.path.append(str(folder))
