"""What nodes and idle resources cost, from Azure's own answers: Azure ML's sizes, and the public retail prices.

A price that an answer does not tell stays unknown. Where an answer has several, the highest counts.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

USD = "USD"
"""The currency of `node_price`, of `cost`, and of Azure ML's list of sizes."""
HOURS_PER_MONTH = 730
"""As in Azure's own price calculator."""


class Tier(StrEnum):
    """How a node is paid for."""

    DEDICATED = "dedicated"
    SPOT = "spot"


class Unit(StrEnum):
    """What one price is for."""

    HOUR = "hour"
    DAY = "day"
    GB = "GB"
    """One gigabyte that arrives."""
    GB_MONTH = "GB and month"
    USES = "10,000 uses"


class Source(StrEnum):
    """Who told a price."""

    AZURE_ML = "Azure ML's list of sizes"
    RETAIL = "Azure's retail prices"
    SETTINGS = "node_price"


@dataclass(frozen=True)
class Price:
    """One price, before taxes and discounts."""

    amount: float
    currency: str
    unit: Unit
    source: Source
    date: str
    """The day on which it was asked for, ISO 8601."""

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {key: str(value) if isinstance(value, StrEnum) else value for key, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Price":
        """Read what `to_dict` wrote. Raises KeyError, ValueError."""
        return cls(
            float(values["amount"]),
            str(values["currency"]),
            Unit(values["unit"]),
            Source(values["source"]),
            str(values["date"]),
        )


_TIERS = {Tier.DEDICATED: ("Standard",), Tier.SPOT: ("Spot", "LowPriority")}
"""Tier → its words in Azure ML's list, which still has that of low-priority nodes."""
_HOUR = "OneHour"


def of_offer(offer: Mapping[str, Any], tier: Tier, date: str) -> Price | None:
    """The price of a node by an entry of Azure ML's list of sizes; None where it does not tell one."""
    estimates = offer.get("estimatedVMPrices") or {}
    currency, unit = str(estimates.get("billingCurrency") or ""), estimates.get("unitOfMeasure")
    amounts = [
        float(value.get("retailPrice") or 0)
        for value in estimates.get("values") or ()
        if str(value.get("osType")) == "Linux" and value.get("vmTier") in _TIERS[tier]
    ]
    amount = max(amounts, default=0.0)
    if not currency or unit != _HOUR or amount <= 0:
        return None
    return Price(amount, currency, Unit.HOUR, Source.AZURE_ML, date)


def size_filter(sku: str, location: str) -> str:
    """The `$filter` of retail prices for a VM size in a region; its values are case-sensitive."""
    return _filter(serviceName="Virtual Machines", armRegionName=location, armSkuName=sku, priceType=_CONSUMPTION)


_CONSUMPTION = "Consumption"
"""Neither a reservation nor a price for development and tests."""
_CHEAPER = ("spot", "low priority")


def of_size_items(items: Iterable[Mapping[str, Any]], sku: str, tier: Tier, date: str) -> Price | None:
    """The price of a Linux node among the items of retail prices; None where none is one."""
    return _highest((item for item in items if _is_of_node(item, sku, tier)), Unit.HOUR, date)


def _is_of_node(item: Mapping[str, Any], sku: str, tier: Tier) -> bool:
    product = str(item.get("productName", "")).lower()
    words = f"{item.get('skuName', '')} {item.get('meterName', '')}".lower()
    is_cheaper = any(word in words for word in _CHEAPER)
    return (
        item.get("type") == _CONSUMPTION
        and item.get("unitOfMeasure") == "1 Hour"
        and str(item.get("armSkuName", "")).lower() == sku.lower()
        and not any(other in product for other in ("windows", "cloud services", "cloudservices", "dedicated host"))
        and "expired" not in words
        and is_cheaper == (tier is Tier.SPOT)
    )


@dataclass(frozen=True)
class Meter:
    """What Azure bills one kind of resource by."""

    service: str
    meter: str
    """`{sku}` stands for the resource's tier."""
    measure: str
    """The service's word for the unit."""
    unit: Unit


METERS = {
    "registry": Meter("Container Registry", "{sku} Registry Unit", "1/Day", Unit.DAY),
    "storage": Meter("Storage", "Hot LRS Data Stored", "1 GB/Month", Unit.GB_MONTH),
    "vault": Meter("Key Vault", "Operations", "10K", Unit.USES),
    "logs": Meter("Log Analytics", "Analytics Logs Data Ingestion", "1 GB", Unit.GB),
}
"""Resource that a stack keeps while idle → its meter. Application insights write into the logs and have none."""


def meter_filter(resource: str, location: str, sku: str = "") -> str:
    """The `$filter` of retail prices for the meter of a resource (a key of `METERS`) in a region."""
    meter = METERS[resource]
    return _filter(
        serviceName=meter.service,
        armRegionName=location,
        meterName=meter.meter.format(sku=sku),
        priceType=_CONSUMPTION,
    )


def of_meter_items(items: Iterable[Mapping[str, Any]], resource: str, sku: str, date: str) -> Price | None:
    """The price of a resource's meter among the items of retail prices; None where none is one.

    Where a price falls with the quantity, that of the first units counts, unless they are free.
    """
    meter = METERS[resource]
    name = meter.meter.format(sku=sku).lower()
    own = [
        item
        for item in items
        if item.get("type") == _CONSUMPTION
        and str(item.get("meterName", "")).lower() == name
        and item.get("unitOfMeasure") == meter.measure
        and float(item.get("retailPrice") or 0) > 0
    ]
    least = min((float(item.get("tierMinimumUnits") or 0) for item in own), default=0.0)
    return _highest((item for item in own if float(item.get("tierMinimumUnits") or 0) == least), meter.unit, date)


def _highest(items: Iterable[Mapping[str, Any]], unit: Unit, date: str) -> Price | None:
    """The highest price in force; those of the region's own meters before those that stand for several regions."""
    known = [item for item in items if float(item.get("retailPrice") or 0) > 0 and item.get("currencyCode")]
    own = [item for item in known if item.get("isPrimaryMeterRegion") is not False] or known
    in_force = [item for item in own if str(item.get("effectiveStartDate", ""))[:10] <= date] or own
    if not in_force:
        return None
    item = max(in_force, key=lambda one: float(one["retailPrice"]))
    return Price(float(item["retailPrice"]), str(item["currencyCode"]), unit, Source.RETAIL, date)


def _filter(**conditions: str) -> str:
    return " and ".join(f"{name} eq '{value.replace(chr(39), chr(39) * 2)}'" for name, value in conditions.items())


def per_month(price: Price) -> float | None:
    """A resource's price for a month, whatever it does; None where it depends on its use."""
    if price.unit is Unit.DAY:
        return price.amount * HOURS_PER_MONTH / 24
    return price.amount * HOURS_PER_MONTH if price.unit is Unit.HOUR else None
