"""Quota: a no is certain, everything else is a warning."""

from typing import Any

import pytest

from trainup.core.quota import SPOT, Verdict, judge
from trainup.core.sizes import find_size

T4 = find_size("gpu-small")
SIZES = [{"name": "STANDARD_NC4AS_T4_V3", "lowPriorityCapable": True}]


def usage(limit: int, used: int = 0, family: str = "Standard NCASv3_T4 Family") -> dict[str, Any]:
    return {"name": {"value": family}, "limit": limit, "currentValue": used}


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


def test_a_size_that_a_region_does_not_have_is_a_no() -> None:
    (problem,) = judged(usage(8), sizes=[{"name": "Standard_DS3_v2"}]).problems
    assert problem == "Standard_NC4as_T4_v3 is not to be had in westeurope: take another size or region"
    (problem,) = judged(sizes=[{**SIZES[0], "lowPriorityCapable": False}], spot=True).problems
    assert "has no spot nodes in westeurope" in problem


def test_lists_that_are_empty_tell_nothing() -> None:
    assert judged(sizes=[]) == Verdict()
