"""An estimate of costs as lines for people."""

from collections.abc import Iterable, Mapping

from trainup.core.costs import ENDPOINT, Estimate, RunCost, amount_text, rate_text
from trainup.core.prices import Price

MOST_RUNS = 10
"""The most runs that have a line of their own: the dearest."""


def sources(prices: Iterable[Price]) -> str:
    """Who told the prices, and when: `Azure ML's list of sizes, Azure's retail prices; 2026-11-28`."""
    known = list(prices)
    names = ", ".join(sorted({str(price.source) for price in known}, reverse=True))
    dates = sorted({price.date for price in known if price.date})
    return "; ".join(
        part for part in (names, " to ".join(dict.fromkeys((dates[0], dates[-1]))) if dates else "") if part
    )


def lines(estimate: Estimate, prices: Mapping[str, Price]) -> list[str]:
    """What a stack can cost, as a title and indented lines."""
    currency, told = estimate.currency, sources(prices.values())
    shown = [f"what this stack can cost, in {currency}{f' ({told})' if told else ''}:"]
    shown += [f"  {name}: {rate_text(price.amount)} per {price.unit}" for name, price in _nodes(prices).items()]
    runs = sorted(estimate.runs.items(), key=_dearest_first)
    shown += [f"  run {name}: {_run(cost)}" for name, cost in runs[:MOST_RUNS] if name not in estimate.unknown]
    if len(runs) > MOST_RUNS:
        shown.append(f"  and {len(runs) - MOST_RUNS} more runs")
    if estimate.runs:
        limit = "" if all(cost.at_most is not None for cost in estimate.runs.values()) else ", of those with a limit"
        shown.append(f"  all runs: at most {amount_text(estimate.at_most)}{limit}")
    if estimate.per_hour:
        shown.append(f"  an hour: at most {amount_text(estimate.per_hour)}, for what may run side by side")
    if estimate.idle:
        parts = ", ".join(f"{name} {amount_text(amount)}" for name, amount in estimate.idle.items())
        shown.append(f"  an idle month: {amount_text(estimate.idle_per_month)} ({parts})")
    if any(name.startswith(ENDPOINT) for name in estimate.idle):
        shown.append("  endpoints are on day and night, and twice as large for as long as a new deployment takes over")
    if estimate.by_use:
        shown.append(f"  by use: {', '.join(f'{name} {price}' for name, price in estimate.by_use.items())}")
    by_reason: dict[str, list[str]] = {}
    for name, why in estimate.unknown.items():
        by_reason.setdefault(why.removeprefix("price unknown: "), []).append(name)
    shown += [f"  price unknown: {', '.join(names)}: {why}" for why, names in by_reason.items()]
    return shown


def _nodes(prices: Mapping[str, Price]) -> dict[str, Price]:
    """The prices of nodes, whose keys are size and tier."""
    return {name.replace(" ", ", "): price for name, price in prices.items() if price.unit == "hour"}


def _dearest_first(item: tuple[str, RunCost]) -> tuple[bool, float, str]:
    name, cost = item
    return cost.at_most is not None, -(cost.at_most or cost.per_hour or 0), name


def _run(cost: RunCost) -> str:
    if cost.at_most is None:
        return f"{amount_text(cost.per_hour or 0)} an hour, without end, since it has no `timeout`"
    return f"at most {amount_text(cost.at_most)} ({cost.why})"
