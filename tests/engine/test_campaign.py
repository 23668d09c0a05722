"""The kill campaigns, with a few kills each; `make kill-campaign` is where there are many, at moments ever new."""

from pathlib import Path

import pytest

from tests.campaign.parts import PARTS, Part
from tests.campaign.tally import Skipped
from tests.support import processes

pytestmark = [pytest.mark.engine, pytest.mark.slow]

LONG = ("full disk", "clock jumps")
"""Kinds that take more than a minute for a single kill: for the campaign alone."""


@pytest.mark.parametrize("part", [pytest.param(part, id=part.name) for part in PARTS if part.name not in LONG])
def test_kills_lose_and_double_nothing(part: Part, tmp_path: Path) -> None:
    try:
        tally = part.run(tmp_path, 1, part.few)
    except Skipped as skipped:
        pytest.skip(str(skipped))
    assert tally.kills >= part.few
    assert tally.is_clean, str(tally)
    assert processes.left(tmp_path) == []
