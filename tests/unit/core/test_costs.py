"""What runs, stacks and idle months can cost, and what ceilings make of it."""

import itertools
import random

import pytest

from trainup.core import ceilings
from trainup.core.antichain import heaviest
from trainup.core.costs import PlannedCluster, PlannedEndpoint, PlannedRun, at_once, estimate, run_cost
from trainup.core.prices import Price, Source, Unit

T4 = Price(0.526, "USD", Unit.HOUR, Source.AZURE_ML, "2026-11-28")
A100 = Price(4.0, "USD", Unit.HOUR, Source.RETAIL, "2026-11-28")
BASIC = Price(0.1666, "USD", Unit.DAY, Source.RETAIL, "2026-11-28")
STORED = Price(0.0196, "USD", Unit.GB_MONTH, Source.RETAIL, "2026-11-28")


def test_the_worst_case_of_a_run_is_nodes_times_timeout_times_price_times_attempts() -> None:
    cost = run_cost(PlannedRun(nodes=2, timeout=7200, attempts=3, price=T4), "USD")
    assert (cost.per_hour, cost.at_most) == (1.052, 6.312)
    assert cost.why == "2 nodes × 2 h × 0.526 USD × 3 attempts"  # noqa: RUF001


def test_without_a_timeout_there_is_no_worst_case() -> None:
    cost = run_cost(PlannedRun(price=T4), "USD")
    assert (cost.per_hour, cost.at_most) == (0.526, None)
    assert "no `timeout`" in cost.why


def test_an_unknown_price_is_said() -> None:
    cost = run_cost(PlannedRun(timeout=60, unknown="nobody answers"), "USD")
    assert (cost.per_hour, cost.at_most, cost.why) == (None, None, "price unknown: nobody answers")


def cost_of(runs: dict[str, PlannedRun], **cluster: int) -> float:
    return estimate("USD", runs, PlannedCluster(price=T4, **cluster), {}, {}).per_hour


def test_an_hour_costs_no_more_than_the_cluster_can_hold() -> None:
    runs = {name: PlannedRun(nodes=2, price=T4) for name in "abc"}
    assert cost_of(runs, max_nodes=4) == pytest.approx(4 * 0.526)
    assert cost_of(runs, max_nodes=10) == pytest.approx(6 * 0.526)
    assert cost_of({}, max_nodes=4, min_nodes=1) == pytest.approx(0.526)


def test_runs_without_a_cluster_come_on_top_and_those_that_wait_do_not() -> None:
    runs = {
        "first": PlannedRun(nodes=4, price=T4),
        "second": PlannedRun(nodes=4, price=T4, after=("first",)),
        "beside": PlannedRun(price=A100, on_cluster=False),
    }
    assert cost_of(runs, max_nodes=4) == pytest.approx(4 * 0.526 + 4)
    chain = {
        name: PlannedRun(price=A100, on_cluster=False, after=after)
        for name, after in (("a", ()), ("b", ("a",)), ("c", ("b",)))
    }
    assert estimate("USD", chain, None, {}, {}).per_hour == 4.0


def test_an_idle_month_is_told_by_resource() -> None:
    told = estimate("USD", {}, PlannedCluster(1, 4, T4), {"registry": BASIC, "storage": STORED}, {"vault": "silence"})
    assert told.idle == {"registry": 5.0674, "nodes": 383.98}
    assert told.idle_per_month == 389.0474
    assert told.by_use == {"storage": "0.0196 USD per GB and month"}
    assert told.unknown == {"vault": "silence"}


def test_another_currency_is_no_part_of_a_sum_and_is_said() -> None:
    told = estimate("EUR", {"a": PlannedRun(timeout=3600, price=T4)}, None, {"registry": BASIC}, {})
    assert (told.at_most, told.per_hour, told.idle_per_month) == (0, 0, 0)
    assert told.unknown == {"a": "its price is in USD", "registry": "its price is in USD"}


@pytest.mark.parametrize("seed", range(20))
def test_what_runs_at_once_is_the_dearest_set_in_which_nobody_waits(seed: int) -> None:
    rng = random.Random(seed)
    names = [str(number) for number in range(rng.randint(1, 8))]
    weights = {name: float(rng.randint(0, 9)) for name in names}
    after = {name: [one for one in names[:at] if rng.random() < 0.3] for at, name in enumerate(names)}

    def waits(late: str, early: str) -> bool:
        return any(one == early or waits(one, early) for one in after[late])

    free = [
        group
        for size in range(len(names) + 1)
        for group in itertools.combinations(names, size)
        if not any(waits(b, a) for a, b in itertools.combinations(group, 2))
    ]
    expected = max(sum(weights[name] for name in group) for group in free)
    assert heaviest(weights, after) == pytest.approx(expected)


