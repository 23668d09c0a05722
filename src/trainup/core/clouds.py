"""Azure's clouds and their regions."""

import difflib
import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Cloud:
    """One of Azure's clouds: its addresses and regions."""

    name: str
    """As the setting `azure-native:environment` spells it."""
    resource_manager: str
    login: str
    """Authority of Microsoft Entra."""
    studio: str
    """Azure ML's own pages."""
    storage_suffix: str
    registry_suffix: str
    vault_suffix: str
    prices: str
    """The service that tells retail prices; empty where none is known."""
    regions: frozenset[str]


def _regions(text: str) -> frozenset[str]:
    return frozenset(text.split())


PUBLIC = Cloud(
    "public",
    "https://management.azure.com",
    "https://login.microsoftonline.com",
    "https://ml.azure.com",
    "core.windows.net",
    "azurecr.io",
    "vault.azure.net",
    "https://prices.azure.com",
    _regions("""
        australiacentral australiacentral2 australiaeast australiasoutheast austriaeast belgiumcentral brazilsouth
        brazilsoutheast canadacentral canadaeast centralindia centralus chilecentral eastasia eastus eastus2
        francecentral francesouth germanynorth germanywestcentral indonesiacentral israelcentral italynorth japaneast
        japanwest jioindiacentral jioindiawest koreacentral koreasouth malaysiawest mexicocentral newzealandnorth
        northcentralus northeurope norwayeast norwaywest polandcentral qatarcentral southafricanorth southafricawest
        southcentralus southeastasia southindia spaincentral swedencentral swedensouth switzerlandnorth
        switzerlandwest uaecentral uaenorth uksouth ukwest westcentralus westeurope westindia westus westus2
        westus3"""),
)
US_GOVERNMENT = Cloud(
    "usgovernment",
    "https://management.usgovcloudapi.net",
    "https://login.microsoftonline.us",
    "https://ml.azure.us",
    "core.usgovcloudapi.net",
    "azurecr.us",
    "vault.usgovcloudapi.net",
    "https://prices.azure.com",
    _regions("usdodcentral usdodeast usgovarizona usgovtexas usgovvirginia"),
)
CHINA = Cloud(
    "china",
    "https://management.chinacloudapi.cn",
    "https://login.partner.microsoftonline.cn",
    "https://studio.ml.azure.cn",
    "core.chinacloudapi.cn",
    "azurecr.cn",
    "vault.azure.cn",
    "",
    _regions("chinaeast chinaeast2 chinaeast3 chinanorth chinanorth2 chinanorth3"),
)

CLOUDS: dict[str, Cloud] = {cloud.name: cloud for cloud in (PUBLIC, US_GOVERNMENT, CHINA)}


def find_cloud(name: str) -> Cloud:
    """The cloud of this name. ValueError lists the names."""
    try:
        return CLOUDS[name.lower()]
    except KeyError:
        raise ValueError(f"{name!r} is no Azure cloud; there are {', '.join(CLOUDS)}") from None


def plain_region(name: str) -> str:
    """`Korea Central` → `koreacentral`."""
    return re.sub(r"\s", "", name).lower()


def check_region(name: str, cloud: Cloud) -> str | None:
    """Why this is no region of the cloud, or None. Accepts `koreacentral` and `Korea Central`."""
    region = plain_region(name)
    if region in cloud.regions:
        return None
    for other in CLOUDS.values():
        if region in other.regions:
            return f"{name!r} is a region of another cloud: set azure-native:environment to {other.name}"
    near = difflib.get_close_matches(region, sorted(cloud.regions), 3, 0.6)
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    return f"{name!r} is no region of Azure: {hint}`az account list-locations --output table` lists them"
