"""Asks Azure for prices: Azure ML's list of sizes first, else the public retail prices. Silence is no error."""

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from trainup.core import prices
from trainup.core.clouds import plain_region
from trainup.core.prices import Price, Tier
from trainup.jobs.azure.http.client import AzureClient, AzureError
from trainup.jobs.azure.http.pipeline import Patience
from trainup.jobs.azure.platform import quota
from trainup.jobs.transfers import side_by_side

VERSION = "2023-01-01-preview"
PATIENCE = Patience(tries=1, first_pause=0.2, longest_pause=2, connect_seconds=5, read_seconds=15)
"""Shorter than that for Azure itself: a preview goes on without prices."""
MOST_PAGES = 20
AT_ONCE = 8


@dataclass(frozen=True)
class Question:
    """A price that is asked for: that of a size of nodes, or of a resource's meter (a key of `prices.METERS`)."""

    size: str = ""
    tier: Tier = Tier.DEDICATED
    resource: str = ""
    sku: str = ""
    """The resource's tier, such as `Basic`."""

    @property
    def key(self) -> str:
        """`Standard_NC4as_T4_v3 spot`, `registry Basic`, `storage`."""
        return f"{self.size} {self.tier}" if self.size else f"{self.resource} {self.sku}".strip()


@dataclass(frozen=True)
class Answers:
    """What is known, and why the rest is not."""

    prices: Mapping[str, Price]
    unknown: Mapping[str, str]


def ask(
    client: AzureClient, subscription_id: str, location: str, currency: str, questions: Iterable[Question]
) -> Answers:
    """The prices in a region, in a currency if there are any. Raises nothing: what nobody tells is unknown."""
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    region, wanted = plain_region(location), list(dict.fromkeys(questions))
    offers: dict[str, Mapping[str, Any]] = {}
    silence = ""
    if any(question.size for question in wanted):
        try:
            listed = quota.sizes(client, subscription_id, region)
            offers = {str(item.get("name", "")).lower(): item for item in listed}
        except AzureError as error:
            silence = f"{error}; "

    def answer(question: Question) -> Price | str:
        if question.size:
            price = prices.of_offer(offers.get(question.size.lower(), {}), question.tier, today)
            if price and price.currency == currency:
                return price
        try:
            return _retail(client, question, region, currency, today) or _nobody(question, region, currency)
        except AzureError as error:
            return f"{silence if question.size else ''}{error}"
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            return f"the answer of Azure's retail prices cannot be read ({type(error).__name__}: {error})"

    answers = dict(zip((question.key for question in wanted), side_by_side(answer, wanted, AT_ONCE), strict=True))
    return Answers(
        {key: price for key, price in answers.items() if isinstance(price, Price)},
        {key: reason for key, reason in answers.items() if isinstance(reason, str)},
    )


def of_node(client: AzureClient, subscription_id: str, location: str, size: str, tier: Tier) -> float | None:
    """US dollars for a node and an hour, by Azure ML's list of sizes; None where it does not tell. Raises nothing."""
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    try:
        listed = quota.sizes(client, subscription_id, location)
    except AzureError:
        return None
    offer = next((item for item in listed if str(item.get("name", "")).lower() == size.lower()), {})
    price = prices.of_offer(offer, tier, today)
    return price.amount if price and price.currency == prices.USD else None


def _retail(client: AzureClient, question: Question, region: str, currency: str, today: str) -> Price | None:
    if not client.endpoints.prices:
        return None
    if question.size:
        items = _items(client, prices.size_filter(question.size, region), currency)
        return prices.of_size_items(items, question.size, question.tier, today)
    items = _items(client, prices.meter_filter(question.resource, region, question.sku), currency)
    return prices.of_meter_items(items, question.resource, question.sku, today)


def _items(client: AzureClient, conditions: str, currency: str) -> list[Mapping[str, Any]]:
    """All pages of retail prices. Raises AzureError."""
    quick = AzureClient(client.endpoints, client.credential, PATIENCE)
    address, version = f"{client.endpoints.prices}/api/retail/prices", VERSION
    query: dict[str, str] = {"currencyCode": f"'{currency}'", "$filter": conditions}
    items: list[Mapping[str, Any]] = []
    for _ in range(MOST_PAGES):
        page = quick.send("GET", address, version=version, query=query, signed=True).json()
        items += page.get("Items") or []
        address, version, query = str(page.get("NextPageLink") or ""), "", {}
        if not address.startswith(client.endpoints.prices):
            break
    return items


def _nobody(question: Question, region: str, currency: str) -> str:
    what = question.size or f"the meter of {question.key}"
    return f"neither Azure ML nor Azure's retail prices tell one of {what} in {region} in {currency}"
