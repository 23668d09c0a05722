"""What a region has: quota, sizes of machines, prices."""

import re
from typing import Any

from trainup.simulator.cloud.azure import Azure
from trainup.simulator.cloud.refusal import Refused
from trainup.simulator.cloud.regions import MACHINES, REGIONS, SPOT_FAMILY, Machine, plain_family, plain_region
from trainup.simulator.rest.arm import paged, version_of
from trainup.simulator.rest.routing import SUBSCRIPTION, Request, Response, Route

PLENTY = 100_000
"""What is told as the limit of a family whose quota nobody has set."""

LOCATION = f"{SUBSCRIPTION}/providers/Microsoft.MachineLearningServices/locations/{{location}}"
_FILTER = re.compile(r"(\w+) eq '([^']*)'")


def _usages(azure: Azure, request: Request) -> Response:
    """Cores per family. A family with a quota of 0 is absent: that is how the service says that it is not allowed."""
    version_of(request)
    region = _region(request)
    families = sorted({machine.family for machine in MACHINES.values()})
    found = [_usage(azure, request, region, family, f"{family} Cluster Dedicated vCPUs") for family in families]
    spot = _usage(azure, request, region, SPOT_FAMILY, "Total Cluster LowPriority vCPUs")
    total = _usage(azure, request, region, "TotalDedicatedCores", "Total Cluster Dedicated Regional vCPUs")
    return paged(azure, request, [item for item in [*found, total, spot] if item["limit"]])


def _usage(azure: Azure, request: Request, region: str, family: str, text: str) -> dict[str, Any]:
    limits = {plain_family(name): cores for name, cores in azure.quota.items()}
    used = azure.machines.cores(family) if azure.machines else 0
    where = request.path.rpartition("/usages")[0]
    return {
        "id": f"{where}/usages/{family}",
        "type": "Microsoft.MachineLearningServices/usages",
        "unit": "Count",
        "amlWorkspaceLocation": region,
        "currentValue": used,
        "limit": limits.get(plain_family(family), PLENTY),
        "name": {"value": family, "localizedValue": text},
    }


def _sizes(azure: Azure, request: Request) -> Response:
    version_of(request)
    _region(request)
    return paged(azure, request, [_size(machine) for machine in MACHINES.values()])


def _size(machine: Machine) -> dict[str, Any]:
    tiers = {"Standard": machine.price} | ({"LowPriority": machine.spot_price} if machine.spot else {})
    values = [{"retailPrice": price, "osType": "Linux", "vmTier": tier} for tier, price in tiers.items()]
    return {
        "name": machine.name,
        "family": machine.family,
        "vCPUs": machine.cores,
        "gpus": machine.gpus,
        "memoryGB": machine.memory_gb,
        "osVhdSizeMB": 1_047_552,
        "maxResourceVolumeMB": 180_224,
        "lowPriorityCapable": machine.spot,
        "premiumIO": True,
        "supportedComputeTypes": ["AmlCompute", "ComputeInstance"],
        "estimatedVMPrices": {"billingCurrency": "USD", "unitOfMeasure": "OneHour", "values": values},
    }


def _region(request: Request) -> str:
    region = plain_region(request.parts["location"])
    if region not in REGIONS:
        raise Refused(400, "LocationNotFound", f"The location {request.parts['location']!r} is not known.")
    return region


def _prices(azure: Azure, request: Request) -> Response:
    """Retail prices, of Linux, Windows and spot machines alike. The filter is an `and` of `field eq 'value'`."""
    wanted = dict(_FILTER.findall(request.query.get("$filter", "")))
    region = wanted.get("armRegionName", "westeurope")
    items = [
        item
        for machine in MACHINES.values()
        for item in _priced(machine, region)
        if all(str(item.get("type" if name == "priceType" else name)) == value for name, value in wanted.items())
    ]
    first = request.number("$skip", 0)
    page = items[first : first + azure.page]
    more = first + azure.page < len(items)
    query = "&".join(f"{name}={value}" for name, value in request.query.items() if name != "$skip")
    link = f"{azure.endpoints.prices}{request.path}?{query}&$skip={first + azure.page}" if more else None
    told = {"BillingCurrency": "USD", "CustomerEntityId": "Default", "CustomerEntityType": "Retail"}
    return Response(200, told | {"Items": page, "NextPageLink": link, "Count": len(page)})


def _priced(machine: Machine, region: str) -> list[dict[str, Any]]:
    short = machine.name.removeprefix("Standard_").replace("_", " ")
    series = f"Virtual Machines {machine.family.removeprefix('standard').strip()} Series"
    found = [("", "", machine.price), (" Windows", "", machine.price * 1.4)]
    if machine.spot:
        found.append(("", " Spot", machine.spot_price))
    return [
        {
            "currencyCode": "USD",
            "tierMinimumUnits": 0.0,
            "retailPrice": round(price, 4),
            "unitPrice": round(price, 4),
            "armRegionName": region,
            "location": region,
            "effectiveStartDate": "2026-01-01T00:00:00Z",
            "meterId": f"{machine.name}{windows}{spot}".lower(),
            "meterName": f"{short}{spot}",
            "productId": f"DZH318Z0-{machine.name}",
            "skuId": f"DZH318Z0-{machine.name}-0001",
            "productName": f"{series}{windows}",
            "skuName": f"{short}{spot}",
            "serviceName": "Virtual Machines",
            "serviceId": "DZH313Z7MMC8",
            "serviceFamily": "Compute",
            "unitOfMeasure": "1 Hour",
            "type": "Consumption",
            "isPrimaryMeterRegion": True,
            "armSkuName": machine.name,
        }
        for windows, spot, price in found
    ]


ROUTES = (
    Route("GET", f"{LOCATION}/usages", _usages),
    Route("GET", f"{LOCATION}/vmSizes", _sizes),
    Route("GET", "/api/retail/prices", _prices, open=True),
)
