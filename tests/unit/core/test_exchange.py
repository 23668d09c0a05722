"""Records of requests tell what Azure did, and nothing of whose it was."""

import json

from hypothesis import given
from hypothesis import strategies as st

from trainup.core.exchange import exchange_of, masked, route_of

SUBSCRIPTION = "5ab0f3e2-1111-4000-8000-000000000003"
WORKSPACE = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/team-vision/providers/Microsoft.MachineLearningServices/"
    "workspaces/pets-ml"
)
ROUTE = "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.MachineLearningServices/workspaces/{}"
SECRET = "planted-5ecret-7f3a"


def test_a_route_has_the_types_of_resources_and_no_name() -> None:
    assert route_of(f"https://management.azure.com{WORKSPACE}/jobs/pets-3f2a?api-version=1") == f"{ROUTE}/jobs/{{}}"
    assert route_of(f"https://x{WORKSPACE}/codes/c1/versions/2/startPendingUpload").endswith(
        "/codes/{}/versions/{}/startPendingUpload"
    )
    assert (
        route_of(f"https://x/history/v1.0{WORKSPACE}/runs/pets-1/details") == f"/history/v1.0{ROUTE}/runs/{{}}/details"
    )
    assert route_of(f"https://x/mlflow/v2.0{WORKSPACE}/api/2.0/mlflow/runs/get").endswith("/api/2.0/mlflow/runs/get")
    grants = f"{WORKSPACE}/providers/Microsoft.Authorization/roleAssignments/{SUBSCRIPTION}"
    assert route_of(f"https://x{grants}") == f"{ROUTE}/providers/Microsoft.Authorization/roleAssignments/{{}}"
    assert route_of("https://account.blob.core.windows.net/azureml/ExperimentRun/dcid.pets-1/log.txt?sig=a") == "/{}/…"
    assert route_of("https://r.azurecr.io/v2/team/fastai/manifests/1.0") == "/v2/{}/{}/manifests/{}"


def test_only_azures_own_words_are_kept() -> None:
    body = {
        "id": f"{WORKSPACE}/computes/pets",
        "name": "pets",
        "properties": {
            "provisioningState": "Failed",
            "computeType": "AmlCompute",
            "description": "for Ann",
            "credential": {"sasUri": f"https://a.blob.core.windows.net/c?sig={SECRET}", "expiry": None},
            "environmentVariables": {"TOKEN": SECRET, "HOME": "/home/ann"},
            "errors": [{"code": "Quota", "message": f"pets of {SUBSCRIPTION}: ask ann@example.org at 10.1.2.3"}],
        },
    }
    exchange = exchange_of(
        "PUT",
        f"https://management.azure.com{WORKSPACE}/computes/pets?api-version=2025-12-01&sig={SECRET}",
        201,
        request=body,
        response=body,
        headers={"Retry-After": "1", "X-Private": "ann"},
    )
    text = json.dumps(exchange.to_dict())
    for private in (SECRET, SUBSCRIPTION, "pets", "team-vision", "ann", "Ann", "TOKEN", "10.1.2.3"):
        assert private not in text
    properties = exchange.response["properties"]
    assert (properties["provisioningState"], properties["computeType"]) == ("Failed", "AmlCompute")
    assert properties["errors"] == [{"code": "Quota", "message": "<name> of <guid>: ask <mail> at <ip>"}]
    assert properties["credential"] == {"sasUri": "<address>", "expiry": None}
    assert exchange.query == ["api-version=2025-12-01", "sig"]
    assert exchange.headers == ["retry-after"]


def test_lists_that_are_the_same_for_everybody_are_kept_whole() -> None:
    row = {"id": f"{WORKSPACE}/usages/x", "name": {"value": "standardNCASv3_T4Family"}, "limit": -1, "type": "a/usages"}
    url = f"https://x/subscriptions/{SUBSCRIPTION}/providers/Microsoft.MachineLearningServices/locations/x/usages"
    exchange = exchange_of("GET", url, 200, response={"value": [row] * 9})
    assert len(exchange.response["value"]) == 9
    assert exchange.response["value"][0] == {**row, "id": "<id>"}


@given(st.text(min_size=1), st.uuids())
def test_a_message_never_has_an_id_or_an_address(text: str, guid: object) -> None:
    message = masked(f"{text} {guid} https://x.example/{guid}?sig=abc /subscriptions/{guid}/resourceGroups/g")
    assert str(guid) not in message
    assert "sig=abc" not in message
