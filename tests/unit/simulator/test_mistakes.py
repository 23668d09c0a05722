"""Mistakes of the stand-in itself, which no client may make good unseen."""

from typing import Any

import pytest
import requests

from tests.support.azure import visit
from trainup.jobs.azure.http.client import AzureClient, AzureError
from trainup.jobs.azure.http.credentials import find_credential
from trainup.jobs.azure.http.endpoints import find_endpoints
from trainup.jobs.azure.http.pipeline import Patience
from trainup.simulator.cloud.faults import Fault
from trainup.simulator.cloud.refusal import unavailable
from trainup.simulator.cloud.signatures import SharedAccess
from trainup.simulator.cloud.storage import Storage
from trainup.simulator.rehearsal import Crashed, rehearsal


def mistake() -> Any:
    raise KeyError("blockid")


def rehearse_with(fault: Fault) -> list[int]:
    """The answers that a client of ours got to the only request of a rehearsal."""
    with rehearsal() as running, pytest.MonkeyPatch.context() as patch:
        visit(running, patch)
        running.azure.faults.add(fault)
        endpoints = find_endpoints()
        client = AzureClient(endpoints, find_credential(endpoints), Patience(first_pause=0.01))
        assert client.get(f"{running.azure.root}/resourceGroups", version="2024-03-01") == {"value": []}
        return [entry.status for entry in running.azure.journal.entries if "resourceGroups" in entry.path]


def test_a_bad_moment_of_the_service_is_made_good_by_the_client() -> None:
    assert rehearse_with(Fault(path="*/resourceGroups", error=unavailable())) == [500, 200]


@pytest.mark.parametrize("fault", [{"error": KeyError("blockid")}, {"call": mistake}])
def test_a_mistake_fails_the_rehearsal_although_the_client_makes_it_good(fault: dict[str, Any]) -> None:
    with pytest.raises(Crashed, match=r"Traceback(?s:.*)KeyError: 'blockid'"):
        rehearse_with(Fault(path="*/resourceGroups", **fault))


@pytest.mark.slow
def test_what_fails_in_a_rehearsal_is_told_with_the_mistakes_made_there() -> None:
    with pytest.raises(AzureError) as caught:
        rehearse_with(Fault(path="*/resourceGroups", error=KeyError("blockid"), times=100))  # type: ignore[arg-type]
    assert "KeyError: 'blockid'" in caught.value.__notes__[0]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/subscriptions/{0.subscription}/resourceGroups?$skip=abc", b""),
        ("GET", "/subscriptions/{0.subscription}/resourceGroups?$skipToken=-1", b""),
        ("GET", "/acrbuilds/box?restype=container&comp=list&maxresults=many&{1}", b""),
        ("PUT", "/acrbuilds/box/blob?comp=block&{1}", b"data"),
        ("PUT", "/acrbuilds/box/blob?comp=blocklist&{1}", b"<BlockList><Latest>"),
    ],
)
def test_a_malformed_request_is_the_clients_mistake(method: str, path: str, body: bytes) -> None:
    with rehearsal() as running:
        azure = running.azure
        azure.storage.put("acrbuilds", "box", "blob", b"data")
        token, _ = azure.tokens.issue(azure.endpoints.resource_manager, azure.deployer, azure.tenant)
        signature = azure.signatures.issue(SharedAccess("acrbuilds", "box", None, "rwcl", None))
        url = azure.endpoints.resource_manager + path.format(azure, signature) + "&api-version=2024-03-01"
        headers = {"Authorization": f"Bearer {token}"}
        trusted = running.variables["REQUESTS_CA_BUNDLE"]
        answer = requests.request(method, url, data=body, headers=headers, verify=trusted, timeout=10)
        assert answer.status_code == 400, answer.text


def test_a_blob_can_be_read_to_its_end_while_it_is_replaced() -> None:
    storage = Storage()
    old = storage.put("team", "box", "blob", b"old")
    storage.put("team", "box", "blob", b"new")
    assert old.path.read_bytes() == b"old"
    storage.close()
    assert not old.path.exists()
