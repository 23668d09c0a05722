"""What a stack can cost at most: each run, all of them, an hour of what runs side by side, and an idle month.

Amounts are in the currency of the stack, rounded to the hundredth of a cent. None is unknown or without a limit; the
sentence beside it says why.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from trainup.core.antichain import heaviest
from trainup.core.prices import HOURS_PER_MONTH, Price, per_month

TIMES = "\N{MULTIPLICATION SIGN}"
ENDPOINT = "endpoint "
"""Start of the names of endpoints among what an idle month costs."""
MANY = 150
"""From this number of runs on, all of them count as side by side, which is never too little."""


@dataclass(frozen=True)
class PlannedRun:
    """A run as far as it costs something."""

    nodes: int = 1
    timeout: float | None = None
    """Seconds; None is no limit."""
    attempts: int = 1
    price: Price | None = None
    """For a node and an hour."""
    unknown: str = ""
    """Why there is no price."""
    on_cluster: bool = True
    resumes: bool = False
    """Whether its node may be taken away, and another attempt goes on, which counts among no attempts."""
    after: tuple[str, ...] = ()
    trials: int = 1
    """More than one for a sweep, whose trials are alike."""
    trials_at_once: int = 1

    @property
    def nodes_at_once(self) -> int:
        """How many nodes it has at work at the same time."""
        return self.nodes * self.trials_at_once


@dataclass(frozen=True)
class PlannedCluster:
    """The stack's own cluster."""

    min_nodes: int = 0
    max_nodes: int = 0
    price: Price | None = None
    unknown: str = ""


@dataclass(frozen=True)
class PlannedEndpoint:
    """An endpoint, whose instances are on day and night."""

    instances: int = 1
    """Of all deployments that stay. While one takes over from another there are more, for minutes."""
    price: Price | None = None
    """For an instance and an hour."""
    unknown: str = ""
    """Why there is no price."""


@dataclass(frozen=True)
class RunCost:
    """What one run can cost."""

    per_hour: float | None
    at_most: float | None
    why: str
    """How the amount comes about, or why there is none."""
    currency: str

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON values."""
        return dict(vars(self))


@dataclass(frozen=True)
class Estimate:
    """What a stack can cost."""

    currency: str
    runs: Mapping[str, RunCost]
    per_hour: float
    """Of what may run side by side, and of the endpoints, as far as their prices are known."""
    at_most: float
    """Of all runs, as far as it has a limit and is known."""
    idle: Mapping[str, float]
    """Resource → its cost for a month in which nothing runs; endpoints, which are always on, are `endpoint NAME`."""
    by_use: Mapping[str, str]
    """Resource → the price of what it does; nothing while idle, or by what it holds."""
    unknown: Mapping[str, str] = field(default_factory=dict)
    """Run, `cluster` or resource whose amount is not known → why."""

    @property
    def idle_per_month(self) -> float:
        """Of all idle resources whose price is known."""
        return money(sum(self.idle.values()))

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            "currency": self.currency,
            "runs": {name: run.to_dict() for name, run in self.runs.items()},
            "per_hour": self.per_hour,
            "at_most": self.at_most,
            "idle": dict(self.idle),
            "idle_per_month": self.idle_per_month,
            "by_use": dict(self.by_use),
            "unknown": dict(self.unknown),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The estimate that `to_dict` made."""
        names = ("currency", "per_hour", "at_most", "idle", "by_use", "unknown")
        runs = {name: RunCost(**run) for name, run in values["runs"].items()}
        return cls(runs=runs, **{name: values[name] for name in names})


