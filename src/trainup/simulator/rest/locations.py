"""Quota and VM sizes of a region."""

from typing import Any

from trainup.simulator.cloud.azure import Azure
from trainup.simulator.cloud.refusal import Refused
from trainup.simulator.cloud.regions import (
    MACHINES,
    REGIONS,
    SPOT_FAMILY,
    Machine,
    compute_types,
    is_sold,
    plain_region,
)
from trainup.simulator.rest.arm import paged, version_of
from trainup.simulator.rest.routing import SUBSCRIPTION, Request, Response, Route

DEDICATED, LOW_PRIORITY = "dedicatedCores", "lowPriorityCores"
POOLED = -1
"""Limit of a family's low-priority cores: real subscriptions return -1, since all families share one limit."""

LOCATION = f"{SUBSCRIPTION}/providers/Microsoft.MachineLearningServices/locations/{{location}}"


def _usages(azure: Azure, request: Request) -> Response:
    """Usage and limit of each VM family in cores. Like the service, it leaves out families with a quota of 0.

    Each family has a second row of the same name for its low-priority cores, with the limit -1. The service promises
    no order, so that row comes first here.
    """
    version_of(request)
    region = _region(request)

    def row(family: str, text: str, cores: str, limit: int | None = None) -> dict[str, Any]:
        shown_limit = azure.quota.limit(family) if limit is None else limit
        used = azure.machines.cores(family) if azure.machines and limit is None else 0
        return _usage(request, region, family, text, cores, shown_limit, used)

    rows = []
    for family in sorted({machine.family for machine in MACHINES.values()}):
        rows.append(row(family, f"{family} Cluster LowPriority vCPUs", LOW_PRIORITY, POOLED))
        rows.append(row(family, f"{family} Cluster Dedicated vCPUs", DEDICATED))
    rows.append(row("TotalDedicatedCores", "Total Cluster Dedicated Regional vCPUs", DEDICATED))
    rows.append(row(SPOT_FAMILY, "Total Cluster LowPriority vCPUs", LOW_PRIORITY))
    return paged(azure, request, [item for item in rows if item["limit"]])


def _usage(request: Request, region: str, family: str, text: str, cores: str, limit: int, used: int) -> dict[str, Any]:
    where = request.path.rpartition("/usages")[0]
    return {
        "id": f"{where}/{cores}/usages/{family}",
        "type": f"Microsoft.MachineLearningServices/locations/{cores}/usages",
        "unit": "Count",
        "amlWorkspaceLocation": region,
        "currentValue": used,
        "limit": limit,
        "name": {"value": family, "localizedValue": text},
    }


def _sizes(azure: Azure, request: Request) -> Response:
    version_of(request)
    region = _region(request)
    return paged(azure, request, [_size(machine, region) for machine in MACHINES.values() if is_sold(machine, region)])


def _size(machine: Machine, region: str) -> dict[str, Any]:
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
        "supportedComputeTypes": list(compute_types(machine, region)),
        "estimatedVMPrices": {"billingCurrency": "USD", "unitOfMeasure": "OneHour", "values": values},
    }


def _region(request: Request) -> str:
    region = plain_region(request.parts["location"])
    if region not in REGIONS:
        raise Refused(400, "LocationNotFound", f"The location {request.parts['location']!r} is not known.")
    return region


ROUTES = (
    Route("GET", f"{LOCATION}/usages", _usages),
    Route("GET", f"{LOCATION}/vmSizes", _sizes),
)
