"""What an endpoint says of a model that its run did not leave behind, before anything is deployed, on every target."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.worlds import STACK, WORLDS, World
from trainup.core.status import Status
from trainup.core.targets import TARGETS
from trainup.provider.endpoint import EndpointHandler
from trainup.provider.handler import Context
from trainup.simulator.cloud.faults import Fault
from trainup.simulator.cloud.refusal import Refused

# Every test starts real processes.
pytestmark = pytest.mark.slow

LEAVE = 'cd "$TRAINUP_OUTPUT_DIR"; mkdir best; echo 1 > model.pkl; echo 2 > best/weights.bin'


@pytest.fixture(params=TARGETS)
def world(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with WORLDS[request.param](tmp_path, monkeypatch) as made:
        (made.project / "scoring").mkdir()
        (made.project / "scoring" / "score.py").write_text("def init(): pass\ndef run(raw_data): pass\n")
        yield made


def told(world: World, model: dict[str, Any], before: dict[str, Any] | None = None) -> list[tuple[str, str]]:
    """(input, reason) of what the check of an endpoint finds."""
    place = {key: world.place[key] for key in ("target", "workspace")}
    inputs = {**place, "name": "digits", "source": "scoring", "image": "i", "environment": "e", "model": model}
    context = Context(STACK.format("dev", "digits"), world.project, threading.Event(), before)
    return [(finding.property, finding.reason) for finding in EndpointHandler().check(context, inputs)[1]]


def test_a_model_that_its_run_did_not_leave_is_told_with_what_it_left(world: World) -> None:
    record, lines = world.run(world.job(LEAVE))
    assert record.status is Status.COMPLETED, lines
    model = {"uri": record.outputs_uri.rstrip("/"), "digest": record.digest}
    for path in ("model.pkl", "best", "best/weights.bin"):
        assert told(world, {**model, "path": path}) == []
    assert told(world, model) == [], "all that it left"
    for path, names in {"model.pk": "model.pkl", "best/weight.bin": "best/weights.bin", "model": "model.pkl"}.items():
        ((property, reason),) = told(world, {**model, "path": path})
        assert property == "model"
        assert f"has no {path!r}, which `path` says; there are " in reason
        assert names in reason.partition("there are ")[2]
    gone = {**model, "path": "gone.pkl"}
    assert told(world, gone, before={"model": gone}) == [], "what is deployed has a copy"


def test_a_model_that_cannot_be_looked_at_from_here_is_left_to_the_deployment(world: World) -> None:
    for uri in ("azureml:digits:1", "https://elsewhere.invalid/models"):
        assert told(world, {"uri": uri, "digest": "v1", "path": "model.pkl"}) == []
    record, _ = world.run(world.job("true"))
    model = {"uri": record.outputs_uri, "digest": "d", "path": "model.pkl"}
    assert "there are none" in str(told(world, model))
    if world.cloud:  # whoever deploys may lack the right to read the storage
        denied = Refused(403, "AuthorizationPermissionMismatch", "This request is not authorized.")
        world.cloud.azure.faults.add(Fault("GET", path="*", error=denied, times=100))
        assert told(world, model) == []
