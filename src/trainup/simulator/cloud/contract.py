"""Checks request bodies against Azure's published resource types, where the checker is installed."""

import importlib.util
import os
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

VARIABLE = "TRAINUP_AZURE_CONTRACT"
"""Environment variable with the checker's folder; by default `shared/azure-contract` beside the repository."""

Findings = Callable[[str, str, dict[str, Any], str], list[str]]
"""Type, API version, body and name of a request → what is wrong with it."""


def folder() -> Path:
    """The folder in which the checker is expected."""
    default = Path(__file__).resolve().parents[5] / "shared" / "azure-contract"
    return Path(os.environ.get(VARIABLE) or default)


@cache
def _load(path: Path) -> ModuleType | None:
    if not path.is_file():
        return None
    spec = importlib.util.spec_from_file_location("azure_contract_check", path)
    if spec is None or spec.loader is None:
        return None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its classes look themselves up by module name
    spec.loader.exec_module(module)
    return module


def available() -> bool:
    """Whether bodies are checked against the published types."""
    return _load(folder() / "check.py") is not None


def findings(kind: str, version: str, body: dict[str, Any], name: str | None, direction: str = "request") -> list[str]:
    """How a body violates its published type; open enums accept only the listed values. Empty without the checker."""
    checker = _load(folder() / "check.py")
    if checker is None:
        return []
    stored = checker.index().get(kind.lower(), {})
    if stored and version not in stored:
        version = max(stored)  # the newest version that the checker has is the closest
    try:
        return list(checker.check(kind, version, body, name=name, direction=direction, strict=True))
    except checker.UnknownType as error:
        return [str(error)]
