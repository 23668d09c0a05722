"""Trouble on demand."""

import pytest
import requests
from azure.core.pipeline.transport import RequestsTransport

from trainup.jobs.azure.http.client import AzureClient, AzureError
from trainup.simulator.cloud.azure import Azure
from trainup.simulator.cloud.faults import Cut, Fault
from trainup.simulator.cloud.refusal import Refused, throttled, unavailable
from trainup.simulator.cloud.sample import Sample
from trainup.simulator.cloud.signatures import SharedAccess
from trainup.simulator.rehearsal import Rehearsal

GROUPS = "2024-03-01"


def plain(azure: Azure, method: str, path: str, body: object = None) -> requests.Response:
    """A request that nobody repeats."""
    token, _ = azure.tokens.issue(azure.endpoints.resource_manager, azure.deployer, azure.tenant)
    url = f"{azure.endpoints.resource_manager}{path}?api-version={GROUPS}"
    return requests.request(method, url, headers={"Authorization": f"Bearer {token}"}, json=body, timeout=10)


def test_throttling_says_when_to_come_back_and_the_client_does(azure: Azure, client: AzureClient) -> None:
    azure.faults.add(Fault(path="*/resourcegroups", error=throttled(0.01), times=2))
    assert client.get(f"{azure.root}/resourceGroups", version=GROUPS) == {"value": []}
    assert [entry.status for entry in azure.journal.entries if "resourceGroups" in entry.path] == [429, 429, 200]
    azure.faults.add(Fault(path="*/resourcegroups", error=throttled(3)))
    answer = plain(azure, "GET", f"{azure.root}/resourceGroups")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "3")
    assert azure.faults.unused() == []


@pytest.mark.parametrize("seconds", [0.5, 7, 300])
def test_the_client_waits_at_least_as_long_as_it_is_told(
    azure: Azure, client: AzureClient, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    waited: list[float] = []
    monkeypatch.setattr(RequestsTransport, "sleep", lambda self, duration: waited.append(duration))
    azure.faults.add(Fault(path="*/resourcegroups", error=throttled(seconds), times=2))
    assert client.get(f"{azure.root}/resourceGroups", version=GROUPS) == {"value": []}
    assert len(waited) == 2
    assert min(waited) >= seconds


def test_the_service_fails_as_often_as_was_asked_for(azure: Azure) -> None:
    azure.faults.add(Fault(method="GET", path="*", error=unavailable(503), times=2, skip=1))
    statuses = [plain(azure, "GET", f"{azure.root}/resourceGroups").status_code for _ in range(4)]
    assert statuses == [200, 503, 503, 200]


@pytest.mark.parametrize(("cut", "carried_out"), [(Cut.BEFORE, False), (Cut.MIDDLE, True), (Cut.AFTER, True)])
def test_a_connection_is_reset_before_in_the_middle_of_or_after_a_request(
    azure: Azure, cut: Cut, carried_out: bool
) -> None:
    azure.faults.add(Fault(method="PUT", path="*", cut=cut))
    with pytest.raises(requests.exceptions.RequestException):
        plain(azure, "PUT", f"{azure.root}/resourceGroups/team", {"location": "westeurope"})
    assert (azure.find(f"{azure.root}/resourceGroups/team") is not None) is carried_out
    assert azure.faults.unused() == []


def test_something_can_happen_at_the_nth_request(azure: Azure) -> None:
    happened = []
    azure.faults.add(Fault(path="*", skip=2, call=lambda: happened.append(len(azure.journal.entries))))
    for _ in range(4):
        assert plain(azure, "GET", f"{azure.root}/resourceGroups").status_code == 200
    assert happened == [2]


def test_a_range_is_answered_with_less_than_there_is_and_says_so(azure: Azure, sample: Sample) -> None:
    azure.storage.put("teamstorage", "logs", "log.txt", b"0123456789")
    signature = azure.signatures.issue(SharedAccess("teamstorage", "logs", None, "r", None))
    url = f"{azure.endpoints.storage('teamstorage')}/logs/log.txt?{signature}"
    azure.faults.add(Fault(path="*/log.txt", short=True))
    answers = [requests.get(url, headers={"Range": "bytes=2-"}, timeout=10) for _ in range(2)]
    assert [answer.text for answer in answers] == ["2345", "23456789"]
    assert answers[0].headers["Content-Range"] == "bytes 2-5/10"


def test_a_fault_of_a_resource_strikes_whoever_asks_for_it(running: Rehearsal, client: AzureClient) -> None:
    azure = running.azure
    refused = Refused(409, "AnotherOperationInProgress", "wait")
    azure.faults.add(Fault("PUT", "*/resourceGroups", refused, times=2))
    with pytest.raises(Refused, match="wait"):
        azure.put(f"{azure.root}/resourceGroups/a", GROUPS, {"location": "westeurope"})
    with pytest.raises(AzureError, match="AnotherOperationInProgress"):
        client.put(f"{azure.root}/resourceGroups/a", {"location": "westeurope"}, version=GROUPS)


def test_a_resource_can_be_made_although_its_creation_fails(azure: Azure, client: AzureClient) -> None:
    azure.faults.add(Fault("PUT", "*/resourceGroups", Refused(400, "Oops", "late"), is_created=True))
    with pytest.raises(AzureError, match="Oops"):
        client.put(f"{azure.root}/resourceGroups/a", {"location": "westeurope"}, version=GROUPS)
    assert client.get(f"{azure.root}/resourceGroups/a", version=GROUPS)["name"] == "a"


def test_the_journal_tells_how_much_of_every_answer_went_out(azure: Azure) -> None:
    path = f"{azure.root}/resourceGroups"
    whole = len(plain(azure, "GET", path).content)
    assert plain(azure, "HEAD", path).content == b""
    for cut in Cut:
        azure.faults.add(Fault("GET", path="*", cut=cut))
        with pytest.raises(requests.RequestException):
            plain(azure, "GET", path)
    sent = [(entry.method, entry.sent) for entry in azure.journal.entries]
    told = {Cut.BEFORE: 0, Cut.MIDDLE: whole // 2, Cut.AFTER: 0}
    assert sent == [("GET", whole), ("HEAD", 0), *(("GET", told[cut]) for cut in Cut)]
