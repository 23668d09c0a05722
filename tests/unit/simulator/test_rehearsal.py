"""What a rehearsal lets its processes see."""

import json
import urllib.request
from pathlib import Path

import pytest
import requests

from tests.support.azure import visit
from trainup.jobs.azure.http.client import AzureClient
from trainup.simulator.rehearsal import NotHere, Rehearsal, check_loopback, rehearsal


def test_credentials_proxies_and_other_clouds_are_taken_out_of_the_environment(running: Rehearsal) -> None:
    given = {
        "PATH": "/bin",
        "ARM_CLIENT_SECRET": "real",
        "AZURE_CLIENT_ID": "real",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "real",
        "AWS_SECRET_ACCESS_KEY": "real",
        "https_proxy": "http://elsewhere:3128",
        "DOCKER_HOST": "tcp://elsewhere:2376",
    }
    made = running.environment(given)
    assert made["PATH"] == "/bin"
    assert "real" not in made.values()
    assert not any("elsewhere" in value for value in made.values())


@pytest.mark.parametrize(
    "name",
    ["ARM_METADATA_HOSTNAME", "IDENTITY_ENDPOINT", "ARM_CLOUD_METADATA_URL"],
)
@pytest.mark.parametrize("value", ["", "management.azure.com", "https://localhost.evil.example/x", "10.0.0.1:8443"])
def test_an_endpoint_outside_of_this_machine_is_refused(running: Rehearsal, name: str, value: str) -> None:
    check_loopback(running.variables)
    with pytest.raises(NotHere, match=name):
        check_loopback({**running.variables, name: value})


def test_a_client_that_heeds_proxies_cannot_leave_and_is_caught(running: Rehearsal) -> None:
    with pytest.raises(requests.exceptions.ProxyError):
        requests.get("https://management.azure.com/subscriptions", timeout=10)
    assert running.trap.caught == ["management.azure.com:443"]


def test_its_certificate_is_trusted_by_both_kinds_of_client_and_by_nobody_without_the_variables(
    running: Rehearsal, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"{running.azure.endpoints.resource_manager}/metadata/endpoints?api-version=2022-09-01"
    assert requests.get(url, timeout=10).status_code == 200
    with urllib.request.urlopen(url, timeout=10) as answer:
        assert answer.status == 200
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    monkeypatch.delenv("CURL_CA_BUNDLE")
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(url, timeout=10)


def test_two_rehearsals_side_by_side_know_nothing_of_each_other() -> None:
    with rehearsal() as one, rehearsal() as other:
        one.azure.put(f"{one.azure.root}/resourceGroups/mine", "2024-03-01", {"location": "westeurope"})
        assert other.azure.empty
        token, _ = one.azure.tokens.issue("x", "y", "z")
        url = f"{other.azure.endpoints.resource_manager}{other.azure.root}/resourceGroups?api-version=2024-03-01"
        answer = requests.get(
            url, headers={"Authorization": f"Bearer {token}"}, verify=other.variables["REQUESTS_CA_BUNDLE"], timeout=10
        )
        assert answer.status_code == 401


def test_every_request_is_written_down_without_secrets(running: Rehearsal, client: AzureClient, tmp_path: Path) -> None:
    client.find(f"{running.azure.root}/resourceGroups/none", version="2024-03-01", sig="planted", token="planted")
    text = (tmp_path / "rehearsal" / "requests.jsonl").read_text()
    last = json.loads(text.splitlines()[-1])
    assert (last["method"], last["status"], last["query"]) == ("GET", 404, {"api-version": "2024-03-01"})
    assert last["path"].endswith("/resourceGroups/none")
    assert "planted" not in text
    assert "Bearer" not in text


def test_a_visit_leaves_nothing_behind_in_this_process(running: Rehearsal) -> None:
    with pytest.MonkeyPatch.context() as inner, rehearsal() as other:
        visit(other, inner)
        urllib.request.urlopen(
            f"{other.azure.endpoints.resource_manager}/metadata/endpoints?api-version=2022-09-01", timeout=10
        ).close()
    with pytest.raises(OSError, match="403"):
        urllib.request.urlopen("https://management.azure.com/", timeout=10)
    assert running.trap.caught == ["management.azure.com:443"]
