"""Quota over gRPC: asked for once, in the preview, and never in the way where nothing is known."""

from collections.abc import Iterator
from typing import Any

import pytest
from pulumi.runtime.proto import provider_pb2

from tests.support.azure import visit
from tests.support.plugin import Plugin, Resource, plugin, urn
from trainup.core import wire
from trainup.core.values import UNKNOWN
from trainup.simulator.cloud.azure import Azure
from trainup.simulator.cloud.faults import Fault
from trainup.simulator.cloud.refusal import Refused
from trainup.simulator.rehearsal import rehearsal

pytestmark = pytest.mark.slow

QUOTA = urn("Quota", "quota")
CLUSTER: dict[str, Any] = {
    "location": "westeurope",
    "size": "Standard_NC4as_T4_v3",
    "min_nodes": 0,
    "max_nodes": 2,
    "spot": False,
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Azure, Plugin]]:
    with rehearsal(tmp_path_factory.mktemp("azure")) as running, pytest.MonkeyPatch.context() as patch:
        visit(running, patch)
        with plugin(tmp_path_factory.mktemp("project")) as made:
            yield running.azure, made


@pytest.fixture
def azure(world: tuple[Azure, Plugin]) -> Iterator[Azure]:
    yield world[0]
    world[0].quota.clear()


@pytest.fixture
def quota(world: tuple[Azure, Plugin]) -> Plugin:
    world[1].engine.logged.clear()
    return world[1]


def warnings(quota: Plugin) -> list[str]:
    return [request.message for request in quota.engine.logged if not request.ephemeral]


def test_a_cluster_that_can_never_have_a_node_is_refused_in_the_preview(azure: Azure, quota: Plugin) -> None:
    azure.quota["standardNCASv3_T4Family"] = 0
    _, failures = quota.check(QUOTA, CLUSTER)
    assert "the quota for the family standard NCASv3_T4 Family in westeurope is 0 vCPUs" in failures["size"]


def test_nodes_that_would_wait_are_a_warning(azure: Azure, quota: Plugin) -> None:
    azure.quota["standardNCASv3_T4Family"] = 6
    _, failures = quota.check(QUOTA, CLUSTER)
    assert not failures
    assert "1 of max_nodes 2 fit" in warnings(quota)[0]


def test_enough_is_nothing_to_tell(azure: Azure, quota: Plugin) -> None:
    inputs, failures = quota.check(QUOTA, CLUSTER)
    assert not failures
    assert not warnings(quota)
    made = quota.create(QUOTA, inputs)
    assert quota.read(made) == made
    quota.delete(made)


def test_what_is_deployed_is_asked_about_no_more(azure: Azure, quota: Plugin) -> None:
    azure.quota["standardNCASv3_T4Family"] = 0
    asked = len(azure.journal.entries)
    encoded = wire.encode(CLUSTER)
    answer = quota.stub.Check(provider_pb2.CheckRequest(urn=QUOTA, olds=encoded, news=encoded))
    assert not answer.failures
    assert len(azure.journal.entries) == asked
    larger = wire.encode({**CLUSTER, "max_nodes": 3})
    answer = quota.stub.Check(provider_pb2.CheckRequest(urn=QUOTA, olds=encoded, news=larger))
    assert answer.failures


@pytest.mark.parametrize(
    "fault", [Refused(403, "AuthorizationFailed", "no right to look"), Refused(404, "SubscriptionNotFound", "unknown")]
)
def test_what_cannot_be_looked_up_stops_nobody(azure: Azure, quota: Plugin, fault: Refused) -> None:
    azure.faults.add(Fault(path="*/usages", error=fault))
    _, failures = quota.check(QUOTA, CLUSTER)
    assert not failures
    assert fault.message in warnings(quota)[0]


def test_unknown_values_and_strange_ones(quota: Plugin) -> None:
    assert not quota.check(QUOTA, {**CLUSTER, "max_nodes": UNKNOWN})[1]
    assert quota.check(QUOTA, {**CLUSTER, "size": "NC6"})[1].keys() == {"size"}
    assert quota.check(QUOTA, {"size": "x", "sise": 1})[1].keys() >= {"location", "sise"}
    changed = quota.diff(Resource(QUOTA, "x", CLUSTER, CLUSTER), {**CLUSTER, "max_nodes": 3})
    assert list(changed.diffs) == ["max_nodes"]
    assert not changed.replaces
