"""`trainup costs`: what the attempts of a stack's runs took and cost, from the targets' own records."""

import json
from dataclasses import asdict, replace

import click

from trainup.cli import trials
from trainup.cli.options import on_stack
from trainup.cli.runs import places, recorded
from trainup.cli.table import aligned
from trainup.jobs import spending
from trainup.jobs.spending import Spending
from trainup.jobs.target import Record

TOTAL = "total"


@on_stack
@click.command()
@click.option(
    "--by", "what", default="run", metavar="WHAT", help="run (default), month, or a tag of the runs: tag:team"
)
@click.option("--json", "as_json", is_flag=True, help="as a list of objects")
def costs(stack: str, what: str, as_json: bool) -> None:
    """Sum up what all attempts took and cost, also those of former inputs.

    Costs are those of nodes while they prepared, worked and collected results, in US dollars, at the price of the time;
    on this machine nothing costs anything. Idle nodes, registry and storage are told by `trainup preview`.
    """
    try:
        key = spending.key_of(what)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--by") from None
    sums = spending.by(_records(stack), key)
    if as_json:
        print(json.dumps([{what: name, **_rounded(one)} for name, one in sums.items()], indent=2))
        return
    total = Spending()
    for one in sums.values():
        total = Spending(*(a + b for a, b in zip(asdict(total).values(), asdict(one).values(), strict=True)))
    named = [*sums.items(), *([(TOTAL, total)] if len(sums) != 1 else [])]
    rows = [(what.removeprefix("tag:").upper(), "ATTEMPTS", "NODE HOURS", "COST (USD)")]
    rows += [(name, str(one.attempts), f"{one.node_hours:.2f}", _cost(one)) for name, one in named]
    print(aligned(rows))


def _cost(one: Spending) -> str:
    if not one.without_price:
        return f"{one.cost:.2f}"
    dark = f"{one.without_price} of {one.attempts} attempts without a price"
    return f"unknown: {dark}" if one.without_price == one.attempts else f"{one.cost:.2f}, and {dark}"


def _rounded(one: Spending) -> dict[str, float]:
    return {name: round(value, 4) for name, value in asdict(one).items()}


def _records(stack: str) -> list[Record]:
    """Every attempt once; a trial under the name of its sweep, or of all that have it."""
    by_name: dict[str, list[Record]] = {}
    for one in recorded.attempts(*places.open_records(stack), measured=False):
        by_name.setdefault(one.record.name, []).append(one.record)
    return [
        replace(same[0], run=" and ".join(sorted({trials.split(one.run)[0] for one in same})))
        for same in by_name.values()
    ]
