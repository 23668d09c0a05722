"""Ceilings on costs (`trainup:costs`): what is certain to be dearer stops the preview, and the unknown is said."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from trainup.core.costs import ENDPOINT, Estimate, amount_text, hours_text
from trainup.core.inputs import Finding

PER_RUN, PER_HOUR, IDLE = "max_cost_per_run", "max_cost_per_hour", "max_monthly_idle_cost"
NAMES = (PER_RUN, PER_HOUR, IDLE)


@dataclass(frozen=True)
class Judgement:
    """Where a stack is dearer than it may be."""

    findings: list[Finding] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def judge(estimate: Estimate, ceilings: Mapping[str, float], sources: str) -> Judgement:
    """Hold an estimate against ceilings in its currency. `sources` says where its prices are from, and of when."""
    findings: list[Finding] = []
    warnings: list[str] = []
    currency, known = estimate.currency, estimate.unknown

    def blame(name: str, ceiling: float, sentence: str) -> None:
        text = f"trainup:costs.{name} is {amount_text(ceiling)} {currency}, and {sentence} ({sources})"
        findings.append(Finding(name, text))

    if (ceiling := ceilings.get(PER_RUN)) is not None:
        for run, cost in estimate.runs.items():
            if run in known or cost.per_hour is None:
                continue
            if cost.at_most is None:
                way_out = _longest(ceiling, cost.per_hour)
                blame(PER_RUN, ceiling, f"the run {run} has no `timeout`, so that nothing limits it: {way_out}")
            elif cost.at_most > ceiling:
                blame(
                    PER_RUN,
                    ceiling,
                    f"the run {run} may cost {amount_text(cost.at_most)} {currency}: {cost.why}; give it a shorter "
                    "`timeout`, fewer `nodes` or `retries`, a smaller size, or raise the ceiling",
                )
        _tell(warnings, PER_RUN, {run: known[run] for run in estimate.runs if run in known})
    if (ceiling := ceilings.get(PER_HOUR)) is not None:
        if estimate.per_hour > ceiling:
            blame(
                PER_HOUR,
                ceiling,
                f"an hour of what may run side by side{', endpoints included,' if _serves(estimate) else ''} costs "
                f"{amount_text(estimate.per_hour)} {currency}: lower trainup:cluster.max_nodes, let runs come `after` "
                "each other, take a smaller size or `spot: true`, or raise the ceiling",
            )
        else:
            names = {
                name: why
                for name, why in known.items()
                if name in estimate.runs or name == "cluster" or name.startswith(ENDPOINT)
            }
            _tell(warnings, PER_HOUR, names)
    if (ceiling := ceilings.get(IDLE)) is not None:
        if estimate.idle_per_month > ceiling:
            parts = ", ".join(f"{name} {amount_text(amount)}" for name, amount in estimate.idle.items() if amount)
            blame(
                IDLE,
                ceiling,
                f"a month in which nothing runs costs {amount_text(estimate.idle_per_month)} {currency} ({parts}): "
                f"{_cheaper(estimate)}, or raise the ceiling",
            )
        else:
            _tell(warnings, IDLE, {name: why for name, why in known.items() if name not in estimate.runs})
    return Judgement(findings, warnings)


def _serves(estimate: Estimate) -> bool:
    """Whether endpoints are among what it costs."""
    return any(name.startswith(ENDPOINT) for name in estimate.idle)


def _cheaper(estimate: Estimate) -> str:
    """How an idle month becomes cheaper."""
    ways = ["set trainup:cluster.min_nodes to 0", "take a smaller trainup:registry.sku"]
    if _serves(estimate):
        ways.append("give the endpoints a smaller `instance_type` or a lower `instance_count`")
    return ", ".join(ways)


def _longest(ceiling: float, per_hour: float) -> str:
    """What to set instead of nothing."""
    seconds = int(ceiling / per_hour * 3600)
    seconds -= seconds % 60 if seconds >= 120 else 0
    return f"set one of at most {hours_text(seconds)}" if seconds >= 1 else "raise the ceiling, and set one"


def _tell(warnings: list[str], name: str, unknown: Mapping[str, str]) -> None:
    if unknown:
        reasons = "; ".join(f"{what}: {why}" for what, why in unknown.items())
        warnings.append(f"trainup:costs.{name} could not be judged in full, and stops nothing: {reasons}")
