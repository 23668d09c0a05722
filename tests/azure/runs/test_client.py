"""Requests to Azure that do not go well."""

import pytest

from tests.azure.runs.conftest import World
from trainup.jobs.azure.client import AzureError
from trainup.simulator.cloud.faults import Cut, Fault
from trainup.simulator.cloud.refusal import Refused, throttled, unavailable


def sent(world: World, path: str) -> int:
    """How often a request was sent since the beginning."""
    return len([entry for entry in world.azure.journal.entries if entry.path == path])


@pytest.mark.parametrize(
    "fault",
    [
        {"error": unavailable(500)},
        {"error": unavailable(503)},
        {"error": Refused(503, "ServerBusy", "try again", {"Retry-After": "0"})},
        {"error": unavailable(504)},
        {"cut": Cut.AFTER},
    ],
)
def test_what_may_have_been_carried_out_is_not_sent_twice(world: World, fault: dict[str, object]) -> None:
    action = f"{world.sample.registry}/listBuildSourceUploadUrl"
    world.azure.faults.add(Fault("POST", path=action, **fault))  # type: ignore[arg-type]
    with pytest.raises(AzureError):
        world.client().post(action, version="2019-06-01-preview", repeat=False)
    assert sent(world, action) == 1


def test_what_was_refused_for_there_being_too_much_is_sent_again(world: World) -> None:
    action = f"{world.sample.registry}/listBuildSourceUploadUrl"
    world.azure.faults.add(Fault("POST", path=action, error=throttled(0.01)))
    assert world.client().post(action, version="2019-06-01-preview", repeat=False)["uploadUrl"]
    assert sent(world, action) == 2
