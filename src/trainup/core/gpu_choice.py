"""Finds the cheapest size with certain GPUs that a region sells for clusters and the quota allows."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from trainup.core.quota import Verdict, judge
from trainup.core.sizes import SIZES, Size, find_size, of_offer

DEFAULT_GPUS = 1


@dataclass(frozen=True)
class Choice:
    """The size that was found."""

    size: Size | None
    problems: list[str] = field(default_factory=list)
    """Why there is none."""
    warnings: list[str] = field(default_factory=list)


def check_gpu(gpu: str, gpus: int) -> str | None:
    """Why no size can be looked for, or None. Which GPUs a region sells is known only there."""
    if not gpu.strip():
        return "the name of a GPU is missing, such as A100"
    if gpus < 1:
        return f"gpus is {gpus}: a node has 1 or more of them"
    return None


def choose(
    gpu: str,
    gpus: int,
    *,
    location: str,
    spot: bool,
    min_nodes: int,
    max_nodes: int,
    usages: Sequence[Mapping[str, Any]],
    sizes: Sequence[Mapping[str, Any]],
) -> Choice:
    """The cheapest size with so many of a GPU; `usages` and `sizes` as for `quota.judge`.

    Without a list of the region's sizes, the first of trainup's own table, which may not be the cheapest.
    """
    wanted = f"{gpus} {gpu.strip().upper()} per node"
    offers = list(_matching(gpu, gpus, sizes))
    if not sizes:
        known = sorted((size for size in SIZES.values() if _has(size, gpu, gpus)), key=lambda size: size.vcpus)
        known = [size for size in known if size.spot or not spot]
        if not known:
            return Choice(None, [f"no size with {wanted} is known, and Azure's list of {location} cannot be read"])
        text = f"{known[0].sku} was chosen for {wanted} without Azure's list of {location}, which cannot be read"
        return Choice(known[0], warnings=[text])
    if not offers:
        return Choice(None, [f"{location} sells no size with {wanted}: it has {_sold(sizes)}; take another region"])
    facts = {"location": location, "min_nodes": min_nodes, "max_nodes": max_nodes, "usages": usages, "sizes": sizes}
    judged = [
        (size, _verdict(size, spot, facts)) for size, _ in sorted(offers, key=lambda one: _cost(one[0], one[1], spot))
    ]
    for size, verdict in judged:
        if not verdict.problems:
            return Choice(size, warnings=verdict.warnings)
    return Choice(None, [problem for _, verdict in judged for problem in verdict.problems])


def _verdict(size: Size, spot: bool, facts: Mapping[str, Any]) -> Verdict:
    if spot and not size.spot:
        return Verdict([f"Azure has no spot nodes of {size.sku}: set `spot: false`, or take another GPU"])
    return judge(size, spot=spot, **facts)


def _matching(gpu: str, gpus: int, sizes: Sequence[Mapping[str, Any]]) -> Iterable[tuple[Size, Mapping[str, Any]]]:
    for size, offer in _sizes(sizes):
        if _has(size, gpu, gpus):
            yield size, offer


def _sizes(sizes: Sequence[Mapping[str, Any]]) -> Iterable[tuple[Size, Mapping[str, Any]]]:
    for offer in sizes:
        try:
            size = find_size(str(offer.get("name", "")))
        except ValueError:  # retired
            continue
        yield of_offer(size, offer), offer


def _has(size: Size, gpu: str, gpus: int) -> bool:
    wanted = gpu.strip().upper()
    return size.gpus == gpus and wanted in (size.gpu.upper(), size.gpu.upper().split(" ")[0])


def _cost(size: Size, offer: Mapping[str, Any], spot: bool) -> tuple[float, int]:
    """The price per hour, and the vCPUs where there is none; prices come before sizes without one."""
    tiers = ("Spot", "LowPriority") if spot else ("Standard",)
    prices = [
        float(value["retailPrice"])
        for value in (offer.get("estimatedVMPrices") or {}).get("values") or ()
        if value.get("osType") == "Linux" and value.get("vmTier") in tiers
    ]
    return (min(prices, default=float("inf")), size.vcpus)


def _sold(sizes: Sequence[Mapping[str, Any]]) -> str:
    """The GPUs of a region, as `1 T4, 4 T4, 1 A100`."""
    kinds = {(size.gpu, size.gpus) for size, _ in _sizes(sizes) if size.gpu and size.gpus >= 1}
    return ", ".join(f"{count:g} {gpu}" for gpu, count in sorted(kinds)) or "no GPUs"
