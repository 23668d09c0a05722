"""Others on this machine can connect to the Azure that is simulated here, and get nothing of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import BlobServiceClient

from trainup.simulator.cloud.sample import Sample, furnish
from trainup.simulator.rehearsal import Rehearsal, rehearsal


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsal]:
    with rehearsal(tmp_path_factory.mktemp("r") / "rehearsal") as made:
        yield made


@pytest.fixture(scope="module")
def sample(running: Rehearsal) -> Sample:
    return furnish(running.azure)


def token(running: Rehearsal, secret: str) -> requests.Response:
    """What a client with such a secret gets from the identity endpoint."""
    address, trusted = running.variables["IDENTITY_ENDPOINT"], running.variables["SSL_CERT_FILE"]
    query = {"resource": running.azure.endpoints.resource_manager}
    return requests.get(address, params=query, headers={"X-IDENTITY-HEADER": secret}, verify=trusted, timeout=10)


@pytest.mark.parametrize("guess", ["rehearsal", "", "x"])
def test_a_guessed_secret_gives_no_token(running: Rehearsal, guess: str) -> None:
    assert token(running, guess).status_code == 400
    assert token(running, running.variables["IDENTITY_HEADER"]).status_code == 200


def test_every_start_has_a_secret_of_its_own(running: Rehearsal) -> None:
    with rehearsal() as other:
        assert other.variables["IDENTITY_HEADER"] != running.variables["IDENTITY_HEADER"]
        assert token(other, running.variables["IDENTITY_HEADER"]).status_code == 400


@pytest.mark.parametrize("shown", [{"client_secret": "x"}, {"client_assertion": "x"}, {"client_secret": ""}])
def test_a_guessed_client_secret_gives_no_token_either(running: Rehearsal, shown: dict[str, str]) -> None:
    address = f"{running.azure.endpoints.login}/{running.azure.tenant}/oauth2/v2.0/token"
    form = {"grant_type": "client_credentials", "scope": "https://management.azure.com/.default"}
    trusted = running.variables["SSL_CERT_FILE"]
    assert requests.post(address, data=form | shown, verify=trusted, timeout=10).status_code == 401
    right = form | {"client_secret": running.azure.secret}
    assert requests.post(address, data=right, verify=trusted, timeout=10).status_code == 200


def blobs(running: Rehearsal, sample: Sample, key: str) -> BlobServiceClient:
    account = sample.account.rsplit("/", 1)[-1]
    return BlobServiceClient(
        running.azure.endpoints.storage(account),
        credential={"account_name": account, "account_key": key},
        connection_verify=running.variables["SSL_CERT_FILE"],
        retry_total=0,
    )


def test_the_key_of_an_account_opens_it_and_another_does_not(running: Rehearsal, sample: Sample) -> None:
    account = sample.account.rsplit("/", 1)[-1]
    client = blobs(running, sample, running.azure.key(account, "key1"))
    client.create_container("mine")
    client.get_blob_client("mine", "a b/ü%20.txt").upload_blob(b"content")
    assert [found.name for found in client.get_container_client("mine").list_blobs()] == ["a b/ü%20.txt"]
    assert client.get_blob_client("mine", "a b/ü%20.txt").download_blob().readall() == b"content"
    stranger = blobs(running, sample, running.azure.key("another", "key1"))
    with pytest.raises(HttpResponseError, match="MAC signature"):
        stranger.get_blob_client("mine", "a b/ü%20.txt").download_blob()


def test_what_jobs_write_lies_in_a_folder_of_this_user_alone(running: Rehearsal, tmp_path: Path) -> None:
    with rehearsal(tmp_path / "new"):
        assert (tmp_path / "new").stat().st_mode & 0o077 == 0
