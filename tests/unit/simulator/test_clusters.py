"""Clusters that scale with the jobs that wait for them."""

import threading
from typing import Any

import pytest

from tests.support.waiting import until
from tests.unit.simulator.conftest import Jobs
from trainup.jobs.azure.http.client import AzureClient
from trainup.simulator.cloud import contract
from trainup.simulator.cloud.azure import Azure
from trainup.simulator.cloud.faults import Fault
from trainup.simulator.cloud.refusal import Refused

FAMILY = "standard NCASv3_T4 Family"


def state(client: AzureClient, cluster: str) -> dict[str, Any]:
    """What a cluster tells of itself."""
    found = client.get(cluster)
    kind = "Microsoft.MachineLearningServices/workspaces/computes"
    assert contract.findings(kind, "2025-12-01", found, found["name"], direction="response") == []
    own: dict[str, Any] = found["properties"]["properties"]
    return own


def test_nodes_come_with_a_job_and_go_after_it(azure: Azure, client: AzureClient, jobs: Jobs) -> None:
    begun, seen = threading.Event(), threading.Event()

    def allocate() -> None:
        begun.set()
        seen.wait(60)

    azure.faults.add(Fault("ALLOCATE", "*/computes", call=allocate))
    job = jobs.submit("one", "sleep 600")
    assert begun.wait(60)
    now = state(client, jobs.sample.cluster)
    seen.set()
    assert (now["allocationState"], now["currentNodeCount"], now["targetNodeCount"]) == ("Resizing", 0, 1)
    jobs.wait_for("one", lambda run: run.status == "Running")
    now = state(client, jobs.sample.cluster)
    assert (now["allocationState"], now["currentNodeCount"]) == ("Steady", 1)
    assert now["nodeStateCounts"]["runningNodeCount"] == 1
    (node,) = client.post(f"{jobs.sample.cluster}/listNodes")["nodes"]
    assert (node["nodeState"], node["runId"]) == ("running", "one")
    jobs.running.machines.cancel(job)
    jobs.running.machines.wait(job)
    assert state(client, jobs.sample.cluster)["currentNodeCount"] == 0
    assert client.post(f"{jobs.sample.cluster}/listNodes")["nodes"] == []


def test_a_node_stays_while_it_is_idle_for_less_than_it_may(azure: Azure, client: AzureClient, jobs: Jobs) -> None:
    azure.clock.scale = 1
    jobs.run("one", "true")
    now = state(client, jobs.sample.cluster)
    assert (now["currentNodeCount"], now["nodeStateCounts"]["idleNodeCount"]) == (1, 1)


def test_jobs_wait_in_line_for_nodes(jobs: Jobs) -> None:
    first = jobs.submit("first", "sleep 600", resources={"instanceCount": 2})
    jobs.wait_for("first", lambda run: run.status == "Running")
    jobs.submit("second", "sleep 600", resources={"instanceCount": 2})
    second = jobs.wait_for("second", lambda run: run.status == "Queued")
    third = jobs.submit("third", "true")
    waiting = jobs.wait_for("third", lambda run: run.status == "Queued")
    assert (second.status, waiting.status) == ("Queued", "Queued")
    jobs.running.machines.cancel(first)
    jobs.wait_for("second", lambda run: run.status == "Running")
    assert waiting.status == "Queued"
    jobs.running.machines.cancel(f"{jobs.sample.workspace}/jobs/second")
    assert jobs.running.machines.wait(third).status == "Completed"


def test_without_quota_a_job_stays_queued_and_the_cluster_says_why(
    azure: Azure, client: AzureClient, jobs: Jobs
) -> None:
    azure.quota[FAMILY] = 3
    job = jobs.submit("one", "true")
    until(lambda: bool(state(client, jobs.sample.cluster)["errors"]))
    (error,) = state(client, jobs.sample.cluster)["errors"]
    assert error["error"]["code"] == "JobNodeCountExceedsCoreQuota"
    assert "vCPU quota of 3" in error["error"]["message"]
    assert state(client, jobs.sample.cluster)["allocationState"] == "Steady"
    assert client.get(job)["properties"]["status"] == "Queued"
    azure.quota[FAMILY] = 8
    assert jobs.running.machines.wait(job).status == "Completed"
    assert state(client, jobs.sample.cluster)["errors"] == []


def test_an_allocation_that_fails_is_tried_again(azure: Azure, client: AzureClient, jobs: Jobs) -> None:
    failed = Refused(409, "AllocationFailed", "There are no spare machines of this size.")
    azure.faults.add(Fault("ALLOCATE", "*/computes", failed, times=3))
    assert jobs.run("one", "true").status == "Completed"
    assert azure.faults.unused() == []


def test_a_cluster_with_least_nodes_keeps_them(azure: Azure, client: AzureClient, jobs: Jobs) -> None:
    body = azure.patched(jobs.sample.cluster, {"properties": {"properties": {"scaleSettings": {"minNodeCount": 1}}}})
    client.put(jobs.sample.cluster, body)
    assert state(client, jobs.sample.cluster)["currentNodeCount"] == 1
    jobs.run("one", "true")
    assert state(client, jobs.sample.cluster)["currentNodeCount"] == 1


def test_another_size_is_taken_without_a_word_and_changes_nothing(
    azure: Azure, client: AzureClient, jobs: Jobs
) -> None:
    body = azure.patched(jobs.sample.cluster, {"properties": {"properties": {"vmSize": "Standard_NC8as_T4_v3"}}})
    client.put(jobs.sample.cluster, body)
    assert state(client, jobs.sample.cluster)["vmSize"] == "Standard_NC4as_T4_v3"


def test_jobs_of_a_deleted_cluster_fail(client: AzureClient, azure: Azure, jobs: Jobs) -> None:
    azure.quota[FAMILY] = 0
    job = jobs.submit("one", "true")
    jobs.wait_for("one", lambda run: run.status == "Queued")
    client.delete(jobs.sample.cluster)
    run = jobs.running.machines.wait(job)
    assert run.status == "Failed"


@pytest.mark.parametrize("size", ["Standard_NC6", "Standard_NV12s_v3"])
def test_a_size_that_is_retired_is_not_supported(azure: Azure, jobs: Jobs, size: str) -> None:
    found = azure.find(jobs.sample.cluster)
    assert found is not None
    body = azure.patched(jobs.sample.cluster, {"properties": {"properties": {"vmSize": size}}})
    with pytest.raises(Refused, match="not a supported VM size"):
        azure.put(jobs.sample.cluster.replace("gpu-cluster", "old"), "2025-12-01", body)
