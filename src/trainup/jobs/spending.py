"""What attempts took and cost, summed up from a target's own records."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from trainup.jobs.target import Record

NO_TAG = "-"


@dataclass(frozen=True)
class Spending:
    """The sum over some attempts."""

    attempts: int = 0
    node_hours: float = 0.0
    """Hours of all nodes while they prepared, worked and collected results."""
    cost: float = 0.0
    """US dollars, of those whose price is known."""
    without_price: int = 0
    """Attempts of which nobody told what their nodes cost."""

    def plus(self, record: Record) -> "Spending":
        """The sum with one more attempt."""
        return Spending(
            self.attempts + 1,
            self.node_hours + record.nodes * record.duration_seconds / 3600,
            self.cost + record.cost,
            self.without_price + (record.node_price is None),
        )


def by(records: Iterable[Record], key: Callable[[Record], str]) -> dict[str, Spending]:
    """Key → the sum over its attempts, in the order of the keys."""
    sums: dict[str, Spending] = {}
    for record in records:
        name = key(record)
        sums[name] = sums.get(name, Spending()).plus(record)
    return dict(sorted(sums.items()))


def key_of(what: str) -> Callable[[Record], str]:
    """What attempts are summed up by: `run`, `month` (UTC), or `tag:NAME`. Raises ValueError."""
    if what == "run":
        return lambda record: record.run
    if what == "month":
        return lambda record: record.created[:7] or NO_TAG
    kind, _, name = what.partition(":")
    if kind != "tag" or not name:
        raise ValueError(f"{what!r} is nothing to sum up by: it is run, month, or a tag of the runs, as tag:team")
    return lambda record: record.tags.get(name, NO_TAG)
