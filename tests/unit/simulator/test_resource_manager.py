"""The resource manager over HTTPS."""

from pathlib import Path

import pytest
import requests

from trainup.jobs.azure.http.client import AzureClient, AzureError
from trainup.simulator.cloud import contract
from trainup.simulator.cloud.azure import Azure
from trainup.simulator.cloud.clock import REAL, Clock, Latency
from trainup.simulator.cloud.faults import Fault
from trainup.simulator.cloud.refusal import Refused
from trainup.simulator.cloud.sample import Sample

GROUPS = "2024-03-01"


def ask(azure: Azure, method: str, path: str, *, authorized: bool = True, **query: str) -> requests.Response:
    """A request by hand."""
    token, _ = azure.tokens.issue(azure.endpoints.resource_manager, azure.deployer, azure.tenant)
    headers = {"Authorization": f"Bearer {token}"} if authorized else {}
    url = f"{azure.endpoints.resource_manager}{path}"
    return requests.request(method, url, params=query, headers=headers, json=None, timeout=10)


def test_a_put_creates_then_changes_and_a_get_finds_it_in_any_case(azure: Azure, client: AzureClient) -> None:
    group = f"{azure.root}/resourceGroups/Team"
    created = client.send("PUT", group, {"location": "West Europe"}, version=GROUPS)
    changed = client.send("PUT", group, {"location": "westeurope", "tags": {"a": "b"}}, version=GROUPS)
    assert (created.status_code, changed.status_code) == (201, 200)
    found = client.get(group.upper().replace("/SUBSCRIPTIONS", "/subscriptions"), version=GROUPS)
    assert (found["name"], found["location"], found["tags"]) == ("Team", "westeurope", {"a": "b"})


def test_what_is_not_there_is_told_in_azures_envelope(azure: Azure, client: AzureClient) -> None:
    with pytest.raises(AzureError, match="ResourceNotFound") as caught:
        client.get(f"{azure.root}/resourceGroups/none", version=GROUPS)
    assert (caught.value.status, caught.value.code) == (404, "ResourceNotFound")
    client.delete(f"{azure.root}/resourceGroups/none", version=GROUPS)


def test_a_patch_changes_what_it_names_and_nothing_else(azure: Azure, client: AzureClient, sample: Sample) -> None:
    before = client.get(sample.cluster)
    scale = {"scaleSettings": {"maxNodeCount": 4}}
    client.send("PATCH", sample.cluster, {"properties": {"properties": scale}})
    after = client.get(sample.cluster)
    assert after["properties"]["properties"]["scaleSettings"] == {
        **before["properties"]["properties"]["scaleSettings"],
        "maxNodeCount": 4,
    }
    assert after["identity"] == before["identity"]


def test_a_request_without_a_token_gets_401_and_is_told_where_tokens_are(azure: Azure) -> None:
    answer = ask(azure, "GET", f"{azure.root}/resourceGroups", authorized=False, **{"api-version": GROUPS})
    assert answer.status_code == 401
    assert azure.tenant in answer.headers["WWW-Authenticate"]
    assert answer.json()["error"]["code"] == "AuthenticationFailed"


@pytest.mark.parametrize("version", [None, "latest", "2012-01-01"])
def test_a_request_needs_an_api_version_that_can_be_one(azure: Azure, version: str | None) -> None:
    query = {"api-version": version} if version else {}
    assert ask(azure, "GET", f"{azure.root}/resourceGroups", **query).status_code == 400


def test_a_list_comes_in_pages(azure: Azure, client: AzureClient) -> None:
    azure.page = 3
    for number in range(8):
        azure.put(f"{azure.root}/resourceGroups/group{number}", GROUPS, {"location": "westeurope"})
    found = [item["name"] for item in client.pages(f"{azure.root}/resourceGroups", version=GROUPS)]
    assert found == [f"group{number}" for number in range(8)]
    assert len(azure.journal.entries) >= 3


def test_a_list_under_what_is_not_there_is_not_found(azure: Azure, client: AzureClient) -> None:
    with pytest.raises(AzureError, match="ResourceNotFound"):
        client.get(f"{azure.root}/resourceGroups/none/providers/Microsoft.Storage/storageAccounts")


