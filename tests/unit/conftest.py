"""Azure's published types, where they lie beside the repository."""

import pytest

from tests.support.contract import Check
from trainup.simulator.cloud import contract as types


@pytest.fixture(scope="session")
def contract() -> Check:
    """`(type, version, body, name)` → what Azure's types have against it, strictly."""
    if not types.available():
        pytest.skip(f"Azure's types are not in {types.folder()}; {types.VARIABLE} says where they are")
    return types.findings
