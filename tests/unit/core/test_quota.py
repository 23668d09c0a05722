"""Quota: a no is certain, everything else is a warning."""

from datetime import date
from typing import Any

import pytest

from trainup.core.quota import SPOT, Demand, Verdict, judge, judge_together
from trainup.core.sizes import ending, find_size

T4 = find_size("gpu-small")
SIZES = [{"name": "STANDARD_NC4AS_T4_V3", "lowPriorityCapable": True}]


def usage(limit: int, used: int = 0, family: str = "Standard NCASv3_T4 Family") -> dict[str, Any]:
    return {"name": {"value": family}, "limit": limit, "currentValue": used}


def typed(limit: int, cores: str, family: str = "Standard NCASv3_T4 Family") -> dict[str, Any]:
    """A row as real subscriptions show it."""
    return {**usage(limit, family=family), "type": f"Microsoft.MachineLearningServices/locations/{cores}/usages"}


def judged(*usages: dict[str, Any], sizes: list[dict[str, Any]] = SIZES, **more: Any) -> Verdict:
    given = {"location": "westeurope", "spot": False, "min_nodes": 0, "max_nodes": 2, **more}
    return judge(T4, usages=usages, sizes=sizes, **given)


def test_enough_for_all_nodes_is_nothing_to_tell() -> None:
    assert judged(usage(8)) == Verdict()
    assert judged(usage(8, 4)) == Verdict()


@pytest.mark.parametrize("usages", [[usage(0)], [usage(3)], [usage(100, family="standardDSv2Family")]])
def test_a_family_that_is_too_small_for_a_node_or_absent_is_a_no(usages: list[dict[str, Any]]) -> None:
    (problem,) = judged(*usages).problems
    limit = usages[0]["limit"] if usages[0]["limit"] < 4 else 0
    assert f"is {limit} vCPUs, and 1 of Standard_NC4as_T4_v3 take 4: ask for more" in problem
    assert "standard NCASv3_T4 Family" in problem


def test_nodes_that_are_always_on_all_have_to_fit() -> None:
    (problem,) = judged(usage(7), min_nodes=2).problems
    assert "2 of Standard_NC4as_T4_v3 take 8" in problem


def test_nodes_that_would_wait_are_a_warning() -> None:
    verdict = judged(usage(7))
    assert not verdict.problems
    assert "7 vCPUs: 1 of max_nodes 2 fit" in verdict.warnings[0]
    assert "10 of 10 vCPUs" in judged(usage(10, 10)).warnings[0]


def test_spot_nodes_have_a_figure_of_their_own() -> None:
    assert judged(usage(0), usage(8, family=SPOT), spot=True) == Verdict()
    assert "spot nodes" in judged(usage(100), usage(0, family=SPOT), spot=True).problems[0]


DEDICATED, LOW_PRIORITY = typed(8, "dedicatedCores"), typed(-1, "lowPriorityCores")


@pytest.mark.parametrize("rows", [[LOW_PRIORITY, DEDICATED], [DEDICATED, LOW_PRIORITY]])
def test_of_two_rows_with_one_name_the_one_for_dedicated_cores_counts(rows: list[dict[str, Any]]) -> None:
    assert judged(*rows) == Verdict()
    assert "is 3 vCPUs" in judged(*[{**row, "limit": min(3, row["limit"])} for row in rows]).problems[0]


def test_a_family_that_has_only_spot_cores_has_no_dedicated_ones() -> None:
    assert "is 0 vCPUs" in judged(LOW_PRIORITY).problems[0]


def test_spot_nodes_are_judged_by_the_pooled_row_alone() -> None:
    pooled = typed(8, "lowPriorityCores", SPOT)
    assert judged(LOW_PRIORITY, typed(0, "dedicatedCores"), pooled, spot=True) == Verdict()


@pytest.mark.parametrize("spot", [False, True])
def test_a_limit_of_minus_one_is_a_warning(spot: bool) -> None:
    verdict = judged(typed(-1, "dedicatedCores"), typed(-1, "lowPriorityCores", SPOT), spot=spot)
    assert not verdict.problems
    assert "tells no quota" in verdict.warnings[0]


def test_a_size_that_is_sold_for_endpoints_alone_is_a_no() -> None:
    (problem,) = judged(usage(8), sizes=[{**SIZES[0], "supportedComputeTypes": ["MIR"]}]).problems
    assert problem == (
        "Standard_NC4as_T4_v3 is sold in westeurope for MIR only, and not for clusters: take another size or region"
    )
    assert judged(usage(8), sizes=[{**SIZES[0], "supportedComputeTypes": ["MIR", "AmlCompute"]}]) == Verdict()


