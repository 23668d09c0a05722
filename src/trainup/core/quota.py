"""Whether a subscription's quota covers the nodes of a cluster, from Azure ML's lists for a region.

A problem has to be certain; anything that could still work is a warning.
"""

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from trainup.core.costs import at_once
from trainup.core.sizes import Size, of_offer

SPOT = "TotalLowPriorityCores"
"""One figure for the spot nodes of all families."""
CLUSTERS = "AmlCompute"
"""The name of clusters in the list of sizes, among the compute types that a size is available for."""
UNCLEAR_LIMIT = -1
"""A limit that real subscriptions have; reports disagree whether it means no limit or no nodes."""
ASK = "ask for more (Azure ML studio, Quota; it is apart from that of virtual machines), or take another size or region"


@dataclass(frozen=True)
class Verdict:
    """The result of the check."""

    problems: list[str] = field(default_factory=list)
    """Why it can never have a node."""
    warnings: list[str] = field(default_factory=list)
    """Why it may not have all of them."""


def judge(
    size: Size,
    *,
    location: str,
    spot: bool,
    min_nodes: int,
    max_nodes: int,
    usages: Sequence[Mapping[str, Any]],
    sizes: Sequence[Mapping[str, Any]],
) -> Verdict:
    """`usages` and `sizes` are the items of Azure ML's lists `usages` and `vmSizes`; an empty one proves nothing."""
    offers = {str(item.get("name", "")).lower(): item for item in sizes}
    offer = offers.get(size.sku.lower())
    if offers and offer is None:
        near = difflib.get_close_matches(size.sku.lower(), offers, 2, 0.8)
        hint = f"did you mean {' or '.join(str(offers[name]['name']) for name in near)}? " if near else ""
        return Verdict([f"{size.sku} is not to be had in {location}: {hint}take another size or region"])
    kinds = (offer or {}).get("supportedComputeTypes")
    if kinds and CLUSTERS not in kinds:
        return Verdict(
            [
                f"{size.sku} is sold in {location} for {', '.join(map(str, kinds))} only, and not for clusters: "
                "take another size or region"
            ]
        )
    size = of_offer(size, offer) if offer else size
    family = SPOT if spot else size.family
    if not family:
        return Verdict(
            warnings=[
                f"the quota for {size.sku} in {location} was not checked, since Azure's list of the region's sizes, "
                "which tells its family, cannot be read"
            ]
        )
    verdict = _judge_cores(size, location, family, min_nodes, max_nodes, usages)
    if spot and offer is not None and offer.get("lowPriorityCapable") is False and not verdict.problems:
        # No refusal: the list denies it for A100 sizes that are accepted, and grants it to H100 sizes that are not.
        return Verdict(
            warnings=[
                *verdict.warnings,
                f"Azure's list says that {size.sku} has no spot nodes in {location}, and is not always right: if it "
                "is, the run ends at once and says so; then set `spot: false`, or take another size",
            ]
        )
    return verdict


def _judge_cores(
    size: Size, location: str, family: str, min_nodes: int, max_nodes: int, usages: Sequence[Mapping[str, Any]]
) -> Verdict:
    if not usages:
        return Verdict()
    usage = _usage(usages, family)
    limit = int(usage["limit"]) if usage else 0
    used = int(usage.get("currentValue", 0)) if usage else 0
    least = size.vcpus * max(min_nodes, 1)
    what = "spot nodes" if family == SPOT else f"the family {family}"
    if limit == UNCLEAR_LIMIT:
        return Verdict(
            warnings=[
                f"Azure ML tells no quota for {what} in {location} (its limit is {limit}): whether there is a node "
                f"shows when a run asks for one; if none comes, {ASK}"
            ]
        )
    if limit < least:
        nodes = f"{max(min_nodes, 1)} of {size.sku}"
        return Verdict([f"the quota for {what} in {location} is {limit} vCPUs, and {nodes} take {least}: {ASK}"])
    if limit < size.vcpus * max_nodes:
        return Verdict(
            warnings=[
                f"the quota for {what} in {location} is {limit} vCPUs: {limit // size.vcpus} of max_nodes {max_nodes} "
                f"fit, the others would wait; {ASK}"
            ]
        )
    if limit - used < least:
        return Verdict(
            warnings=[
                f"{used} of {limit} vCPUs of {what} in {location} are in use, and a node of {size.sku} takes "
                f"{size.vcpus}: runs wait until some are free"
            ]
        )
    return Verdict()


@dataclass(frozen=True)
class Demand:
    """Nodes that something of a stack may have at once."""

    size: Size
    nodes: int
    spot: bool = False
    after: tuple[str, ...] = ()
    """What has to end before."""


def judge_together(
    demands: Mapping[str, Demand],
    *,
    location: str,
    usages: Sequence[Mapping[str, Any]],
    sizes: Sequence[Mapping[str, Any]],
) -> list[str]:
    """Where the quota of a family covers each demand of a stack by itself, and not all that may be there at once.

    These are warnings, since what does not fit waits. Cores in use do not count: those of the stack's own runs, which
    are at work already, are among them.
    """
    if not usages:
        return []
    offers = {str(item.get("name", "")).lower(): item for item in sizes}
    spellings: dict[str, str] = {}
    cores: dict[str, dict[str, float]] = {}
    for name, demand in demands.items():
        offer = offers.get(demand.size.sku.lower())
        size = of_offer(demand.size, offer) if offer else demand.size
        if family := SPOT if demand.spot else size.family:
            spelling = spellings.setdefault(_plain(family), family)
            cores.setdefault(spelling, {})[name] = size.vcpus * demand.nodes
    after = {name: demand.after for name, demand in demands.items()}
    warnings = []
    for family, weights in sorted(cores.items()):
        usage = _usage(usages, family)
        limit, needed = int(usage["limit"]) if usage else 0, round(at_once(weights, after))
        # What one demand alone does not get is told about that one.
        if limit == UNCLEAR_LIMIT or not max(weights.values()) <= limit < needed or usage is None:
            continue
        what = "spot nodes" if family == SPOT else f"the family {usage['name']['value']}"
        warnings.append(
            f"the quota for {what} in {location} is {limit} vCPUs, and {', '.join(sorted(weights))} together may need "
            f"{needed} at once: some of them wait for others; {ASK}"
        )
    return warnings


def _usage(usages: Sequence[Mapping[str, Any]], family: str) -> Mapping[str, Any] | None:
    """The row of a family. A family has two rows of the same name, one for dedicated and one for spot cores, in any
    order; their `type` alone tells them apart (`…/dedicatedCores/usages`, `…/lowPriorityCores/usages`)."""
    rows = [row for row in usages if _plain(row["name"]["value"]) == _plain(family)]
    other = "dedicatedcores" if family == SPOT else "lowprioritycores"
    return next((row for row in rows if other not in str(row.get("type", "")).lower()), None)


def _plain(family: str) -> str:
    """Azure's lists differ in case, blanks and underscores."""
    return re.sub(r"[\s_]", "", family).lower()
