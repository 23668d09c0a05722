"""The public service of retail prices: VM sizes, and the meters of what a stack keeps while idle."""

import re
from dataclasses import dataclass
from typing import Any

from trainup.simulator.cloud.azure import Azure
from trainup.simulator.cloud.refusal import Refused
from trainup.simulator.cloud.regions import MACHINES, Machine
from trainup.simulator.rest.routing import Request, Response, Route

_FILTER = re.compile(r"(\w+) eq '([^']*)'")
RATES = {"USD": 1.0, "EUR": 0.92, "GBP": 0.79}
"""Currency → its units for a US dollar, made up; the service's own rates are not published."""


@dataclass(frozen=True)
class Metered:
    """One meter that is no VM size."""

    service: str
    family: str
    product: str
    sku: str
    meter: str
    unit: str
    price: float
    """US dollars, as published for West Europe in 2025, rounded."""
    least: float = 0.0
    """From which quantity on it holds."""


METERED = (
    Metered("Container Registry", "Containers", "Container Registry", "Basic", "Basic Registry Unit", "1/Day", 0.1666),
    Metered(
        "Container Registry", "Containers", "Container Registry", "Standard", "Standard Registry Unit", "1/Day", 0.6666
    ),
    Metered(
        "Container Registry", "Containers", "Container Registry", "Premium", "Premium Registry Unit", "1/Day", 1.6666
    ),
    Metered("Storage", "Storage", "General Block Blob v2", "Hot LRS", "Hot LRS Data Stored", "1 GB/Month", 0.0196),
    Metered(
        "Storage", "Storage", "General Block Blob v2", "Hot LRS", "Hot LRS Data Stored", "1 GB/Month", 0.0188, 51_200
    ),
    Metered("Key Vault", "Security", "Key Vault", "Standard", "Operations", "10K", 0.03),
    Metered(
        "Log Analytics",
        "Management and Governance",
        "Log Analytics",
        "Analytics Logs",
        "Analytics Logs Data Ingestion",
        "1 GB",
        0.0,
    ),
    Metered(
        "Log Analytics",
        "Management and Governance",
        "Log Analytics",
        "Analytics Logs",
        "Analytics Logs Data Ingestion",
        "1 GB",
        2.76,
        5.0,
    ),
)


def _prices(azure: Azure, request: Request) -> Response:
    """Items by a filter of `field eq 'value'` joined by `and`, with Windows, spot and reservations among them."""
    conditions = dict(_FILTER.findall(request.query.get("$filter", "")))
    currency = request.query.get("currencyCode", "'USD'").strip("'")
    if currency not in RATES:
        raise Refused(400, "BadRequest", f"Invalid currency code: {currency}")
    region = conditions.get("armRegionName", "westeurope")
    items = [
        item
        for item in _all(region, currency)
        if all(str(item.get("type" if name == "priceType" else name)) == value for name, value in conditions.items())
    ]
    first = request.number("$skip", 0)
    page = items[first : first + azure.page]
    more = first + azure.page < len(items)
    query = "&".join(f"{name}={value}" for name, value in request.query.items() if name != "$skip")
    link = f"{azure.endpoints.prices}{request.path}?{query}&$skip={first + azure.page}" if more else None
    answer = {"BillingCurrency": currency, "CustomerEntityId": "Default", "CustomerEntityType": "Retail"}
    return Response(200, answer | {"Items": page, "NextPageLink": link, "Count": len(page)})


def _all(region: str, currency: str) -> list[dict[str, Any]]:
    machines = [item for machine in MACHINES.values() for item in _of_machine(machine, region, currency)]
    return machines + [_of_meter(metered, region, currency) for metered in METERED]


def _of_machine(machine: Machine, region: str, currency: str) -> list[dict[str, Any]]:
    short = machine.name.removeprefix("Standard_").replace("_", " ")
    series = f"Virtual Machines {machine.family.removeprefix('standard').strip()} Series"
    variants = [
        ("", "", "Consumption", machine.price),
        (" Windows", "", "Consumption", machine.price * 1.4),
        ("", "", "Reservation", machine.price * 5000),
        ("", "", "DevTestConsumption", machine.price * 0.9),
    ]
    if machine.spot:
        variants += [("", " Spot", "Consumption", machine.spot_price)]
        variants += [("", " Low Priority", "Consumption", machine.spot_price)]
    return [
        _item(
            region,
            currency,
            price,
            meterId=f"{machine.name}{windows}{cheaper}".lower(),
            meterName=f"{short}{cheaper}",
            productId=f"DZH318Z0-{machine.name}",
            skuId=f"DZH318Z0-{machine.name}-0001",
            productName=f"{series}{windows}",
            skuName=f"{short}{cheaper}",
            serviceName="Virtual Machines",
            serviceId="DZH313Z7MMC8",
            serviceFamily="Compute",
            unitOfMeasure="1 Hour",
            type=kind,
            armSkuName=machine.name,
            **({"reservationTerm": "1 Year"} if kind == "Reservation" else {}),
        )
        for windows, cheaper, kind, price in variants
    ]


def _of_meter(metered: Metered, region: str, currency: str) -> dict[str, Any]:
    short = metered.meter.lower().replace(" ", "-")
    return _item(
        region,
        currency,
        metered.price,
        tierMinimumUnits=metered.least,
        meterId=short,
        meterName=metered.meter,
        productId=f"DZH318Z0-{short}",
        skuId=f"DZH318Z0-{short}-0001",
        productName=metered.product,
        skuName=metered.sku,
        serviceName=metered.service,
        serviceId="DZH318Z0",
        serviceFamily=metered.family,
        unitOfMeasure=metered.unit,
        type="Consumption",
        armSkuName="",
    )


def _item(region: str, currency: str, price: float, **fields: Any) -> dict[str, Any]:
    amount = round(price * RATES[currency], 4)
    return {
        "currencyCode": currency,
        "tierMinimumUnits": 0.0,
        "retailPrice": amount,
        "unitPrice": amount,
        "armRegionName": region,
        "location": region,
        "effectiveStartDate": "2026-01-01T00:00:00Z",
        "isPrimaryMeterRegion": True,
        **fields,
    }


ROUTES = (Route("GET", "/api/retail/prices", _prices, open=True),)