def test_many_runs_count_as_side_by_side() -> None:
    names = [str(number) for number in range(200)]
    after = {late: [early] for early, late in itertools.pairwise(names)}
    assert at_once(dict.fromkeys(names, 1.0), after) == 200


STACK = estimate(
    "USD",
    {"short": PlannedRun(timeout=3600, price=T4), "free": PlannedRun(price=T4), "dark": PlannedRun(unknown="silence")},
    PlannedCluster(1, 4, T4),
    {"registry": BASIC},
    {},
)


def judged(**given: float) -> ceilings.Judgement:
    return ceilings.judge(STACK, given, "Azure ML's list of sizes, 2026-11-28")


def test_a_ceiling_names_what_is_dearer_and_what_to_do() -> None:
    per_run = judged(max_cost_per_run=0.5)
    assert [item.property for item in per_run.findings] == ["max_cost_per_run"] * 2
    short, free = (item.reason for item in per_run.findings)
    assert short.startswith("trainup:costs.max_cost_per_run is 0.50 USD, and the run short may cost 0.526 USD: 1 node")
    assert "Azure ML's list of sizes, 2026-11-28" in short
    assert "the run free has no `timeout`, so that nothing limits it: set one of at most 57 min" in free
    assert per_run.warnings == [
        "trainup:costs.max_cost_per_run could not be judged in full, and stops nothing: dark: price unknown: silence"
    ]
    assert "lower trainup:cluster.max_nodes" in judged(max_cost_per_hour=0.1).findings[0].reason
    idle = judged(max_monthly_idle_cost=100).findings[0].reason
    assert "a month in which nothing runs costs 389.05 USD (registry 5.07, nodes 383.98)" in idle


def test_what_is_below_its_ceiling_is_silent() -> None:
    assert judged(max_monthly_idle_cost=400) == ceilings.Judgement()
    assert not judged(max_cost_per_hour=3).findings
    assert judged(max_cost_per_hour=3).warnings  # the price of one of them is unknown


def test_a_sweep_costs_all_its_trials_and_an_hour_of_those_at_work_at_once() -> None:
    cost = run_cost(PlannedRun(nodes=2, timeout=7200, price=T4, trials=12, trials_at_once=3), "USD")
    assert (cost.per_hour, cost.at_most) == (pytest.approx(3 * 2 * 0.526), pytest.approx(12 * 2 * 2 * 0.526))
    assert cost.why == "12 trials × 2 nodes × 2 h × 0.526 USD"  # noqa: RUF001


def test_an_endpoint_costs_day_and_night_and_beside_the_runs() -> None:
    told = estimate("USD", {"a": PlannedRun(price=T4)}, None, {}, {}, {"digits": PlannedEndpoint(2, T4)})
    assert told.per_hour == pytest.approx(3 * 0.526)
    assert told.idle == {"endpoint digits": pytest.approx(2 * 0.526 * 730)}
    verdict = ceilings.judge(told, {"max_monthly_idle_cost": 100, "max_cost_per_hour": 1}, "a list")
    hour, idle = (item.reason for item in verdict.findings)
    assert "an hour of what may run side by side, endpoints included, costs 1.58 USD" in hour
    assert "(endpoint digits 767.96)" in idle
    assert "give the endpoints a smaller `instance_type` or a lower `instance_count`" in idle


def test_an_endpoint_without_a_price_is_told_and_stops_nothing() -> None:
    told = estimate("USD", {}, None, {}, {}, {"digits": PlannedEndpoint(1, None, "silence")})
    assert told.unknown == {"endpoint digits": "silence"}
    verdict = ceilings.judge(told, {"max_monthly_idle_cost": 1, "max_cost_per_hour": 1}, "a list")
    assert verdict.findings == []
    assert [text.partition(" ")[0] for text in verdict.warnings] == [
        "trainup:costs.max_cost_per_hour",
        "trainup:costs.max_monthly_idle_cost",
    ]
