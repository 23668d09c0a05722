"""Azure's regions and VM sizes."""

from dataclasses import dataclass

REGIONS = frozenset(
    {
        "australiaeast",
        "brazilsouth",
        "canadacentral",
        "centralindia",
        "centralus",
        "eastasia",
        "eastus",
        "eastus2",
        "francecentral",
        "germanywestcentral",
        "italynorth",
        "japaneast",
        "koreacentral",
        "northcentralus",
        "northeurope",
        "norwayeast",
        "polandcentral",
        "southafricanorth",
        "southcentralus",
        "southeastasia",
        "spaincentral",
        "swedencentral",
        "switzerlandnorth",
        "uaenorth",
        "uksouth",
        "ukwest",
        "westcentralus",
        "westeurope",
        "westus",
        "westus2",
        "westus3",
        "chinaeast2",
        "chinanorth3",
        "usgovarizona",
        "usgovvirginia",
    }
)


@dataclass(frozen=True)
class Machine:
    """A VM size as in the service's list of sizes."""

    name: str
    family: str
    cores: int
    gpus: int
    memory_gb: int
    spot: bool = True
    """Whether the list calls it capable of low priority. For several GPU sizes this is wrong in either direction."""
    takes_spot: bool = True
    """Whether the service really gives spot nodes of it."""
    hourly: float | None = None
    """Price in US dollars per hour from a published price list; None if it is not known."""

    @property
    def price(self) -> float:
        """Price in US dollars per hour with Linux; estimated from cores and GPUs where `hourly` is None."""
        return self.hourly if self.hourly is not None else round(0.06 * self.cores + 0.9 * self.gpus, 3)

    @property
    def spot_price(self) -> float:
        """Assumed price of a spot machine in US dollars per hour."""
        return round(self.price * 0.25, 4)


_T4, _A10, _A100 = "standard NCASv3_T4 Family", "standardNVADSA10v5Family", "standardNCADSA100v4Family"
_H100, _DS, _E = "standardNCADSH100v5Family", "standardDSv2Family", "standardEDSv4Family"

MACHINES = {
    machine.name.lower(): machine
    for machine in (
        Machine("Standard_DS2_v2", _DS, 2, 0, 7),
        Machine("Standard_DS3_v2", _DS, 4, 0, 14),
        Machine("Standard_DS4_v2", _DS, 8, 0, 28),
        Machine("Standard_D2s_v3", "standardDSv3Family", 2, 0, 8),
        Machine("Standard_D4s_v3", "standardDSv3Family", 4, 0, 16),
        Machine("Standard_D8s_v3", "standardDSv3Family", 8, 0, 32),
        Machine("Standard_D16s_v3", "standardDSv3Family", 16, 0, 64),
        Machine("Standard_D2ds_v4", "standardDDSv4Family", 2, 0, 8),
        Machine("Standard_D4ds_v4", "standardDDSv4Family", 4, 0, 16),
        Machine("Standard_D8ds_v4", "standardDDSv4Family", 8, 0, 32),
        Machine("Standard_E4s_v3", "standardESv3Family", 4, 0, 32),
        Machine("Standard_E4ds_v4", _E, 4, 0, 32),
        Machine("Standard_E8ds_v4", _E, 8, 0, 64),
        Machine("Standard_F4s_v2", "standardFSv2Family", 4, 0, 8),
        Machine("Standard_F8s_v2", "standardFSv2Family", 8, 0, 16),
        Machine("Standard_F16s_v2", "standardFSv2Family", 16, 0, 32),
        Machine("Standard_NC4as_T4_v3", _T4, 4, 1, 28),
        Machine("Standard_NC8as_T4_v3", _T4, 8, 1, 56),
        Machine("Standard_NC16as_T4_v3", _T4, 16, 1, 110, hourly=1.481),
        Machine("Standard_NC64as_T4_v3", _T4, 64, 4, 440),
        Machine("Standard_NV6ads_A10_v5", _A10, 6, 1, 55),
        Machine("Standard_NV12ads_A10_v5", _A10, 12, 1, 110),
        Machine("Standard_NV18ads_A10_v5", _A10, 18, 1, 220, hourly=2.16),
        Machine("Standard_NV36ads_A10_v5", _A10, 36, 1, 440, hourly=4.32),
        Machine("Standard_NV72ads_A10_v5", _A10, 72, 2, 880),
        Machine("Standard_NC24ads_A100_v4", _A100, 24, 1, 220, hourly=4.959),
        Machine("Standard_NC48ads_A100_v4", _A100, 48, 2, 440, spot=False),
        Machine("Standard_NC96ads_A100_v4", _A100, 96, 4, 880, spot=False),
        Machine("Standard_NC40ads_H100_v5", _H100, 40, 1, 320, spot=False, takes_spot=False, hourly=9.423),
        Machine("Standard_NC80adis_H100_v5", _H100, 80, 2, 640, spot=False, takes_spot=False),
        Machine("Standard_ND96asr_v4", "standard NDASv4_A100 Family", 96, 8, 900),
        Machine("Standard_ND96amsr_A100_v4", "standard NDAMSv4_A100Family", 96, 8, 1900),
        Machine("Standard_ND96isr_H100_v5", "standardNDv5H100Family", 96, 8, 1900, takes_spot=False),
        Machine("Standard_ND96isr_H200_v5", "standardNDISRH200V5Family", 96, 8, 1900),
        Machine("Standard_ND96isr_MI300X_v5", "standardNDISv5MI300XFamily", 96, 8, 1850),
        Machine("Standard_ND128isr_NDR_GB300_v6", "standardNDSGB300v6Family", 128, 4, 900),
    )
}
"""Lower-case name → VM size. Retired sizes are absent, as in the service's list."""

WITHOUT_A10_CLUSTERS = frozenset({"eastus"})
"""Regions that offer the A10 sizes only for endpoints. A user reported that one does, but not which."""


_RARE = {
    "standard_nd96isr_h200_v5": frozenset({"eastus2", "koreacentral", "swedencentral", "westeurope"}),
    "standard_nd96isr_mi300x_v5": frozenset({"francecentral", "swedencentral", "westus"}),
    "standard_nd128isr_ndr_gb300_v6": frozenset({"swedencentral", "westus3"}),
}
"""Lower-case name → the only regions that sell the size. Which ones do is made up; that regions differ was reported."""


def is_sold(machine: Machine, region: str) -> bool:
    """Whether a region sells a VM size at all."""
    return plain_region(region) in _RARE.get(machine.name.lower(), {plain_region(region)})


def compute_types(machine: Machine, region: str) -> tuple[str, ...]:
    """The kinds of compute for which a region offers a VM size."""
    if machine.family == _A10 and plain_region(region) in WITHOUT_A10_CLUSTERS:
        return ("MIR",)
    return ("AmlCompute", "ComputeInstance")


SPOT_FAMILY = "TotalLowPriorityCores"
"""Name of the quota that all spot machines of a region share."""


def plain_region(text: str) -> str:
    """A region's name in one spelling: `West Europe` and `westeurope` are the same."""
    return text.replace(" ", "").lower()


def plain_family(text: str) -> str:
    """A VM family's name in one spelling, since Azure's services spell families differently."""
    return text.replace(" ", "").replace("_", "").lower()
