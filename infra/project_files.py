"""Finds and reads the project file and the stack files of the program's project."""

import json
from pathlib import Path
from typing import Any

from trainup.core.project import PROJECT_FILES, stack_file_name
from trainup.core.texts import decode


def project_settings(root: Path) -> dict[str, Any]:
    """The content of the project file; empty where there is none, as in tests of the program."""
    file = project_file(root)
    if file is None:
        return {}
    import yaml  # slow to import, and few programs need it

    text = decode(file.read_bytes())
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast
    return dict(json.loads(text) if file.suffix == ".json" else yaml.load(text, Loader=loader))


def stack_file(root: Path, stack: str) -> Path:
    """The path of a stack's file, unless `--config-file` names another one."""
    file = project_file(root) or root / "Pulumi.yaml"
    return root / str(project_settings(root).get("stackConfigDir") or ".") / stack_file_name(file.name, stack)


def project_file(root: Path) -> Path | None:
    """The path of the project file; None where there is none."""
    return next((root / name for name in PROJECT_FILES if (root / name).is_file()), None)