def estimate(
    currency: str,
    runs: Mapping[str, PlannedRun],
    cluster: PlannedCluster | None,
    resources: Mapping[str, Price],
    unknown: Mapping[str, str],
    endpoints: Mapping[str, PlannedEndpoint] = {},
) -> Estimate:
    """The costs of a stack. `resources` are the prices of what is there while idle, and `unknown` says which are not
    known, and why. What is in another currency than the stack's is no part of a sum, and is told as unknown. Endpoints
    are told as `endpoint NAME`: they cost the same whether requests come or not."""
    costs = {name: run_cost(run, currency) for name, run in runs.items()}
    problems = {name: cost.why for name, cost in costs.items() if cost.per_hour is None}
    problems |= {name: f"its price is in {cost.currency}" for name, cost in costs.items() if cost.currency != currency}
    idle = {
        name: money(amount)
        for name, price in resources.items()
        if price.currency == currency and (amount := per_month(price)) is not None
    }
    problems |= {
        name: f"its price is in {price.currency}" for name, price in resources.items() if price.currency != currency
    }
    problems |= dict(unknown)
    if cluster and cluster.min_nodes:
        if cluster.price and cluster.price.currency == currency:
            idle["nodes"] = money(cluster.min_nodes * cluster.price.amount * HOURS_PER_MONTH)
        else:
            problems["cluster"] = cluster.unknown or "its price is in another currency"
    serving = 0.0
    for name, endpoint in endpoints.items():
        if endpoint.price and endpoint.price.currency == currency:
            serving += endpoint.instances * endpoint.price.amount
            idle[ENDPOINT + name] = money(endpoint.instances * endpoint.price.amount * HOURS_PER_MONTH)
        else:
            why = f"its price is in {endpoint.price.currency}" if endpoint.price else endpoint.unknown
            problems[ENDPOINT + name] = why
    known = {name: cost for name, cost in costs.items() if cost.currency == currency}
    return Estimate(
        currency=currency,
        runs=costs,
        per_hour=money(_per_hour(runs, known, cluster, currency) + serving),
        at_most=money(sum(cost.at_most or 0 for cost in known.values())),
        idle=idle,
        by_use={
            name: f"{rate_text(price.amount)} {price.currency} per {price.unit}"
            for name, price in resources.items()
            if per_month(price) is None
        },
        unknown=problems,
    )


def run_cost(run: PlannedRun, currency: str) -> RunCost:
    """What one run can cost: nodes times timeout times price times attempts. `currency` is that of an unknown price."""
    if run.price is None:
        return RunCost(None, None, f"price unknown: {run.unknown}", currency)
    per_hour = run.nodes_at_once * run.price.amount
    nodes = f"{run.nodes} node{'' if run.nodes == 1 else 's'}"
    if run.trials > 1:
        nodes = f"{run.trials:,} trials {TIMES} {nodes}"
    price = f"{rate_text(run.price.amount)} {run.price.currency}"
    if run.timeout is None:
        return RunCost(money(per_hour), None, f"{nodes} {TIMES} {price} an hour, and no `timeout`", run.price.currency)
    parts = [nodes, hours_text(run.timeout), price]
    if run.attempts > 1:
        parts.append(f"{run.attempts} attempts")
    at_most = money(run.trials * run.nodes * run.price.amount * run.timeout / 3600 * run.attempts)
    evictions = ", and each eviction may add to it" if run.resumes else ""
    return RunCost(money(per_hour), at_most, f" {TIMES} ".join(parts) + evictions, run.price.currency)


def _per_hour(
    runs: Mapping[str, PlannedRun], costs: Mapping[str, RunCost], cluster: PlannedCluster | None, currency: str
) -> float:
    """The most that an hour costs: the dearest runs that may be at work at once, no more than the cluster can hold."""
    weights = {name: cost.per_hour or 0.0 for name, cost in costs.items()}
    side_by_side = at_once(weights, {name: run.after for name, run in runs.items()})
    own = cluster.price.amount if cluster and cluster.price and cluster.price.currency == currency else 0.0
    if cluster is None:
        return money(side_by_side)
    on_cluster = {name: weight for name, weight in weights.items() if runs[name].on_cluster}
    others = {name: weight for name, weight in weights.items() if not runs[name].on_cluster}
    dearest = max((weight / runs[name].nodes_at_once for name, weight in on_cluster.items()), default=own)
    after = {name: run.after for name, run in runs.items()}
    most = min(side_by_side, cluster.max_nodes * dearest + at_once(others, after))
    return money(max(most, cluster.min_nodes * own))


def at_once(weights: Mapping[str, float], after: Mapping[str, Collection[str]]) -> float:
    """The most that runs which may be at work at once weigh together; `after` says which of them wait for which."""
    if len(weights) > MANY or not any(after.values()):
        return sum(weights.values())
    return heaviest(weights, after)


def money(amount: float) -> float:
    """An amount as it is kept, without the noise of floating point."""
    return round(amount, 4)


def amount_text(amount: float) -> str:
    """`12.30`; below one unit with up to four decimals: `0.526`, `0.05`."""
    return f"{amount:.2f}" if amount >= 1 or amount == 0 else rate_text(amount)


def rate_text(amount: float) -> str:
    """A price with two to four decimals: `1.481`, `3.00`, `0.0196`."""
    text = f"{amount:.4f}"
    return text[:-2] if text.endswith("00") else text.rstrip("0")


def hours_text(seconds: float) -> str:
    """`2 h`, `30 min`, `90 s`, `2 h 30 min`."""
    if seconds < 120:
        return f"{seconds:g} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    parts = [f"{hours} h"] if hours else []
    return " ".join([*parts, f"{minutes} min"] if minutes else parts)
