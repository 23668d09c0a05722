"""Quota over gRPC: asked for once, in the preview, and never in the way where nothing is known."""

from collections.abc import Iterator
from typing import Any

import pytest
from pulumi.runtime.proto import provider_pb2

from tests.support.plugin import Plugin, Resource, urn
from trainup.core import wire
from trainup.core.values import UNKNOWN
from trainup.simulator.cloud.azure import Azure
from trainup.simulator.cloud.faults import Fault
from trainup.simulator.cloud.refusal import Refused
from trainup.simulator.cloud.rights import Granted
from trainup.simulator.cloud.sample import Sample, furnish

pytestmark = pytest.mark.slow

QUOTA = urn("Quota", "quota")
CLUSTER: dict[str, Any] = {
    "location": "westeurope",
    "size": "Standard_NC4as_T4_v3",
    "min_nodes": 0,
    "max_nodes": 2,
    "spot": False,
}


T4 = "standardNCASv3_T4Family"


@pytest.fixture
def azure(world: tuple[Azure, Plugin]) -> Iterator[Azure]:
    world[0].quota[T4] = 100
    yield world[0]
    world[0].quota.clear()
    world[0].asks_how_to_delete = False
    world[0].may.roles, world[0].may.granted = {"Owner"}, None


@pytest.fixture(scope="module")
def sample(world: tuple[Azure, Plugin]) -> Sample:
    return furnish(world[0])


def place(sample: Sample, name: str = "mine") -> dict[str, Any]:
    """The inputs that name a cluster of the stack."""
    return {"resource_group_name": "team", "workspace_name": "team", "cluster_name": name}


def compute(azure: Azure, sample: Sample, name: str = "mine", size: str = "Standard_NC4as_T4_v3", **more: Any) -> str:
    """Put a cluster, as somebody else would."""
    inner = {"vmSize": size, "scaleSettings": {"maxNodeCount": 1}, **more}
    body = {"location": "westeurope", "properties": {"computeType": "AmlCompute", "properties": inner}}
    return str(azure.put(f"{sample.workspace}/computes/{name}", "2025-12-01", body)["id"])


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