@pytest.fixture
def second(azure: Azure, sample: Sample) -> str:
    """Id of a cluster that can be made like the first, and whose creation takes until it is ended."""
    kind = "microsoft.machinelearningservices/workspaces/computes"
    azure.latency, azure.clock.scale = Latency(create={kind: 3600}, delete={kind: 3600}), 1
    return sample.cluster.replace("gpu-cluster", "second")


def test_what_takes_a_while_is_followed_to_its_end(
    azure: Azure, client: AzureClient, sample: Sample, second: str
) -> None:
    body = azure.find(sample.cluster)
    assert body is not None
    answer = client.send("PUT", second, body["_body"])
    assert answer.status_code == 201
    assert answer.json()["properties"]["provisioningState"] == "Creating"
    assert int(answer.headers["retry-after-ms"]) >= 10
    follow = answer.headers["Azure-AsyncOperation"]
    assert client.get(follow, version="")["status"] == "InProgress"
    azure.operations.end(second)
    assert client.get(follow, version="")["status"] == "Succeeded"
    assert client.get(second)["properties"]["provisioningState"] == "Succeeded"
    gone = client.send("DELETE", second)
    assert gone.status_code == 202
    assert client.find(second) is None


def test_a_workspace_that_is_purged_leaves_its_name(azure: Azure, client: AzureClient, sample: Sample) -> None:
    found = azure.find(sample.workspace)
    assert found is not None
    client.delete(sample.workspace)
    with pytest.raises(AzureError, match="Soft-deleted workspace exists"):
        client.put(sample.workspace, found["_body"])
    azure.purge(found["type"], found["name"])
    client.put(sample.workspace, found["_body"])
    client.send("DELETE", sample.workspace, query={"forceToPurge": "true"})
    client.put(sample.workspace, found["_body"])


def test_answers_have_the_shape_that_azure_publishes(azure: Azure, sample: Sample) -> None:
    for found in azure.resources():
        told = contract.findings(found["type"], "2025-12-01", found, found["name"], direction="response")
        assert told == [], found["id"]


def test_read_only_properties_in_a_request_are_refused(azure: Azure, client: AzureClient, sample: Sample) -> None:
    if not contract.available():
        pytest.skip("the published types are not at hand")
    found = client.get(sample.environment)
    with pytest.raises(AzureError, match="read-only"):
        client.put(sample.environment, {"properties": found["properties"]})


def test_a_clock_that_stands_still_makes_everything_ready_at_once(azure: Azure, client: AzureClient) -> None:
    azure.latency = REAL
    assert Clock().scale == azure.clock.scale == 0
    answer = client.send("PUT", f"{azure.root}/resourceGroups/team", {"location": "westeurope"}, version=GROUPS)
    assert "Azure-AsyncOperation" not in answer.headers


def test_what_takes_a_while_can_fail_at_its_end(azure: Azure, client: AzureClient, sample: Sample, second: str) -> None:
    body = azure.find(sample.cluster)
    assert body is not None
    azure.faults.add(Fault("PUT", "*/computes", Refused(409, "AllocationFailed", "none left"), is_created=True))
    answer = client.send("PUT", second, body["_body"])
    assert answer.status_code == 201
    follow = answer.headers["Azure-AsyncOperation"]
    azure.operations.end(second)
    told = client.get(follow, version="")
    assert (told["status"], told["error"]["code"]) == ("Failed", "AllocationFailed")
    assert client.get(second)["properties"]["provisioningState"] == "Failed"
    client.put(second, body["_body"])
    assert client.get(second)["properties"]["provisioningState"] == "Succeeded"


def test_no_secret_in_a_body_is_written_down(azure: Azure, client: AzureClient, sample: Sample, tmp_path: Path) -> None:
    body = {
        "authType": "UsernamePassword",
        "category": "ContainerRegistry",
        "target": "registry.example",
        "credentials": {"username": "me", "password": "planted"},
    }
    client.put(f"{sample.workspace}/connections/mine", {"properties": body})
    data = {"dataType": "uri_folder", "dataUri": "https://a.blob.core.windows.net/c/p?sv=1&sig=planted&sp=r"}
    client.put(f"{sample.workspace}/data/mine/versions/1", {"properties": data})
    texts = [path.read_text() for path in (tmp_path / "rehearsal" / "bodies").iterdir()]
    assert not any("planted" in text for text in texts)
    assert sum("***" in text for text in texts) == 2
