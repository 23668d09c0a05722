"""Sizes of nodes, by name and by Azure's SKU, and the successors of retired ones.

The table has the sizes that names stand for, and what a region's own list of sizes gets wrong or leaves out. Any other
size that Azure sells can be used: the list of the region tells its cores, family and GPUs (`of_offer`).
"""

import datetime
import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True)
class Size:
    """One virtual machine size of Azure ML."""

    sku: str
    family: str
    """Azure ML's quota family, as its usage list spells it; empty where only the region's list tells it."""
    vcpus: int
    gpus: float = 0
    """GPUs per node; a fraction where several machines share one."""
    gpu: str = ""
    gpu_memory: int = 0
    """GB for each GPU, or for the share of one."""
    spot: bool = True
    """False if Azure ML gives no spot nodes of it. Reported for the H100 sizes, while A100 sizes are accepted; what
    Azure's own lists say about it is wrong in either direction."""


_T4 = "standard NCASv3_T4 Family"
_A10 = "standardNVADSA10v5Family"
_A100 = "standardNCADSA100v4Family"
_H100 = "standardNCADSH100v5Family"

_ALL = (
    Size("Standard_NC4as_T4_v3", _T4, 4, 1, "T4", 16),
    Size("Standard_NC8as_T4_v3", _T4, 8, 1, "T4", 16),
    Size("Standard_NC16as_T4_v3", _T4, 16, 1, "T4", 16),
    Size("Standard_NC64as_T4_v3", _T4, 64, 4, "T4", 16),
    Size("Standard_NV6ads_A10_v5", _A10, 6, 1 / 6, "A10", 4),
    Size("Standard_NV12ads_A10_v5", _A10, 12, 1 / 3, "A10", 8),
    Size("Standard_NV18ads_A10_v5", _A10, 18, 1 / 2, "A10", 12),
    Size("Standard_NV36ads_A10_v5", _A10, 36, 1, "A10", 24),
    Size("Standard_NV72ads_A10_v5", _A10, 72, 2, "A10", 24),
    Size("Standard_NC24ads_A100_v4", _A100, 24, 1, "A100", 80),
    Size("Standard_NC48ads_A100_v4", _A100, 48, 2, "A100", 80),
    Size("Standard_NC96ads_A100_v4", _A100, 96, 4, "A100", 80),
    Size("Standard_NC40ads_H100_v5", _H100, 40, 1, "H100 NVL", 94, spot=False),
    Size("Standard_NC80adis_H100_v5", _H100, 80, 2, "H100 NVL", 94, spot=False),
    Size("Standard_ND96asr_v4", "standard NDASv4_A100 Family", 96, 8, "A100", 40),
    Size("Standard_ND96amsr_A100_v4", "standard NDAMSv4_A100Family", 96, 8, "A100", 80),
    Size("Standard_ND96isr_H100_v5", "standardNDv5H100Family", 96, 8, "H100", 80, spot=False),
    Size("Standard_ND96isr_H200_v5", "standardNDISRH200V5Family", 96, 8, "H200", 141),
    Size("Standard_F4s_v2", "standardFSv2Family", 4),
    Size("Standard_F8s_v2", "standardFSv2Family", 8),
    Size("Standard_DS3_v2", "standardDSv2Family", 4),
    Size("Standard_DS4_v2", "standardDSv2Family", 8),
    Size("Standard_E4ds_v4", "standardEDSv4Family", 4),
    Size("Standard_E8ds_v4", "standardEDSv4Family", 8),
)

SIZES: dict[str, Size] = {size.sku: size for size in _ALL}

NAMES: dict[str, str] = {
    "cpu-small": "Standard_DS3_v2",
    "cpu-large": "Standard_DS4_v2",
    "gpu-small": "Standard_NC4as_T4_v3",
    "gpu-medium": "Standard_NC16as_T4_v3",
    "gpu-large": "Standard_NC24ads_A100_v4",
    "gpu-huge": "Standard_NC40ads_H100_v5",
    "gpu-multi": "Standard_NC64as_T4_v3",
    "gpu-node": "Standard_ND96isr_H100_v5",
}
"""The names sizes go by in settings, from cheap to dear; `gpu-multi` and `gpu-node` have several GPUs.

No name stands for an A10 size: some regions sell those for endpoints alone, and Azure documents none for clusters.
"""

DEFAULT = "gpu-small"


@dataclass(frozen=True)
class Retired:
    """Sizes that Azure no longer runs."""

    series: str
    pattern: str
    """Compiled at first use: every preview imports them all, and hardly any needs one."""
    since: str
    successor: str


def _retired(series: str, pattern: str, since: str, successor: str) -> Retired:
    return Retired(series, rf"{pattern}(_promo)?", since, successor)


RETIRED = (
    _retired("NC", r"nc(6|12|24|24r)", "in 2023", "Standard_NC4as_T4_v3"),
    _retired("NCv2", r"nc(6|12|24|24r)s_v2", "in 2023", "Standard_NC24ads_A100_v4"),
    _retired("NCv3", r"nc24rs_v3", "on 2025-03-31", "Standard_NC24ads_A100_v4"),
    _retired("NCv3", r"nc(6|12|24)s_v3", "on 2025-09-30", "Standard_NC24ads_A100_v4"),
    _retired("ND", r"nd(6|12|24|24r)s", "in 2023", "Standard_NC24ads_A100_v4"),
    _retired("NV", r"nv(6|12|24)", "in 2023", "Standard_NC4as_T4_v3"),
    _retired("NVv3", r"nv(12|24|48)s_v3", "on 2026-09-30", "Standard_NC4as_T4_v3"),
    _retired("NVv4", r"nv(4|8|16|32)as_v4", "on 2026-09-30", "Standard_NC4as_T4_v3"),
)


