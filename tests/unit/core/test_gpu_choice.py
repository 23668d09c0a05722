"""Which size a GPU stands for: the cheapest that the region sells and the quota allows."""

from typing import Any

import pytest

from trainup.core.gpu_choice import Choice, check_gpu, choose

A100, H100 = "standardNCADSA100v4Family", "standardNCADSH100v5Family"


def offer(name: str, family: str, vcpus: int, gpus: int, price: float, **more: Any) -> dict[str, Any]:
    values = [{"retailPrice": price, "osType": "Linux", "vmTier": "Standard"}]
    values += [{"retailPrice": price / 9, "osType": "Windows", "vmTier": "Standard"}]
    prices = {"estimatedVMPrices": {"values": values}}
    return {"name": name, "family": family, "vCPUs": vcpus, "gpus": gpus, **prices, **more}


SIZES = [
    offer("Standard_NC24ads_A100_v4", A100, 24, 1, 4.9),
    offer("Standard_ND1_A100_v9", "standardCheapFamily", 12, 1, 3.0),
    offer("Standard_NC96ads_A100_v4", A100, 96, 4, 19.0),
    offer("Standard_NC40ads_H100_v5", H100, 40, 1, 9.0),
    offer("Standard_ND96isr_MI300X_v5", "standardNDISv5MI300XFamily", 96, 8, 60.0),
    offer("Standard_NC6s_v3", "standardNCSv3Family", 6, 1, 1.0),
]


def usage(family: str, limit: int, used: int = 0) -> dict[str, Any]:
    return {"name": {"value": family}, "limit": limit, "currentValue": used}


ENOUGH = [usage(family, 1000) for family in (A100, H100, "standardCheapFamily", "standardNDISv5MI300XFamily")]


def chosen(gpu: str, gpus: int = 1, usages: list[dict[str, Any]] = ENOUGH, **more: Any) -> Choice:
    facts: dict[str, Any] = {"location": "westeurope", "spot": False, "min_nodes": 0, "max_nodes": 1, "sizes": SIZES}
    return choose(gpu, gpus, usages=usages, **{**facts, **more})


def sku(choice: Choice) -> str:
    assert choice.size is not None, choice.problems
    return choice.size.sku


@pytest.mark.parametrize(
    ("gpu", "gpus", "expected"),
    [
        ("A100", 1, "Standard_ND1_A100_v9"),
        ("a100", 4, "Standard_NC96ads_A100_v4"),
        ("H100", 1, "Standard_NC40ads_H100_v5"),
        ("H100 NVL", 1, "Standard_NC40ads_H100_v5"),
        ("MI300X", 8, "Standard_ND96isr_MI300X_v5"),
    ],
)
def test_the_cheapest_size_with_these_gpus_is_chosen(gpu: str, gpus: int, expected: str) -> None:
    assert sku(chosen(gpu, gpus)) == expected


def test_what_the_quota_does_not_allow_is_passed_over() -> None:
    assert sku(chosen("A100", usages=[usage(A100, 24)])) == "Standard_NC24ads_A100_v4"


def test_how_much_of_the_quota_is_in_use_decides_nothing() -> None:
    busy = [usage("standardCheapFamily", 12, used=12), usage(A100, 1000)]
    assert sku(chosen("A100", usages=busy)) == "Standard_ND1_A100_v9"


def test_without_quota_for_any_each_is_named_with_its_quota() -> None:
    problems = chosen("A100", usages=[usage(A100, 0)]).problems
    assert len(problems) == 2
    assert any("the family standardNCADSA100v4Family in westeurope is 0 vCPUs" in problem for problem in problems)


def test_a_gpu_that_the_region_does_not_sell_is_told_with_those_that_it_does() -> None:
    (problem,) = chosen("GB300", 4).problems
    assert problem == (
        "westeurope sells no size with 4 GB300 per node: it has 1 A100, 4 A100, 1 H100 NVL, 8 MI300X; take another "
        "region"
    )


def test_spot_nodes_are_looked_for_where_azure_gives_some() -> None:
    (problem,) = chosen("H100", spot=True).problems
    assert "Azure has no spot nodes of Standard_NC40ads_H100_v5" in problem


def test_without_the_regions_list_the_own_table_decides_with_a_warning() -> None:
    choice = chosen("A100", sizes=[], usages=[])
    assert sku(choice) == "Standard_NC24ads_A100_v4"
    assert "without Azure's list of westeurope" in choice.warnings[0]
    assert chosen("GB300", 4, sizes=[], usages=[]).problems


@pytest.mark.parametrize(("gpu", "gpus", "says"), [(" ", 1, "missing"), ("A100", 0, "gpus is 0")])
def test_what_is_no_gpu_is_refused(gpu: str, gpus: int, says: str) -> None:
    assert says in (check_gpu(gpu, gpus) or "")
    assert check_gpu("A100", 1) is None