def again(quota: Plugin, before: dict[str, Any], inputs: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Check inputs of a resource that was deployed with others."""
    request = provider_pb2.CheckRequest(urn=QUOTA, olds=wire.encode(before), news=wire.encode(inputs))
    answer = quota.stub.Check(request)
    return wire.decode(answer.inputs), {failure.property: failure.reason for failure in answer.failures}


def test_in_a_new_subscription_the_preview_says_that_gpus_have_to_be_asked_for(azure: Azure, quota: Plugin) -> None:
    azure.quota.clear()
    _, failures = quota.check(QUOTA, CLUSTER)
    assert "is 0 vCPUs" in failures["size"]
    assert "ask for more" in failures["size"]


@pytest.mark.parametrize(
    ("deployer", "missing"),
    [
        ({"Owner"}, None),
        ({"Contributor", "Role Based Access Control Administrator"}, None),
        ({"Contributor"}, "may not assign roles on"),
        ({"Reader"}, "may not create resources on"),
    ],
)
def test_what_the_deployer_may_not_do_is_told_before_anything_is_made(
    azure: Azure, quota: Plugin, sample: Sample, deployer: set[str], missing: str | None
) -> None:
    azure.may.roles = deployer
    assert not quota.check(QUOTA, {**CLUSTER, **place(sample)})[1]
    told = warnings(quota)
    assert len(told) == {None: 0, "may not create resources on": 2}.get(missing, 1)
    if missing:
        assert missing in told[0]
        assert "Contributor together with Role Based Access Control Administrator" in told[0]


def test_the_least_roles_in_a_workspace_that_exists_are_enough(azure: Azure, quota: Plugin, sample: Sample) -> None:
    least = [
        Granted("AzureML Compute Operator", sample.workspace),
        Granted("AzureML Data Scientist", sample.workspace),
        Granted("Role Based Access Control Administrator", sample.account),
        Granted("Reader", azure.root),
    ]
    azure.may.granted = least
    assert not quota.check(QUOTA, {**CLUSTER, **place(sample)})[1]
    assert not warnings(quota)
    for lacking, told in ((least[0], "may not create resources on"), (least[2], "may not assign roles on")):
        azure.may.granted = [one for one in least if one != lacking]
        quota.check(QUOTA, {**CLUSTER, **place(sample, "another")})
        assert told in warnings(quota)[-1]
        assert "`trainup roles` lists the least" in warnings(quota)[-1]


def test_a_failed_cluster_of_the_name_is_told_with_the_command_that_removes_it(
    azure: Azure, quota: Plugin, sample: Sample
) -> None:
    with pytest.raises(Refused, match="not a supported"):
        compute(azure, sample, "failed", "Standard_NC6")
    _, failures = quota.check(QUOTA, {**CLUSTER, **place(sample, "failed")})
    told = failures["cluster_name"]
    assert "the cluster 'failed' is in the state Failed (InvalidPropertyValue: " in told
    assert "az ml compute delete --name failed --workspace-name team --resource-group team --subscription" in told


def test_a_cluster_of_the_name_that_is_not_the_stacks_is_told_with_its_id(
    azure: Azure, quota: Plugin, sample: Sample
) -> None:
    inputs = {**CLUSTER, **place(sample, "gpu-cluster")}
    assert not quota.check(QUOTA, inputs)[1], "it may have been imported"
    assert f"trainup:cluster.id: {sample.cluster}" in warnings(quota)[0]
    quota.engine.logged.clear()
    assert not again(quota, inputs, inputs)[1]
    assert not warnings(quota), "it was deployed, so it is the stack's own"


def test_a_cluster_of_another_name_is_looked_at_from_then_on(azure: Azure, quota: Plugin, sample: Sample) -> None:
    deployed = quota.create(QUOTA, {**CLUSTER, **place(sample, "gone")})
    new = {**CLUSTER, **place(sample, "gpu-cluster")}
    assert list(quota.diff(deployed, new).diffs) == ["cluster_name"]
    renamed = quota.update(deployed, new)
    assert quota.read(renamed) == renamed


def test_where_the_cluster_did_not_come_about_the_next_preview_checks_again(
    azure: Azure, quota: Plugin, sample: Sample
) -> None:
    deployed = quota.create(QUOTA, {**CLUSTER, **place(sample, "later")})
    assert quota.read(deployed) is None
    compute(azure, sample, "later")
    assert quota.read(deployed) == deployed
    azure.amend(f"{sample.workspace}/computes/later", {"properties.provisioningState": "Failed"})
    assert quota.read(deployed) is None
    azure.faults.add(Fault(path="*/computes/later", error=Refused(403, "AuthorizationFailed", "no right to look")))
    assert quota.read(deployed) == deployed, "what cannot be looked at is left as it is"


def test_a_stack_of_an_older_version_is_neither_changed_nor_asked_about(
    azure: Azure, quota: Plugin, sample: Sample
) -> None:
    azure.quota[T4] = 0
    new = {**CLUSTER, **place(sample, "gpu-cluster")}
    asked = len(azure.journal.entries)
    checked, failures = again(quota, CLUSTER, new)
    assert not failures
    assert len(azure.journal.entries) == asked
    assert not quota.diff(Resource(QUOTA, "x", CLUSTER, CLUSTER), checked).diffs
    old = Resource(QUOTA, "x", CLUSTER, CLUSTER)
    assert quota.read(old) == old
    assert len(azure.journal.entries) == asked


def test_a_name_that_is_not_known_yet_keeps_nobody_from_checking_the_quota(
    azure: Azure, quota: Plugin, sample: Sample
) -> None:
    azure.quota[T4] = 0
    _, failures = quota.check(QUOTA, {**CLUSTER, **place(sample), "workspace_name": UNKNOWN})
    assert "is 0 vCPUs" in failures["size"]


@pytest.mark.parametrize("size", ["Standard_D4s_v3", "standard_d16s_v3"])
def test_a_size_that_the_own_table_lacks_is_judged_by_the_regions_list(azure: Azure, quota: Plugin, size: str) -> None:
    assert not quota.check(QUOTA, {**CLUSTER, "size": size})[1]
    assert not warnings(quota)
    azure.quota["Standard DSv3 Family"] = 2
    assert (
        "the family standardDSv3Family in westeurope is 2" in quota.check(QUOTA, {**CLUSTER, "size": size})[1]["size"]
    )


def test_a_size_that_this_region_does_not_sell_is_told_in_the_preview(azure: Azure, quota: Plugin) -> None:
    rare = {**CLUSTER, "size": "Standard_ND96isr_MI300X_v5"}
    assert "is not to be had in westeurope" in quota.check(QUOTA, rare)[1]["size"]
    azure.quota["standardNDISv5MI300XFamily"] = 200
    assert not quota.check(QUOTA, {**rare, "location": "swedencentral"})[1]


GPU = {name: value for name, value in CLUSTER.items() if name != "size"} | {"gpu": "A100", "gpus": 1}


def test_a_gpu_is_resolved_once_and_stays_whatever_the_quota_does(azure: Azure, quota: Plugin) -> None:
    azure.quota["standardNCADSA100v4Family"] = 48
    checked, failures = quota.check(QUOTA, GPU)
    assert not failures
    assert quota.plan(QUOTA, checked)["size"] == "Standard_NC24ads_A100_v4"
    azure.quota["standardNCADSA100v4Family"] = 0
    asked = len(azure.journal.entries)
    assert again(quota, checked, GPU) == (checked, {})
    assert len(azure.journal.entries) == asked
    assert again(quota, checked, {**GPU, "max_nodes": 1})[0]["size"] == checked["size"]


def test_another_gpu_is_looked_for_anew(azure: Azure, quota: Plugin) -> None:
    checked, _ = quota.check(QUOTA, {**GPU, "gpu": "T4"})
    assert checked["size"] == "Standard_NC4as_T4_v3"
    assert again(quota, checked, {**GPU, "gpu": "T4", "gpus": 4})[0]["size"] == "Standard_NC64as_T4_v3"


def test_a_gpu_without_quota_is_told_with_every_size_that_has_it(azure: Azure, quota: Plugin) -> None:
    _, failures = quota.check(QUOTA, GPU)
    assert "the family standardNCADSA100v4Family in westeurope is 0 vCPUs" in failures["gpu"]


def test_the_quota_of_an_existing_cluster_is_a_warning(azure: Azure, quota: Plugin, sample: Sample) -> None:
    attached = {"location": "westeurope", "attached_id": sample.cluster}
    assert quota.check(QUOTA, attached) == (attached, {})
    assert not warnings(quota)
    azure.quota[T4] = 0
    assert not quota.check(QUOTA, attached)[1]
    assert "the cluster gpu-cluster: the quota for the family standard NCASv3_T4 Family" in warnings(quota)[0]


def test_an_existing_cluster_that_is_gone_or_failed_is_told_in_the_preview(
    azure: Azure, quota: Plugin, sample: Sample
) -> None:
    with pytest.raises(Refused, match="not a supported"):
        compute(azure, sample, "broken", "Standard_NC6")
    attached = {"location": "westeurope", "attached_id": f"{sample.workspace}/computes/broken"}
    assert "is in the state Failed" in quota.check(QUOTA, attached)[1]["attached_id"]
    attached["attached_id"] += "-none"
    assert "there is no cluster" in quota.check(QUOTA, attached)[1]["attached_id"]


@pytest.mark.parametrize("demanding", [False, True])
def test_a_cluster_is_removed_whether_or_not_azure_asks_how(
    azure: Azure, quota: Plugin, sample: Sample, demanding: bool
) -> None:
    azure.asks_how_to_delete = demanding
    removal = urn("ClusterRemoval", "removal")
    checked, failures = quota.check(removal, {"cluster_id": compute(azure, sample, "short")})
    assert not failures
    made = quota.create(removal, checked)
    assert quota.diff(made, {**checked, "cluster_id": UNKNOWN}).replaces == ["cluster_id"]
    quota.delete(made)
    assert azure.find(checked["cluster_id"]) is None
    quota.delete(made)  # a cluster that is gone already is no error
