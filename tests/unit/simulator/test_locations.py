"""Quota, sizes and prices of a region."""

from typing import Any

import pytest
import requests

from tests.unit.simulator.conftest import Jobs
from trainup.jobs.azure.http.client import AzureClient, AzureError
from trainup.simulator.cloud.azure import Azure

T4 = "standard NCASv3_T4 Family"


def usages(azure: Azure, client: AzureClient) -> dict[str, tuple[int, int]]:
    """Family → dedicated cores in use and their limit."""
    return {
        item["name"]["value"]: (item["currentValue"], item["limit"])
        for item in rows(azure, client)
        if "/dedicatedCores/" in item["type"]
    }


def rows(azure: Azure, client: AzureClient) -> list[dict[str, Any]]:
    return list(client.pages(f"{azure.root}/providers/Microsoft.MachineLearningServices/locations/westeurope/usages"))


def test_usage_counts_the_cores_of_nodes_that_are_there(azure: Azure, client: AzureClient, jobs: Jobs) -> None:
    azure.quota[T4] = 8
    assert usages(azure, client)[T4] == (0, 8)
    job = jobs.submit("one", "sleep 600")
    jobs.wait_for("one", lambda run: run.status == "Running")
    assert usages(azure, client)[T4] == (4, 8)
    jobs.running.machines.cancel(job)
    jobs.running.machines.wait(job)
    assert usages(azure, client)[T4] == (0, 8)


def test_a_new_subscription_has_no_quota_for_gpus_and_its_families_are_absent(
    azure: Azure, client: AzureClient
) -> None:
    assert T4 not in usages(azure, client)
    assert "standardDSv3Family" in usages(azure, client)
    assert "TotalLowPriorityCores" in {item["name"]["value"] for item in rows(azure, client)}
    azure.quota["StandardNCASv3_T4Family"] = 4
    assert usages(azure, client)[T4] == (0, 4)


def test_a_family_has_two_rows_of_one_name_that_their_type_tells_apart(azure: Azure, client: AzureClient) -> None:
    azure.quota[T4] = 8
    of_t4 = [item for item in rows(azure, client) if item["name"]["value"] == T4]
    assert [(item["type"].split("/")[-2], item["limit"]) for item in of_t4] == [
        ("lowPriorityCores", -1),
        ("dedicatedCores", 8),
    ]


def test_a_region_may_sell_a_size_for_endpoints_alone(azure: Azure, client: AzureClient) -> None:
    kinds = {}
    for region in ("eastus", "westeurope"):
        where = f"{azure.root}/providers/Microsoft.MachineLearningServices/locations/{region}/vmSizes"
        sizes = {item["name"]: item["supportedComputeTypes"] for item in client.pages(where)}
        kinds[region] = sizes["Standard_NV36ads_A10_v5"]
    assert kinds["eastus"] == ["MIR"]
    assert "AmlCompute" in kinds["westeurope"]


def test_regions_sell_different_sizes(azure: Azure, client: AzureClient) -> None:
    def sizes(region: str) -> set[str]:
        where = f"{azure.root}/providers/Microsoft.MachineLearningServices/locations/{region}/vmSizes"
        return {item["name"] for item in client.pages(where)}

    assert "Standard_ND96isr_MI300X_v5" in sizes("swedencentral")
    assert "Standard_ND96isr_MI300X_v5" not in sizes("westeurope")
    assert "Standard_NC4as_T4_v3" in sizes("swedencentral") & sizes("westeurope")


def test_sizes_tell_cores_gpus_and_prices_and_retired_ones_are_absent(azure: Azure, client: AzureClient) -> None:
    where = f"{azure.root}/providers/Microsoft.MachineLearningServices/locations/westeurope/vmSizes"
    sizes = {item["name"]: item for item in client.pages(where)}
    t4 = sizes["Standard_NC4as_T4_v3"]
    assert (t4["family"], t4["vCPUs"], t4["gpus"]) == (T4, 4, 1)
    tiers = {value["vmTier"]: value["retailPrice"] for value in t4["estimatedVMPrices"]["values"]}
    assert 0 < tiers["LowPriority"] < tiers["Standard"]
    assert "Standard_NC6" not in sizes
    assert not sizes["Standard_NC48ads_A100_v4"]["lowPriorityCapable"]


def test_an_unknown_region_is_refused(azure: Azure, client: AzureClient) -> None:
    with pytest.raises(AzureError, match="LocationNotFound"):
        client.get(f"{azure.root}/providers/Microsoft.MachineLearningServices/locations/atlantis/usages")


def test_retail_prices_need_no_token_and_are_filtered(azure: Azure) -> None:
    query = {
        "$filter": "serviceName eq 'Virtual Machines' and armRegionName eq 'westeurope' and "
        "armSkuName eq 'Standard_NC4as_T4_v3' and priceType eq 'Consumption'"
    }
    told = requests.get(f"{azure.endpoints.prices}/api/retail/prices", params=query, timeout=10).json()
    assert {item["armSkuName"] for item in told["Items"]} == {"Standard_NC4as_T4_v3"}
    assert {item["type"] for item in told["Items"]} == {"Consumption"}
    assert {item["skuName"] for item in told["Items"]} == {
        "NC4as T4 v3",
        "NC4as T4 v3 Spot",
        "NC4as T4 v3 Low Priority",
    }
    assert told["NextPageLink"] is None


def test_prices_come_in_pages(azure: Azure) -> None:
    azure.page = 10
    url, count = f"{azure.endpoints.prices}/api/retail/prices", 0
    while url:
        told = requests.get(url, timeout=10).json()
        count += told["Count"]
        url = told["NextPageLink"]
    assert count > 20
