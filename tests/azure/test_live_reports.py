"""Stacks on an Azure that does what real subscriptions were reported to do."""

import pytest

from tests.support.attached import ML, Place
from tests.support.inline import OLD_FIRST
from trainup.simulator.cloud.faults import Fault
from trainup.simulator.cloud.refusal import Refused

pytestmark = pytest.mark.engine

OWN = {"name": "mine", "max_nodes": 2}


def test_a_refused_cluster_is_told_in_the_next_preview_and_replaced_once_it_is_removed(place: Place) -> None:
    stack = place.stack(cluster=OWN)
    full = Refused(409, "Conflict", "full today", is_left=True)
    place.azure.faults.add(Fault("PUT", "*/computes", full))
    assert "full today" in stack.failed()
    assert "cluster-compute" not in place.project.pulumi("stack", "export"), "azure-native keeps nothing of it"
    left = f"{place.sample.workspace}/computes/mine"
    assert place.azure.get(left)["properties"]["provisioningState"] == "Failed"
    told = stack.refused()
    assert "the cluster 'mine' is in the state Failed" in told
    assert "az ml compute delete --name mine" in told
    place.azure.delete(left)
    stack.up()
    assert place.azure.get(left)["properties"]["provisioningState"] == "Succeeded"
    stack.up(unchanged=True)
    assert stack.plan() == {}


@pytest.mark.parametrize("asks", [True, False], ids=["azure asks how", "azure does not ask"])
def test_a_cluster_is_replaced_and_destroyed_whether_or_not_azure_asks_how_to_delete_it(
    place: Place, asks: bool
) -> None:
    place.azure.asks_how_to_delete = asks
    stack = place.deploy(cluster={**OWN, "gpu": "T4"})
    cluster = f"{place.sample.workspace}/computes/mine"
    assert place.azure.get(cluster)["properties"]["properties"]["vmSize"] == "Standard_NC4as_T4_v3"
    place.project.edit(cluster={**OWN, "size": "Standard_D4s_v3"})
    assert stack.plan() == {"cluster-compute": OLD_FIRST}
    stack.up()
    assert place.azure.get(cluster)["properties"]["properties"]["vmSize"] == "Standard_D4s_v3"
    stack.up(unchanged=True)
    stack.destroy()
    assert place.cloud.names(f"{ML}/computes") == ["gpu-cluster"]
