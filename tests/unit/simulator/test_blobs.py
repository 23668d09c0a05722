"""The data plane of storage accounts, by hand and with the Azure SDK."""

from datetime import timedelta

import pytest
import requests
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ResourceExistsError
from azure.identity import ManagedIdentityCredential
from azure.storage.blob import BlobClient, ContainerClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trainup.simulator.cloud import roles
from trainup.simulator.cloud.azure import Azure
from trainup.simulator.cloud.sample import Sample, assign_role
from trainup.simulator.cloud.signatures import SharedAccess


def signed(azure: Azure, permissions: str = "racwl", container: str = "box", blob: str | None = None) -> str:
    """Address of a container, or of a blob in it, with a signature."""
    query = azure.signatures.issue(SharedAccess("teamstorage", container, blob, permissions, None))
    path = f"{container}/{blob}" if blob else container
    return f"{azure.endpoints.storage('teamstorage')}/{path}?{query}"


@pytest.fixture
def box(azure: Azure, sample: Sample) -> ContainerClient:
    """The SDK's client of a container, by signature."""
    return ContainerClient.from_container_url(signed(azure))


def test_a_blob_comes_back_as_it_was_sent_whatever_it_is_called(box: ContainerClient) -> None:
    for name in ("a/b c.txt", "ü/ß.bin", "a%2Fb", "plus+and&", "deep/er/and/deeper"):
        box.upload_blob(name, name.encode(), metadata={"said": "so"})
        assert box.download_blob(name).readall() == name.encode()
        assert box.get_blob_client(name).get_blob_properties().metadata == {"said": "so"}
    assert len(list(box.list_blobs())) == 5
    assert [blob.name for blob in box.list_blobs(name_starts_with="a/")] == ["a/b c.txt"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.binary(max_size=200), start=st.integers(0, 250), size=st.integers(1, 100))
def test_a_range_is_what_the_same_slice_is(azure: Azure, sample: Sample, data: bytes, start: int, size: int) -> None:
    azure.storage.put("teamstorage", "box", "data", data)
    url = signed(azure)
    url = url.replace("/box?", "/box/data?")
    answer = requests.get(url, headers={"Range": f"bytes={start}-{start + size - 1}"}, timeout=10)
    if start >= len(data):
        assert answer.status_code == 416
        assert answer.headers["Content-Range"] == f"bytes */{len(data)}"
    else:
        assert (answer.status_code, answer.content) == (206, data[start : start + size])


def test_a_large_blob_is_sent_in_blocks(azure: Azure, sample: Sample) -> None:
    data = bytes(range(256)) * 4000
    box = ContainerClient.from_container_url(signed(azure), max_single_put_size=1000, max_block_size=100_000)
    box.upload_blob("large", data, max_concurrency=4)
    assert box.download_blob("large", max_concurrency=2).readall() == data
    assert {entry.query.get("comp") for entry in azure.journal.entries} >= {"block", "blocklist"}


def test_a_block_list_with_a_missing_block_is_refused(box: ContainerClient) -> None:
    with pytest.raises(HttpResponseError, match="InvalidBlockList"):
        box.get_blob_client("x").commit_block_list(["never sent"])


def test_what_exists_is_not_overwritten_unless_that_is_asked_for(box: ContainerClient) -> None:
    box.upload_blob("x", b"1")
    with pytest.raises(ResourceExistsError) as caught:
        box.upload_blob("x", b"2")
    assert caught.value.error_code == "BlobAlreadyExists"
    box.upload_blob("x", b"2", overwrite=True)
    assert box.download_blob("x").readall() == b"2"


def test_a_wrong_checksum_is_refused(azure: Azure, sample: Sample) -> None:
    headers = {"x-ms-blob-type": "BlockBlob", "Content-MD5": "AAAAAAAAAAAAAAAAAAAAAA=="}
    answer = requests.put(signed(azure).replace("/box?", "/box/x?"), data=b"x", headers=headers, timeout=10)
    assert (answer.status_code, answer.headers["x-ms-error-code"]) == (400, "Md5Mismatch")


def test_metadata_can_be_set_later(box: ContainerClient) -> None:
    box.upload_blob("x", b"1", metadata={"old": "1"})
    box.get_blob_client("x").set_blob_metadata({"upload_status": "completed"})
    assert box.get_blob_client("x").get_blob_properties().metadata == {"upload_status": "completed"}