def test_a_size_that_a_region_does_not_have_is_a_no() -> None:
    (problem,) = judged(usage(8), sizes=[{"name": "Standard_DS3_v2"}]).problems
    assert problem == "Standard_NC4as_T4_v3 is not to be had in westeurope: take another size or region"


def test_a_size_that_a_region_does_not_have_may_be_a_slip_of_the_pen() -> None:
    lists: dict[str, Any] = {"usages": [usage(8)], "sizes": [{"name": "Standard_NC4as_T4_v3"}]}
    facts = {"location": "westeurope", "spot": False, "min_nodes": 0, "max_nodes": 1}
    (problem,) = judge(find_size("Standard_NC4as_T4_v2"), **facts, **lists).problems
    assert "did you mean Standard_NC4as_T4_v3?" in problem


def test_what_the_list_says_about_spot_nodes_is_a_warning_since_it_is_wrong_in_either_direction() -> None:
    pooled = usage(8, family=SPOT)
    verdict = judged(pooled, sizes=[{**SIZES[0], "lowPriorityCapable": False}], spot=True)
    assert not verdict.problems
    assert "is not always right" in verdict.warnings[0]


D4S = {"name": "Standard_D4s_v3", "family": "standardDSv3Family", "vCPUs": 4, "gpus": 0}


def test_a_size_that_only_the_region_knows_is_judged_by_what_its_list_tells() -> None:
    def verdict(limit: int, sizes: list[dict[str, Any]]) -> Verdict:
        rows = [usage(limit, family="standardDSv3Family")]
        facts: dict[str, Any] = {"location": "westeurope", "spot": False, "min_nodes": 0, "max_nodes": 1}
        return judge(find_size("Standard_D4s_v3"), usages=rows, sizes=sizes, **facts)

    assert verdict(4, [D4S]) == Verdict()
    assert "the family standardDSv3Family in westeurope is 3 vCPUs" in verdict(3, [D4S]).problems[0]
    assert "was not checked" in verdict(3, []).warnings[0]


def test_lists_that_are_empty_tell_nothing() -> None:
    assert judged(sizes=[]) == Verdict()


A100_ROW = {"name": {"value": "standardNCADSA100v4Family"}, "limit": 48, "currentValue": 48}
POOL = {**typed(24, "lowPriorityCores", SPOT), "currentValue": 0}
NODE = find_size("gpu-large")  # 24 vCPUs


def together(usages: list[dict[str, Any]], **demands: Demand) -> list[str]:
    return judge_together(demands, location="westeurope", usages=usages, sizes=[])


def test_what_runs_at_once_needs_the_quota_of_all_of_it_together() -> None:
    (short,) = together([{**A100_ROW, "limit": 71}], a=Demand(NODE, 1), b=Demand(NODE, 2))
    assert "is 71 vCPUs, and a, b together may need 72 at once" in short  # short by one core
    assert "Azure ML studio, Quota" in short
    assert together([{**A100_ROW, "limit": 72}], a=Demand(NODE, 1), b=Demand(NODE, 2)) == []
    assert together([A100_ROW], a=Demand(NODE, 1), b=Demand(NODE, 1)) == []  # at work already: the cores are its own
    assert together([A100_ROW], a=Demand(NODE, 1), b=Demand(NODE, 2, after=("a",))) == []


def test_spot_nodes_of_all_families_share_one_pool() -> None:
    t4 = find_size("gpu-small")
    (short,) = together([POOL, A100_ROW], a=Demand(NODE, 1, spot=True), b=Demand(t4, 1, spot=True))
    assert "the quota for spot nodes in westeurope is 24 vCPUs, and a, b together may need 28 at once" in short


def test_what_is_not_told_of_a_family_is_nothing_to_warn_of() -> None:
    assert together([], a=Demand(NODE, 2), b=Demand(NODE, 2)) == []
    assert together([POOL], a=Demand(NODE, 2), b=Demand(NODE, 2)) == []  # told of each of them, by its own check
    assert together([{**A100_ROW, "limit": -1}], a=Demand(NODE, 2), b=Demand(NODE, 2)) == []


def test_a_size_near_its_announced_end_is_told_a_year_before() -> None:
    old, new = find_size("Standard_F4s_v2"), find_size("Standard_D4ds_v4")
    assert ending(old, date(2026, 11, 28)) is None
    told = ending(old, date(2027, 11, 16)) or ""
    assert "Azure retires Standard_F4s_v2 on 2028-11-15 with all of the Fsv2 series" in told
    assert "was to retire" in (ending(old, date(2029, 1, 1)) or "")
    assert ending(new, date(2030, 1, 1)) is None
    assert "2028-05-01" in (ending(find_size("cpu-small"), date(2028, 1, 1)) or "")
