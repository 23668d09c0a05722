"""Commands are run in this process, and set variables for what they start."""

import os
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def variables_of_before() -> Iterator[None]:
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)
