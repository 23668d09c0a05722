"""Whether a subscription is ready, over gRPC: asked for once, in the preview, and never in the way of silence."""

from collections.abc import Iterator
from typing import Any

import pytest
from pulumi.runtime.proto import provider_pb2

from tests.support.plugin import Plugin, urn
from trainup.core import wire
from trainup.core.readiness import NAMESPACES
from trainup.core.values import UNKNOWN
from trainup.simulator.cloud.azure import Azure
from trainup.simulator.cloud.faults import Fault
from trainup.simulator.cloud.refusal import Refused
from trainup.simulator.cloud.sample import Sample, furnish

pytestmark = pytest.mark.slow

READINESS = urn("Readiness", "readiness")
A100 = "standardNCADSA100v4Family"
STACK: dict[str, Any] = {
    "location": "westeurope",
    "namespaces": list(NAMESPACES),
    "resource_group_name": UNKNOWN,
    "size": "Standard_NC24ads_A100_v4",
    "demands": {"the cluster": {"nodes": 2}},
}


@pytest.fixture
def azure(world: tuple[Azure, Plugin]) -> Iterator[Azure]:
    world[1].engine.logged.clear()
    yield world[0]
    world[0].registrations.missing.clear()
    world[0].quota.clear()
    world[0].faults.clear()


@pytest.fixture(scope="module")
def sample(world: tuple[Azure, Plugin]) -> Sample:
    return furnish(world[0])


@pytest.fixture
def ready(world: tuple[Azure, Plugin]) -> Plugin:
    return world[1]


def warnings(ready: Plugin) -> list[str]:
    return [request.message for request in ready.engine.logged if not request.ephemeral]


def test_what_is_ready_is_silent_and_asked_about_once(azure: Azure, ready: Plugin) -> None:
    inputs, failures = ready.check(READINESS, STACK)
    assert (failures, warnings(ready)) == ({}, [])
    asked = len(azure.journal.entries)
    known = wire.encode({**STACK, "resource_group_name": "team"})
    answer = ready.stub.Check(provider_pb2.CheckRequest(urn=READINESS, olds=wire.encode(STACK), news=known))
    assert not answer.failures
    assert len(azure.journal.entries) == asked
    made = ready.create(READINESS, inputs)
    assert ready.read(made) == made
    ready.delete(made)


def test_providers_that_are_not_registered_stop_with_their_commands(azure: Azure, ready: Plugin) -> None:
    azure.registrations.missing = {"Microsoft.KeyVault"}
    _, failures = ready.check(READINESS, STACK)
    assert "az provider register -n Microsoft.KeyVault" in failures["namespaces"]


def test_a_registry_name_that_somebody_has_stops_unless_it_may_be_the_stacks_own(
    azure: Azure, ready: Plugin, sample: Sample
) -> None:
    named = {**STACK, "registry_name": sample.registry.rsplit("/", 1)[-1]}
    assert "trainup:registry.name: 'teamregistry' is no free name" in ready.check(READINESS, named)[1]["registry_name"]
    assert not ready.check(READINESS, {**named, "resource_group_name": "team"})[1]
    assert not ready.check(READINESS, {**named, "registry_name": "nobodyhasthis"})[1]


def test_a_deleted_workspace_keeps_its_name(azure: Azure, ready: Plugin, sample: Sample) -> None:
    named = {**STACK, "resource_group_name": "team", "workspace_name": "team"}
    assert not ready.check(READINESS, named)[1], "it may be the stack's own"
    gone = sample.workspace.replace("/team", "/team", 1)
    azure.deleted[f"{gone}-old".lower()] = {**(azure.find(gone) or {}), "id": f"{gone}-old", "name": "team-old"}
    told = ready.check(READINESS, {**named, "workspace_name": "team-old"})[1]["workspace_name"]
    assert "Azure keeps it for 14 days" in told


def test_the_quota_of_all_that_may_run_at_once_is_told(azure: Azure, ready: Plugin) -> None:
    azure.quota[A100] = 48
    runs = {"a": {"nodes": 1, "spot": False}, "b": {"nodes": 2, "spot": False}}
    ready.check(READINESS, {**STACK, "demands": runs})
    assert warnings(ready)[0].startswith(
        f"the quota for the family {A100} in westeurope is 48 vCPUs, and a, b together may need 72 at once"
    )
    ready.engine.logged.clear()
    in_turn = {**runs, "b": {**runs["b"], "after": ["a"]}}
    ready.check(READINESS, {**STACK, "demands": in_turn})
    assert warnings(ready) == []


def test_silence_stops_nobody_and_is_said_once(azure: Azure, ready: Plugin) -> None:
    azure.faults.add(Fault(path="*/providers/Microsoft.*", error=Refused(403, "AuthorizationFailed", "no"), times=50))
    _, failures = ready.check(READINESS, STACK)
    assert not failures
    assert len(warnings(ready)) == 1
    assert "whether the subscription is ready could not be looked up" in warnings(ready)[0]
