"""What real subscriptions were reported to do, and the simulator does as well."""

import threading

import pytest
import requests

from tests.unit.simulator.conftest import Jobs
from trainup.jobs.azure.http.blobs import Blobs
from trainup.jobs.azure.http.client import AzureClient, AzureError
from trainup.jobs.azure.platform import storage
from trainup.jobs.target import TargetError
from trainup.simulator.cloud import roles
from trainup.simulator.cloud.azure import Azure
from trainup.simulator.cloud.faults import Fault
from trainup.simulator.cloud.refusal import Refused
from trainup.simulator.cloud.sample import Sample, assign_role
from trainup.simulator.rehearsal import Rehearsal

ML = "2025-12-01"
T4 = "standard NCASv3_T4 Family"
OTHER_TENANT = "5ab0f3e2-0000-4000-8000-00000000000f"


def cluster(azure: Azure, sample: Sample, name: str, size: str, *, spot: bool = False) -> str:
    """Put a further cluster of this size; returns its id."""
    inner = {"vmSize": size, "vmPriority": "LowPriority" if spot else "Dedicated"}
    inner_properties = {**inner, "scaleSettings": {"maxNodeCount": 1}}
    properties = {"computeType": "AmlCompute", "properties": inner_properties}
    body = {"location": "westeurope", "properties": properties}
    return str(azure.put(f"{sample.workspace}/computes/{name}", ML, body)["id"])


def test_a_spot_cluster_of_h100s_is_created_and_tells_in_its_errors_alone_that_it_gets_no_nodes(
    azure: Azure, client: AzureClient, sample: Sample
) -> None:
    made = client.get(cluster(azure, sample, "h100", "Standard_ND96isr_H100_v5", spot=True))
    assert made["properties"]["provisioningState"] == "Succeeded"
    (error,) = made["properties"]["properties"]["errors"]
    assert error["error"]["code"] == "UnsupportedVMSizeForLowPriority"
    assert "STANDARD_ND96ISR_H100_v5".upper() in error["error"]["message"]


def test_jobs_on_such_a_cluster_queue_for_ever(azure: Azure, jobs: Jobs) -> None:
    target = cluster(azure, jobs.sample, "h100", "Standard_NC80adis_H100_v5", spot=True)
    tries = Fault("ALLOCATE", "*/computes", times=3)  # has no effect, and tells that the cluster tried three times
    azure.faults.add(tries)
    job = jobs.submit("one", "true", computeId=target)
    run = jobs.wait_for("one", lambda run: run.status == "Queued" and not azure.faults.unused())
    assert azure.get(target)["properties"]["properties"]["errors"]
    assert run.status == "Queued"
    jobs.running.machines.cancel(job)
    jobs.running.machines.wait(job)


def test_the_list_is_wrong_about_spot_nodes_in_either_direction(
    azure: Azure, client: AzureClient, sample: Sample
) -> None:
    where = f"{azure.root}/providers/Microsoft.MachineLearningServices/locations/westeurope/vmSizes"
    capable = {item["name"]: item["lowPriorityCapable"] for item in client.pages(where)}
    assert capable["Standard_ND96isr_H100_v5"]
    assert not capable["Standard_NC96ads_A100_v4"]
    made = azure.get(cluster(azure, sample, "a100", "Standard_NC96ads_A100_v4", spot=True))
    assert not made["properties"]["properties"].get("errors")


def test_a_spot_cluster_is_created_whatever_the_quota_is(azure: Azure, sample: Sample) -> None:
    azure.quota["TotalLowPriorityCores"] = 0
    cluster(azure, sample, "spot", "Standard_NC4as_T4_v3", spot=True)


@pytest.mark.parametrize("size", ["Standard_NC24ads_A100_v4", "Standard_NV36ads_A10_v5"], ids=["quota 0", "no cluster"])
def test_a_cluster_that_is_refused_stays_in_the_state_failed_until_it_is_deleted(
    azure: Azure, client: AzureClient, sample: Sample, size: str
) -> None:
    with pytest.raises(Refused, match="not a supported VM size"):
        cluster(azure, sample, "mine", size)
    left = client.get(f"{sample.workspace}/computes/mine")
    assert left["properties"]["provisioningState"] == "Failed"
    assert left["properties"]["provisioningErrors"][0]["error"]["code"] == "InvalidPropertyValue"
    client.delete(left["id"])
    assert client.find(left["id"]) is None


def test_a_name_that_is_against_the_rules_leaves_nothing(azure: Azure, sample: Sample) -> None:
    with pytest.raises(Refused, match="match"):
        cluster(azure, sample, "gpu-12", "Standard_NC4as_T4_v3")
    assert azure.find(f"{sample.workspace}/computes/gpu-12") is None


def test_deleting_a_compute_may_need_the_word_what_becomes_of_its_machines(
    azure: Azure, client: AzureClient, sample: Sample
) -> None:
    azure.asks_how_to_delete = True
    with pytest.raises(AzureError, match="underlyingResourceAction"):
        client.delete(sample.cluster)
    client.delete(sample.cluster, underlyingResourceAction="Delete")
    assert client.find(sample.cluster) is None