def test_a_listing_has_folders_and_pages(azure: Azure, box: ContainerClient) -> None:
    for number in range(7):
        box.upload_blob(f"folder{number % 2}/file{number}", b"")
    box.upload_blob("top", b"")
    assert [item.name for item in box.walk_blobs()] == ["folder0/", "folder1/", "top"]
    pages = list(box.list_blobs(results_per_page=3).by_page())
    assert [len(list(page)) for page in pages] == [3, 3, 2]


def test_nothing_at_an_address_is_a_404_with_a_code_that_a_head_shows_too(azure: Azure, sample: Sample) -> None:
    url = signed(azure).replace("/box?", "/box/none?")
    for method in ("HEAD", "GET"):
        answer = requests.request(method, url, timeout=10)
        assert (answer.status_code, answer.headers["x-ms-error-code"]) == (404, "BlobNotFound")


def test_an_expired_signature_is_refused_and_never_with_401(azure: Azure, sample: Sample) -> None:
    azure.storage.put("teamstorage", "box", "x", b"1")
    azure.signatures.lifetime = timedelta(seconds=-1)
    answer = requests.get(signed(azure).replace("/box?", "/box/x?"), timeout=10)
    assert (answer.status_code, answer.headers["x-ms-error-code"]) == (403, "AuthenticationFailed")
    assert "expired" in answer.text


@pytest.mark.parametrize(
    ("permissions", "container", "blob", "method"),
    [("r", "box", None, "PUT"), ("w", "box", None, "GET"), ("r", "other", None, "GET"), ("r", "box", "y", "GET")],
)
def test_a_signature_opens_what_it_names_and_nothing_else(
    azure: Azure, sample: Sample, permissions: str, container: str, blob: str | None, method: str
) -> None:
    azure.storage.put("teamstorage", "box", "x", b"1")
    query = signed(azure, permissions, container, blob).partition("?")[2]
    url = f"{azure.endpoints.storage('teamstorage')}/box/x?{query}"
    answer = requests.request(method, url, headers={"x-ms-blob-type": "BlockBlob"}, timeout=10)
    assert answer.status_code == 403


def test_a_signature_made_up_opens_nothing(azure: Azure, sample: Sample) -> None:
    url = f"{azure.endpoints.storage('teamstorage')}/box/x?sv=2021-08-06&sp=r&sig=made-up"
    assert requests.get(url, timeout=10).status_code == 403


def test_a_token_opens_what_a_role_on_the_account_allows(azure: Azure, sample: Sample) -> None:
    azure.storage.put("teamstorage", "box", "x", b"1")
    blob = BlobClient(azure.endpoints.storage("teamstorage"), "box", "x", credential=ManagedIdentityCredential())
    assert blob.download_blob().readall() == b"1"
    role = f"/{azure.new_guid(sample.account, azure.deployer, roles.BLOB_CONTRIBUTOR)}"
    azure.delete(f"{sample.account}/providers/Microsoft.Authorization/roleAssignments{role}")
    with pytest.raises(HttpResponseError, match="AuthorizationPermissionMismatch"):
        blob.download_blob()
    assign_role(azure, roles.BLOB_READER, sample.group, azure.deployer, kind="User")
    assert blob.download_blob().readall() == b"1"
    with pytest.raises(HttpResponseError, match="AuthorizationPermissionMismatch"):
        blob.upload_blob(b"2", overwrite=True)


def test_a_token_for_something_else_opens_nothing(azure: Azure, sample: Sample) -> None:
    token, _ = azure.tokens.issue("https://management.azure.com", azure.deployer, azure.tenant)
    url = f"{azure.endpoints.storage('teamstorage')}/box/x"
    answer = requests.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=10)
    assert (answer.status_code, answer.headers["x-ms-error-code"]) == (401, "InvalidAuthenticationInfo")


def test_an_account_that_takes_no_keys_refuses_them(azure: Azure, sample: Sample) -> None:
    body = azure.patched(sample.account, {"properties": {"allowSharedKeyAccess": False}})
    azure.put(sample.account, "2024-01-01", body)
    blob = BlobClient(azure.endpoints.storage("teamstorage"), "box", "x", credential="a2V5")
    with pytest.raises((HttpResponseError, ClientAuthenticationError), match="KeyBasedAuthenticationNotPermitted"):
        blob.download_blob()
