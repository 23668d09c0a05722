"""What the simulated Azure refuses of an online endpoint and of its deployments."""

from typing import Any

import pytest

from trainup.simulator.cloud.azure import Azure
from trainup.simulator.cloud.refusal import Refused
from trainup.simulator.cloud.sample import furnish

VERSION = "2025-12-01"


@pytest.fixture
def azure() -> Azure:
    return Azure()


@pytest.fixture
def endpoint(azure: Azure) -> str:
    workspace = furnish(azure).workspace
    return str(put(azure, f"{workspace}/onlineEndpoints/digits-1", authMode="AADToken")["id"])


def put(azure: Azure, resource_id: str, **properties: Any) -> Any:
    body = {"location": "westeurope", "identity": {"type": "SystemAssigned"}, "properties": properties}
    return azure.put(resource_id, VERSION, body)


def deploy(azure: Azure, endpoint: str, name: str, *, is_ready: bool = True, **changes: Any) -> None:
    properties = {"endpointComputeType": "Managed", "instanceType": "Standard_DS3_v2", **changes}
    body = {"location": "westeurope", "sku": {"name": "Default", "capacity": 1}, "properties": properties}
    azure.put(f"{endpoint}/deployments/{name}", VERSION, body)
    if is_ready:
        azure.amend(f"{endpoint}/deployments/{name}", {"properties.provisioningState": "Succeeded"})


def test_a_new_endpoint_has_an_address_and_its_identity_may_pull_and_read(azure: Azure, endpoint: str) -> None:
    found = azure.get(endpoint)
    assert found["properties"]["scoringUri"] == "https://digits-1.westeurope.inference.ml.azure.com/score"
    roles = azure.resources("Microsoft.Authorization/roleAssignments")
    own = [one for one in roles if one["properties"]["principalId"] == found["identity"]["principalId"]]
    assert len(own) == 2


@pytest.mark.parametrize(
    ("properties", "words"),
    [
        ({"traffic": {"blue": 60}}, "adds up to 60"),
        ({"traffic": {"green": 100}}, "'green' of 'digits-1' does not exist, or is not ready"),
        ({"traffic": {"slow": 100}}, "'slow' of 'digits-1' does not exist, or is not ready"),
        ({"traffic": {"blue": 100}, "mirrorTraffic": {"blue": 10}}, "live traffic or mirrored traffic, not both"),
        ({"mirrorTraffic": {"blue": 60}}, "at most 50 percent"),
        ({"authMode": "Key"}, "auth mode of an endpoint cannot be changed"),
    ],
)
def test_traffic_that_the_service_does_not_take_is_refused(
    azure: Azure, endpoint: str, properties: dict[str, Any], words: str
) -> None:
    deploy(azure, endpoint, "blue")
    deploy(azure, endpoint, "slow", is_ready=False)
    with pytest.raises(Refused, match=words):
        put(azure, endpoint, **{"authMode": "AADToken", **properties})


def test_a_deployment_with_traffic_is_not_deleted(azure: Azure, endpoint: str) -> None:
    deploy(azure, endpoint, "blue")
    put(azure, endpoint, authMode="AADToken", traffic={"blue": 100})
    with pytest.raises(Refused, match="gets traffic"):
        azure.delete(f"{endpoint}/deployments/blue")
    assert azure.delete(endpoint)
    assert azure.find(f"{endpoint}/deployments/blue") is None


@pytest.mark.parametrize("name", ["environmentId", "model"])
def test_a_deployment_of_what_does_not_exist_is_refused(azure: Azure, endpoint: str, name: str) -> None:
    kinds = {"environmentId": "environments", "model": "models"}
    missing = f"{endpoint.split('/onlineEndpoints/')[0]}/{kinds[name]}/none/versions/1"
    with pytest.raises(Refused):
        deploy(azure, endpoint, "blue", **{name: missing})
