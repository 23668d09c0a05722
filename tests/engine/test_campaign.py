"""The kill campaigns, with a few kills each; `make kill-campaign` is where there are many, at moments ever new."""

from pathlib import Path
from types import ModuleType

import pytest

from tests.campaign import (
    across_clock_jumps,
    before_destroy,
    in_state_writes,
    on_azure,
    on_engine,
    on_engine_azure,
    on_full_disk,
    over_grpc,
    while_stopped,
    with_forgetful_children,
)
from tests.campaign.tally import Skipped
from tests.support import processes

pytestmark = [pytest.mark.engine, pytest.mark.slow]


@pytest.mark.parametrize(
    ("campaign", "kills"),
    [
        pytest.param(over_grpc, 5, id="over gRPC"),
        pytest.param(on_azure, 5, id="at requests to Azure"),
        pytest.param(on_engine, 1, id="on the engine"),
        pytest.param(on_engine_azure, 1, id="on the engine, at requests to Azure"),
        pytest.param(in_state_writes, 1, id="while the state is written"),
        pytest.param(on_full_disk, 1, id="on a full disk"),
        pytest.param(before_destroy, 1, id="before destroy"),
        pytest.param(across_clock_jumps, 1, id="with other clocks"),
        pytest.param(with_forgetful_children, 1, id="with children that clear their variables"),
        pytest.param(while_stopped, 1, id="of processes that are stopped"),
    ],
)
def test_kills_lose_and_double_nothing(campaign: ModuleType, kills: int, tmp_path: Path) -> None:
    try:
        tally = campaign.run(tmp_path, 1, kills)
    except Skipped as skipped:
        pytest.skip(str(skipped))
    assert tally.kills >= kills
    assert tally.is_clean, tally
    assert processes.left(tmp_path) == []
