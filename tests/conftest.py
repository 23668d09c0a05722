"""What holds for all tests."""

from pathlib import Path

import pytest
from hypothesis import settings

SLOW_ROOMS = tuple(Path(__file__).parent / "unit" / name for name in ("azure", "simulator"))
"""Every test there is quick, and all of them take longer than `make check` may: they have the marker `slow`."""

# No test is about time: a busy machine takes longer.
settings.register_profile("patient", deadline=None)
settings.register_profile("quick", deadline=None, max_examples=10)  # for `make check`; `make test` tries a hundred
settings.load_profile("patient")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if any(item.path.is_relative_to(room) for room in SLOW_ROOMS):
            item.add_marker(pytest.mark.slow)