def test_a_policy_closes_new_storage_without_an_error(running: Rehearsal, azure: Azure, client: AzureClient) -> None:
    azure.policies.closes_storage = azure.policies.forbids_shared_keys = True
    group = azure.put(f"{azure.root}/resourceGroups/mine", "2024-03-01", {"location": "westeurope"})["id"]
    body = {"location": "westeurope", "kind": "StorageV2", "sku": {"name": "Standard_LRS"}}
    body |= {"properties": {"publicNetworkAccess": "Enabled", "allowSharedKeyAccess": True}}
    account = client.put(f"{group}/providers/Microsoft.Storage/storageAccounts/mine", body, version="2024-01-01")
    assert account["properties"]["publicNetworkAccess"] == "Disabled"
    assert account["properties"]["allowSharedKeyAccess"] is False
    assign_role(azure, roles.BLOB_CONTRIBUTOR, account["id"], azure.deployer, kind="User")
    blobs = client.for_scope("https://storage.azure.com/.default")
    with pytest.raises(AzureError) as caught:
        blobs.get(f"{azure.endpoints.storage('mine')}/data/x", version="")
    assert (caught.value.status, caught.value.code) == (403, "AuthorizationFailure")


def exchanged(azure: Azure, audience: str) -> int:
    """The status with which a registry answers a token for this audience."""
    token, _ = azure.tokens.issue(audience, azure.deployer, azure.tenant)
    form = {"grant_type": "access_token", "service": "mine", "access_token": token}
    address = f"{azure.endpoints.resource_manager}/oauth2/exchange"
    return requests.post(address, data=form, timeout=10).status_code


def test_a_policy_forbids_tokens_for_the_resource_manager_at_registries(azure: Azure) -> None:
    arm, own = azure.endpoints.resource_manager, "https://containerregistry.azure.net"
    assert (exchanged(azure, arm), exchanged(azure, own)) == (200, 200)
    azure.policies.forbids_arm_tokens = True
    assert (exchanged(azure, arm), exchanged(azure, own)) == (401, 200)


def test_a_token_of_another_tenant_is_refused_with_the_right_one_named(azure: Azure) -> None:
    token, _ = azure.tokens.issue(azure.endpoints.resource_manager, azure.deployer, OTHER_TENANT)
    address = f"{azure.endpoints.resource_manager}{azure.root}/resourceGroups?api-version=2024-03-01"
    answer = requests.get(address, headers={"Authorization": f"Bearer {token}"}, timeout=10)
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "InvalidAuthenticationTokenTenant"
    assert f'/{azure.tenant}"' in answer.headers["WWW-Authenticate"]


def test_who_may_not_assign_roles_is_told_so_by_the_resource_manager(
    azure: Azure, client: AzureClient, sample: Sample
) -> None:
    azure.may.roles = {"Contributor"}
    client.put(f"{azure.root}/resourceGroups/mine", {"location": "westeurope"}, version="2024-03-01")
    role = f"{azure.root}/providers/Microsoft.Authorization/roleDefinitions/8311e382-0749-4cb8-b61a-304f252e45ec"
    facts = {"principalId": azure.deployer, "principalType": "User", "roleDefinitionId": role}
    address = f"{sample.registry}/providers/Microsoft.Authorization/roleAssignments/{azure.new_guid('another')}"
    with pytest.raises(AzureError, match="does not have authorization to perform action") as caught:
        client.put(address, {"properties": facts}, version="2022-04-01")
    assert (caught.value.status, caught.value.code) == (403, "AuthorizationFailed")
    azure.may.roles = {"Reader"}
    with pytest.raises(AzureError, match="AuthorizationFailed"):
        client.put(f"{azure.root}/resourceGroups/other", {"location": "westeurope"}, version="2024-03-01")


def test_a_put_can_be_refused_and_leave_a_failed_resource(azure: Azure, client: AzureClient, sample: Sample) -> None:
    azure.faults.add(Fault("PUT", "*/computes", Refused(409, "Conflict", "full", is_left=True)))
    with pytest.raises(Refused, match="full"):
        cluster(azure, sample, "mine", "Standard_NC4as_T4_v3")
    assert client.get(f"{sample.workspace}/computes/mine")["properties"]["provisioningState"] == "Failed"


def test_no_quota_of_gpus_is_needed_for_a_job_of_cpus(azure: Azure, jobs: Jobs) -> None:
    target = cluster(azure, jobs.sample, "cpus", "Standard_DS3_v2")
    assert jobs.run("one", "true", computeId=target).status == "Completed"


def test_storage_that_a_policy_has_closed_is_told_in_words(azure: Azure, client: AzureClient, sample: Sample) -> None:
    azure.amend(sample.account, {"properties.publicNetworkAccess": "Disabled"})
    told: list[str] = []
    stop = threading.Event()

    def hear(text: str) -> None:
        told.append(text)
        stop.set()

    blobs = Blobs(client.for_scope("https://storage.azure.com/.default"), signed=False)
    url = f"{azure.endpoints.storage('teamstorage')}/data/x"
    with pytest.raises(AzureError, match="The network of the storage account teamstorage lets nobody in") as caught:
        blobs.put(url, b"")
    assert "az storage account show --name teamstorage --query publicNetworkAccess" in str(caught.value)
    with pytest.raises(TargetError, match="interrupted"):
        storage.write(client, lambda: blobs.put(url, b""), "the upload", "", hear, stop)
    assert "a policy of the tenant that sets publicNetworkAccess to Disabled" in told[0]
