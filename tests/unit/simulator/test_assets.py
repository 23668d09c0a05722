"""Code, environments, models, data and datastores of Azure ML."""

from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import ContainerClient

from trainup.jobs.azure.http.client import AzureClient, AzureError
from trainup.simulator.cloud import contract, roles
from trainup.simulator.cloud.azure import Azure
from trainup.simulator.cloud.sample import Sample

ML = "Microsoft.MachineLearningServices/workspaces"


def fits(kind: str, answer: dict[str, Any]) -> bool:
    """Whether an answer of Azure ML has the published shape."""
    return contract.findings(f"{ML}/{kind}", "2025-12-01", answer, answer.get("name"), direction="response") == []


def test_code_is_uploaded_to_where_the_service_says_and_found_by_its_hash(
    azure: Azure, client: AzureClient, sample: Sample
) -> None:
    code = f"{sample.workspace}/codes/one"
    told = client.post(f"{code}/versions/1/startPendingUpload", {"pendingUploadType": "TemporaryBlobReference"})
    assert contract.findings(f"{ML}/codes/versions/startPendingUpload", "2025-12-01", told, None, "response") == []
    reference = told["blobReferenceForConsumption"]
    ContainerClient.from_container_url(reference["credential"]["sasUri"]).upload_blob("src/main.py", b"print(1)")
    body = {
        "codeUri": f"{reference['blobUri']}/src",
        "isAnonymous": True,
        "properties": {"hash_sha256": "abc", "hash_version": "202208"},
    }
    assert fits("codes/versions", client.put(f"{code}/versions/1", {"properties": body}))
    other = f"{sample.workspace}/codes/another/versions"
    (found,) = client.pages(other, hash="abc", hashVersion="202208")
    assert found["id"] == f"{code}/versions/1"
    assert list(client.pages(other, hash="abd", hashVersion="202208")) == []
    assert list(client.pages(other, hash="abc", hashVersion="1")) == []


def test_every_upload_has_a_place_of_its_own(client: AzureClient, sample: Sample) -> None:
    path = f"{sample.workspace}/codes/one/versions/1/startPendingUpload"
    first, second = (client.post(path)["blobReferenceForConsumption"]["blobUri"] for _ in range(2))
    assert first != second


def test_in_an_account_without_keys_an_upload_needs_the_callers_own_role_we_believe(
    azure: Azure, client: AzureClient, sample: Sample
) -> None:
    body = azure.patched(sample.account, {"properties": {"allowSharedKeyAccess": False}})
    azure.put(sample.account, "2024-01-01", body)
    told = client.post(f"{sample.workspace}/codes/one/versions/1/startPendingUpload")
    box = ContainerClient.from_container_url(told["blobReferenceForConsumption"]["credential"]["sasUri"])
    box.upload_blob("a", b"1")
    name = azure.new_guid(sample.account, azure.deployer, roles.BLOB_CONTRIBUTOR)
    azure.delete(f"{sample.account}/providers/Microsoft.Authorization/roleAssignments/{name}")
    with pytest.raises(HttpResponseError, match="AuthorizationPermissionMismatch"):
        box.upload_blob("b", b"1")


def test_the_content_of_a_version_cannot_change(client: AzureClient, sample: Sample) -> None:
    client.put(sample.environment, {"properties": {"image": client.get(sample.environment)["properties"]["image"]}})
    with pytest.raises(AzureError, match="already exists with another image"):
        client.put(sample.environment, {"properties": {"image": "mcr.microsoft.com/other"}})


def test_an_environment_takes_an_image_or_a_build(client: AzureClient, sample: Sample) -> None:
    version = f"{sample.workspace}/environments/other/versions/1"
    both = {"image": "a/b", "build": {"contextUri": "https://x/y/"}}
    with pytest.raises(AzureError, match="not both"):
        client.put(version, {"properties": both})
    with pytest.raises(AzureError, match="needs an image"):
        client.put(version, {"properties": {}})


