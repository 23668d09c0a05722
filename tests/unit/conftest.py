"""Azure's published types, where they lie beside the repository."""

import importlib.util
import os
from pathlib import Path

import pytest

from tests.support.contract import Check


@pytest.fixture(scope="session")
def contract() -> Check:
    """`(type, version, body, name)` → what Azure's types have against it, strictly."""
    folder = Path(os.environ.get("TRAINUP_AZURE_CONTRACT") or Path(__file__).parents[3] / "shared" / "azure-contract")
    path = folder / "check.py"
    if not path.is_file():
        pytest.skip(f"Azure's types are not in {folder}; TRAINUP_AZURE_CONTRACT says where they are")
    spec = importlib.util.spec_from_file_location("azure_contract", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return lambda kind, version, body, name: list(module.check(kind, version, body, name=name, strict=True))
