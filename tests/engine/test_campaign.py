"""The kill campaigns, with a few kills each; `make kill-campaign` is where there are many, at moments ever new."""

from pathlib import Path
from types import ModuleType

import pytest

from tests.campaign import on_azure, on_engine, on_engine_azure, over_grpc
from tests.support import processes

pytestmark = [pytest.mark.engine, pytest.mark.slow]


@pytest.mark.parametrize(
    ("campaign", "kills"),
    [
        pytest.param(over_grpc, 5, id="over gRPC"),
        pytest.param(on_azure, 5, id="at requests to Azure"),
        pytest.param(on_engine, 1, id="on the engine"),
        pytest.param(on_engine_azure, 1, id="on the engine, at requests to Azure"),
    ],
)
def test_kills_lose_and_double_nothing(campaign: ModuleType, kills: int, tmp_path: Path) -> None:
    tally = campaign.run(tmp_path, 1, kills)
    assert tally.kills >= kills
    assert tally.is_clean, tally
    assert processes.left(tmp_path) == []