def test_a_container_tells_its_latest_and_its_next_version(client: AzureClient, sample: Sample) -> None:
    for version in ("2", "7", "label"):
        client.put(f"{sample.workspace}/environments/many/versions/{version}", {"properties": {"image": "a/b"}})
    told = client.get(f"{sample.workspace}/environments/many")
    assert (told["properties"]["latestVersion"], told["properties"]["nextVersion"]) == ("label", "8")
    assert fits("environments", told)


def test_a_model_is_answered_with_flavors_and_its_newest_version_comes_first(
    client: AzureClient, sample: Sample
) -> None:
    model = f"{sample.workspace}/models/digits/versions"
    for version in ("1", "2"):
        body = {"modelUri": f"azureml://jobs/j/outputs/o/paths/{version}", "modelType": "custom_model"}
        answer = client.put(f"{model}/{version}", {"properties": body})
        assert answer["properties"]["flavors"] == {}
        assert fits("models/versions", answer)
    (newest,) = client.pages(model, **{"$orderBy": "createdtime desc", "$top": "1"})
    assert newest["name"] == "2"


def test_archived_versions_are_listed_only_when_asked_for(client: AzureClient, sample: Sample) -> None:
    versions = f"{sample.workspace}/environments/fastai2/versions"
    image = client.get(sample.environment)["properties"]["image"]
    client.put(sample.environment, {"properties": {"image": image, "isArchived": True}})
    assert list(client.pages(versions)) == []
    assert len(list(client.pages(versions, listViewType="ArchivedOnly"))) == 1
    assert len(list(client.pages(versions, listViewType="All"))) == 1


def test_a_workspace_has_datastores_and_one_is_the_default(client: AzureClient, sample: Sample) -> None:
    found = list(client.pages(f"{sample.workspace}/datastores"))
    assert sorted(item["name"] for item in found) == [
        "workspaceartifactstore",
        "workspaceblobstore",
        "workspacefilestore",
        "workspaceworkingdirectory",
    ]
    assert all(fits("datastores", item) for item in found)
    (default,) = client.pages(f"{sample.workspace}/datastores", isDefault="true")
    assert default["name"] == "workspaceblobstore"


def test_secrets_of_a_datastore_are_a_key_or_a_signature_that_opens_its_container(
    azure: Azure, client: AzureClient, sample: Sample
) -> None:
    store = f"{sample.workspace}/datastores/workspaceblobstore"
    assert client.post(f"{store}/listSecrets")["secretsType"] == "AccountKey"
    told = client.post(f"{store}/listSecrets", {"expirableSecret": True, "expireAfterHours": 1})
    container = client.get(store)["properties"]["containerName"]
    url = f"{azure.endpoints.storage('teamstorage')}/{container}?{told['sasToken']}"
    ContainerClient.from_container_url(url).upload_blob("x", b"1")


def test_a_datastore_by_identity_has_no_secrets(azure: Azure, client: AzureClient, sample: Sample) -> None:
    store = f"{sample.workspace}/datastores/mine"
    body = {
        "datastoreType": "AzureBlob",
        "accountName": "teamstorage",
        "containerName": "mine",
        "credentials": {"credentialsType": "None"},
    }
    client.put(store, {"properties": body})
    with pytest.raises(AzureError, match="no credentials"):
        client.post(f"{store}/listSecrets")


def test_a_key_of_a_datastore_is_never_answered_but_as_its_secret(
    azure: Azure, client: AzureClient, sample: Sample
) -> None:
    store = f"{sample.workspace}/datastores/mine"
    secrets = {"secretsType": "AccountKey", "key": "cGxhbnRlZA=="}
    body = {
        "datastoreType": "AzureBlob",
        "accountName": "teamstorage",
        "containerName": "mine",
        "credentials": {"credentialsType": "AccountKey", "secrets": secrets},
    }
    assert "cGxhbnRlZA==" not in str(client.put(store, {"properties": body}))
    assert "cGxhbnRlZA==" not in str(client.get(store))
    assert client.post(f"{store}/listSecrets") == secrets