@dataclass(frozen=True)
class Ending:
    """Sizes whose end Azure has announced."""

    series: str
    pattern: str
    on: datetime.date
    successor: str


ENDING = (
    Ending(
        "D, Ds, Dv2 and Dsv2", r"ds?(1|2|3|4|5|1[1-5])(-[124])?(_v2)?", datetime.date(2028, 5, 1), "Standard_D4ds_v4"
    ),
    Ending("F and Fs", r"f(1|2|4|8|16)s?", datetime.date(2028, 11, 15), "Standard_D4ds_v4"),
    Ending("Fsv2", r"f\d+s_v2", datetime.date(2028, 11, 15), "Standard_D4ds_v4"),
    Ending("Lsv2", r"l\d+s_v2", datetime.date(2028, 11, 15), "Standard_E4ds_v4"),
    Ending("Av2 and Amv2", r"a(1|2|4|8)m?_v2", datetime.date(2028, 11, 15), "Standard_D4ds_v4"),
)
"""As learn.microsoft.com/azure/virtual-machines/sizes/retirement/retirement-overview has announced it."""
NEAR = datetime.timedelta(days=365)


def ending(size: "Size", today: datetime.date) -> str | None:
    """That the announced end of a size is near or over; None where it is far, or none was announced.

    A list of a region without the size proves its end; this only tells of it before.
    """
    for one in ENDING:
        if today >= one.on - NEAR and re.fullmatch(one.pattern, _plain(size.sku)):
            verb = "retires" if today < one.on else "was to retire"
            return (
                f"Azure {verb} {size.sku} on {one.on.isoformat()} with all of the {one.series} series: take a newer "
                f"size before, such as {one.successor}"
            )
    return None


_SKU = re.compile(r"(?:standard_|basic_)[a-z]{1,4}\d[\w-]*|[a-z]{1,4}\d[\w-]*_v\d+", re.IGNORECASE)
"""The form of a SKU: series, cores and features, with a prefix or a version at least."""


def find_size(name: str) -> Size:
    """The size of a name (`gpu-small`) or SKU, in any case. ValueError names the successor or the nearest ones.

    Of a SKU that the table does not have, family and GPU are unknown until a region's list tells them.
    """
    plain = name.strip().lower().removeprefix("standard_")
    by_text = {_plain(sku): sku for sku in SIZES} | NAMES
    if sku := by_text.get(plain):
        return SIZES[sku]
    for old in RETIRED:
        if re.fullmatch(old.pattern, plain):
            raise ValueError(
                f"{name!r} was retired {old.since} with all of the {old.series} series: use {old.successor} instead"
            )
    if _SKU.fullmatch(name.strip()):
        return _unlisted(name.strip())
    near = [text if text in NAMES else by_text[text] for text in difflib.get_close_matches(plain, by_text, 2, 0.7)]
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    raise ValueError(
        f"{name!r} is no size: {hint}there are the names {', '.join(NAMES)}, and any SKU that Azure ML sells in the "
        "region, such as Standard_D4s_v3 or Standard_NC24ads_A100_v4"
    )


def _unlisted(text: str) -> Size:
    """A SKU as far as its text tells it: the first number is that of its vCPUs, and the N series have GPUs."""
    sku = text if "_" in text[:9] and text.lower().startswith(("standard_", "basic_")) else f"Standard_{text}"
    plain = _plain(sku)
    vcpus = re.search(r"\d+", plain)
    return Size(sku, "", int(vcpus[0]) if vcpus else 0, 1 if plain.startswith(("nc", "nd", "nv")) else 0, gpu_in(sku))


def gpu_in(sku: str) -> str:
    """The GPU that a SKU names, such as `A100`; empty if it names none."""
    parts = sku.upper().split("_")[2:]
    return next((part for part in parts if re.fullmatch(r"(?:(?:T|A|H|L|B|MI|GB|GH|RTX)\d+[A-Z]*|V100)", part)), "")


def of_offer(size: Size, offer: Mapping[str, Any]) -> Size:
    """The size with what an entry of a region's list (`vmSizes`) tells: cores, family, GPUs that the table lacks."""
    known = SIZES.get(size.sku)
    return replace(
        size,
        family=str(offer.get("family") or size.family),
        vcpus=int(offer.get("vCPUs") or size.vcpus),
        # The list counts a share of a GPU as a whole one.
        gpus=size.gpus if known else float(offer.get("gpus") or 0),
    )


def _plain(sku: str) -> str:
    return sku.lower().removeprefix("standard_")


def check_spot(size: Size) -> str | None:
    """Why this size cannot be a spot node, or None."""
    if size.spot:
        return None
    same = [other.sku for other in SIZES.values() if other.spot and other.gpu == size.gpu]
    others = same or [other.sku for other in SIZES.values() if other.spot and other.gpu == "A100"]
    return f"Azure has no spot nodes of {size.sku}: set `spot: false`, or take one of {', '.join(others)}"
