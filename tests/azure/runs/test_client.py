"""Requests to Azure, and logins there, that do not go well."""

import threading
from collections.abc import Mapping

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError

from tests.azure.runs.conftest import IMPATIENT, World
from tests.support.tokens import TOKEN, tokens
from trainup.jobs.azure.http import credentials
from trainup.jobs.azure.http.client import AzureClient, AzureError
from trainup.jobs.azure.http.credentials import find_credential
from trainup.jobs.azure.http.endpoints import find_endpoints
from trainup.jobs.target import TargetError
from trainup.simulator.cloud.azure import CLIENT
from trainup.simulator.cloud.faults import Cut, Fault
from trainup.simulator.cloud.refusal import Refused, throttled, unavailable


def sent(world: World, path: str) -> int:
    """How often a request was sent since the beginning."""
    return len([entry for entry in world.azure.journal.entries if entry.path == path])


@pytest.mark.parametrize(
    "fault",
    [
        {"error": unavailable(500)},
        {"error": unavailable(503)},
        {"error": Refused(503, "ServerBusy", "try again", {"Retry-After": "0"})},
        {"error": unavailable(504)},
        {"cut": Cut.AFTER},
    ],
)
def test_what_may_have_been_carried_out_is_not_sent_twice(world: World, fault: dict[str, object]) -> None:
    action = f"{world.sample.registry}/listBuildSourceUploadUrl"
    world.azure.faults.add(Fault("POST", path=action, **fault))  # type: ignore[arg-type]
    with pytest.raises(AzureError):
        world.client().post(action, version="2019-06-01-preview", repeat=False)
    assert sent(world, action) == 1


def test_what_was_refused_for_there_being_too_much_is_sent_again(world: World) -> None:
    action = f"{world.sample.registry}/listBuildSourceUploadUrl"
    world.azure.faults.add(Fault("POST", path=action, error=throttled(0.01)))
    assert world.client().post(action, version="2019-06-01-preview", repeat=False)["uploadUrl"]
    assert sent(world, action) == 2


class Doorman:
    """A credential that gives no token before it is told to, and notes how often it was asked."""

    def __init__(self) -> None:
        self.open, self.asked = threading.Event(), 0
        self.refusal: Exception | None = None

    def get_token(self, *scopes: str, **options: object) -> AccessToken:
        self.asked += 1
        assert self.open.wait(10)
        if self.refusal:
            raise self.refusal
        return AccessToken(f"token {self.asked}", 2**40)


def test_a_login_that_has_begun_is_waited_for_and_not_begun_again() -> None:
    doorman = Doorman()
    client = AzureClient(find_endpoints("public", {}), doorman)
    client.begin_login()  # returns, though the door is closed
    client.begin_login()
    doorman.open.set()
    assert client.token() == "token 1"
    assert client.token() == "token 2"  # the credential itself keeps tokens, and knows when they expire


def test_a_login_that_failed_ahead_is_told_when_a_token_is_needed_and_not_repeated_for_it() -> None:
    doorman = Doorman()
    doorman.refusal = ClientAuthenticationError("nobody is logged in")
    doorman.open.set()
    client = AzureClient(find_endpoints("public", {}), doorman)
    client.begin_login()
    with pytest.raises(AzureError, match="nobody is logged in"):
        client.token()
    assert doorman.asked == 1
    doorman.refusal = None
    assert client.token() == "token 2"


def test_a_login_is_tried_as_often_as_anything_else(world: World) -> None:
    world.azure.faults.add(Fault(path="*/token*", error=unavailable(503), times=IMPATIENT.tries))
    assert world.client().get(world.sample.workspace)["name"] == "team"


def in_ci(world: World, variables: Mapping[str, str]) -> AzureClient:
    """A client in a job that proves who it is by a token of its own."""
    host = world.azure.endpoints.resource_manager.removeprefix("https://")
    known = {"ARM_USE_OIDC": "true", "ARM_CLIENT_ID": CLIENT, "ARM_TENANT_ID": world.azure.tenant}
    told = {**known, "ARM_METADATA_HOSTNAME": host, **variables}
    endpoints = find_endpoints(variables=told)
    world.azure.federated.add(TOKEN)
    return AzureClient(endpoints, find_credential(endpoints, told))


def test_a_token_of_the_ci_job_that_is_not_there_at_once_is_asked_for_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(credentials, "PAUSE", 0.01)
    with tokens(failures=2) as variables:
        assert in_ci(world, variables).get(world.sample.workspace)["name"] == "team"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"ACTIONS_ID_TOKEN_REQUEST_TOKEN": "somebody else's"}, "gives no token"),
        ({"ACTIONS_ID_TOKEN_REQUEST_URL": "http://127.0.0.1:1/token"}, "gives no token"),
        ({"ARM_OIDC_TOKEN_FILE_PATH": "nowhere"}, "ARM_OIDC_TOKEN_FILE_PATH"),
    ],
)
def test_a_ci_job_without_a_token_is_told_what_to_do(
    world: World, change: dict[str, str], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(credentials, "PAUSE", 0.01)
    with tokens() as variables, pytest.raises(TargetError, match=says):
        in_ci(world, {**variables, **change}).get(world.sample.workspace)
