"""Prices out of the service's own sample answers (azure-ml.md §11: `vmSizes`, and retail prices)."""

from typing import Any

import pytest

from trainup.core import prices
from trainup.core.prices import Price, Source, Tier, Unit

TODAY = "2026-11-28"
OFFER = {
    "name": "Standard_NC16as_T4_v3",
    "family": "standard NCASv3_T4 Family",
    "vCPUs": 16,
    "gpus": 1,
    "estimatedVMPrices": {
        "billingCurrency": "USD",
        "unitOfMeasure": "OneHour",
        "values": [
            {"retailPrice": 1.481, "osType": "Linux", "vmTier": "Standard"},
            {"retailPrice": 2.217, "osType": "Windows", "vmTier": "Standard"},
            {"retailPrice": 0.2962, "osType": "Linux", "vmTier": "LowPriority"},
            {"retailPrice": 0.31, "osType": "Linux", "vmTier": "Spot"},
        ],
    },
}
ITEM = {
    "currencyCode": "USD",
    "tierMinimumUnits": 0.0,
    "retailPrice": 0.526,
    "unitPrice": 0.526,
    "armRegionName": "eastus",
    "location": "US East",
    "effectiveStartDate": "2021-03-01T00:00:00Z",
    "meterId": "a",
    "meterName": "NC4as T4 v3",
    "productId": "DZH318Z0BQ35",
    "skuId": "DZH318Z0BQ35/00G1",
    "productName": "Virtual Machines NCasT4 v3 Series",
    "skuName": "NC4as T4 v3",
    "serviceName": "Virtual Machines",
    "serviceId": "DZH313Z7MMC8",
    "serviceFamily": "Compute",
    "unitOfMeasure": "1 Hour",
    "type": "Consumption",
    "isPrimaryMeterRegion": True,
    "armSkuName": "Standard_NC4as_T4_v3",
}


def item(**changes: Any) -> dict[str, Any]:
    return {**ITEM, **changes}


WINDOWS = item(productName="Virtual Machines NCasT4 v3 Series Windows", retailPrice=0.71)
SPOT = item(skuName="NC4as T4 v3 Spot", meterName="NC4as T4 v3 Spot", retailPrice=0.1)
LOW = item(skuName="NC4as T4 v3 Low Priority", meterName="NC4as T4 v3 Low Priority", retailPrice=0.11)
RESERVED = item(type="Reservation", reservationTerm="1 Year", retailPrice=2891.0)
DEVELOPMENT = item(type="DevTestConsumption", retailPrice=0.9)
CLOUD_SERVICES = item(productName="NCasT4 v3 Series Cloud Services", retailPrice=0.8)
ALL = [WINDOWS, SPOT, LOW, RESERVED, DEVELOPMENT, CLOUD_SERVICES, ITEM]


def of_node(*items: dict[str, Any], tier: Tier = Tier.DEDICATED) -> Price | None:
    return prices.of_size_items(items, "Standard_NC4as_T4_v3", tier, TODAY)


def test_azure_mls_list_tells_linux_by_tier() -> None:
    dedicated = prices.of_offer(OFFER, Tier.DEDICATED, TODAY)
    assert dedicated == Price(1.481, "USD", Unit.HOUR, Source.AZURE_ML, TODAY)
    spot = prices.of_offer(OFFER, Tier.SPOT, TODAY)
    assert spot
    assert spot.amount == 0.31


@pytest.mark.parametrize(
    "estimates",
    [
        None,
        {},
        {"billingCurrency": "USD", "unitOfMeasure": "OneHour", "values": []},
        {
            "billingCurrency": "USD",
            "unitOfMeasure": "OneMonth",
            "values": [{"retailPrice": 1.0, "osType": "Linux", "vmTier": "Standard"}],
        },
        {
            "billingCurrency": "USD",
            "unitOfMeasure": "OneHour",
            "values": [{"retailPrice": 0.0, "osType": "Linux", "vmTier": "Standard"}],
        },
    ],
    ids=["none", "empty", "no values", "another unit", "nothing"],
)
def test_what_the_list_does_not_tell_is_unknown(estimates: Any) -> None:
    assert prices.of_offer({"estimatedVMPrices": estimates}, Tier.DEDICATED, TODAY) is None


def test_retail_prices_leave_out_windows_spot_reservations_and_other_services() -> None:
    assert of_node(*ALL) == Price(0.526, "USD", Unit.HOUR, Source.RETAIL, TODAY)
    spot = of_node(*ALL, tier=Tier.SPOT)
    assert spot
    assert spot.amount == 0.11
    assert of_node(WINDOWS, RESERVED, DEVELOPMENT) is None
    assert of_node(SPOT) is None


def test_of_several_meters_the_regions_own_in_force_and_dearest_counts() -> None:
    general = item(isPrimaryMeterRegion=False, retailPrice=9.0)
    coming = item(effectiveStartDate="2027-02-01T00:00:00Z", retailPrice=8.0)
    second = item(retailPrice=0.6)
    found = of_node(ITEM, general, coming, second)
    assert found
    assert found.amount == 0.6
    other = of_node(item(currencyCode="EUR"))
    assert other
    assert other.currency == "EUR"


def test_filters_name_what_is_asked_for() -> None:
    assert prices.size_filter("Standard_NC4as_T4_v3", "eastus") == (
        "serviceName eq 'Virtual Machines' and armRegionName eq 'eastus' and "
        "armSkuName eq 'Standard_NC4as_T4_v3' and priceType eq 'Consumption'"
    )
    assert "meterName eq 'Premium Registry Unit'" in prices.meter_filter("registry", "eastus", "Premium")


def test_a_registry_is_paid_by_the_day_and_logs_by_what_arrives() -> None:
    registry = item(meterName="Basic Registry Unit", unitOfMeasure="1/Day", retailPrice=0.1666)
    found = prices.of_meter_items([registry], "registry", "Basic", TODAY)
    assert found
    assert found.unit is Unit.DAY
    assert prices.per_month(found) == pytest.approx(5.0674, abs=1e-4)
    logs = [
        item(meterName="Analytics Logs Data Ingestion", unitOfMeasure="1 GB", retailPrice=0.0),
        item(meterName="Analytics Logs Data Ingestion", unitOfMeasure="1 GB", retailPrice=2.3, tierMinimumUnits=5.0),
    ]
    by_use = prices.of_meter_items(logs, "logs", "", TODAY)
    assert by_use
    assert (by_use.amount, prices.per_month(by_use)) == (2.3, None)
    assert prices.of_meter_items([registry], "registry", "Premium", TODAY) is None


def test_a_price_is_kept_as_plain_values() -> None:
    price = Price(0.5, "USD", Unit.HOUR, Source.AZURE_ML, TODAY)
    assert Price.from_dict(price.to_dict()) == price
    assert {type(value) for value in price.to_dict().values()} == {float, str}
