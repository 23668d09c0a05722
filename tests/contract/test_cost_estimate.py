"""Costs over gRPC: asked for once, told in the preview, refused above a ceiling; the unknown stops nobody."""

from typing import Any

import pytest
from pulumi.runtime.proto import provider_pb2

from tests.support.plugin import Plugin, Resource, urn
from trainup.core import wire
from trainup.core.values import UNKNOWN
from trainup.simulator.cloud.azure import Azure
from trainup.simulator.cloud.faults import Fault
from trainup.simulator.cloud.refusal import Refused
from trainup.simulator.cloud.sample import furnish

pytestmark = pytest.mark.slow

COSTS = urn("CostEstimate", "costs")
STACK: dict[str, Any] = {
    "location": "westeurope",
    "currency": "USD",
    "size": "Standard_NC16as_T4_v3",
    "cluster": {"min_nodes": 0, "max_nodes": 2, "spot": False},
    "runs": {
        "pets": {"nodes": 2, "timeout": 7200, "retries": 1},
        "score": {"timeout": 600, "node_price": 3, "after": ["pets"]},
        "free": {},
    },
    "registry_sku": "Premium",
    "workspace": True,
}


@pytest.fixture
def azure(world: tuple[Azure, Plugin]) -> Azure:
    return world[0]


@pytest.fixture
def costs(world: tuple[Azure, Plugin]) -> Plugin:
    world[1].engine.logged.clear()
    return world[1]


def told(costs: Plugin) -> list[str]:
    lines = [line for request in costs.engine.logged if not request.ephemeral for line in request.message.splitlines()]
    costs.engine.logged.clear()
    return lines


def again(costs: Plugin, before: dict[str, Any], inputs: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Check inputs of a resource that was deployed with others."""
    request = provider_pb2.CheckRequest(urn=COSTS, olds=wire.encode(before), news=wire.encode(inputs))
    answer = costs.stub.Check(request)
    return wire.decode(answer.inputs), {failure.property: failure.reason for failure in answer.failures}


def test_a_preview_tells_what_a_stack_can_cost_and_where_the_prices_are_from(costs: Plugin) -> None:
    inputs, failures = costs.check(COSTS, STACK)
    assert not failures
    title, *lines = told(costs)
    assert title.startswith("what this stack can cost, in USD (Azure's retail prices, Azure ML's list of sizes; 20")
    assert lines == [
        "  Standard_NC16as_T4_v3, dedicated: 1.481 per hour",
        "  run free: 1.48 an hour, without end, since it has no `timeout`",
        "  run pets: at most 11.85 (2 nodes × 2 h × 1.481 USD × 2 attempts)",  # noqa: RUF001
        "  run score: at most 0.50 (1 node × 10 min × 3.00 USD)",  # noqa: RUF001
        "  all runs: at most 12.35, of those with a limit",
        "  an hour: at most 4.48, for what may run side by side",
        "  an idle month: 50.69 (registry 50.69)",
        "  by use: storage 0.0196 USD per GB and month, vault 0.03 USD per 10,000 uses, logs 2.76 USD per GB",
    ]
    assert inputs["prices"]["Standard_NC16as_T4_v3 dedicated"]["source"] == "Azure ML's list of sizes"
    made = costs.create(COSTS, inputs)
    assert costs.read(made) == made
    assert not costs.diff(Resource(COSTS, "costs", inputs, {}), {**inputs, "prices": {}}).diffs
    costs.delete(made)


def test_endpoints_are_priced_by_their_instances_and_count_in_an_idle_month(costs: Plugin) -> None:
    endpoints = {"digits": {"size": "Standard_DS3_v2", "instances": 2}}
    inputs, failures = costs.check(COSTS, {**STACK, "endpoints": endpoints, "ceilings": {"max_monthly_idle_cost": 60}})
    price = inputs["prices"]["Standard_DS3_v2 dedicated"]["amount"]
    assert inputs["estimate"]["idle"]["endpoint digits"] == pytest.approx(2 * 730 * price)
    assert "endpoint digits" in failures["max_monthly_idle_cost"]
    assert "  endpoints are on day and night, and twice as large for as long as a new deployment takes over" in told(
        costs
    )


def test_what_is_deployed_is_asked_about_no_more_and_silent(azure: Azure, costs: Plugin) -> None:
    deployed, _ = costs.check(COSTS, STACK)
    told(costs)
    asked = len(azure.journal.entries)
    same, _ = again(costs, deployed, STACK)
    assert same == deployed
    assert told(costs) == []
    longer = {**STACK, "runs": {"pets": {"nodes": 2, "timeout": 14400}}}
    changed, _ = again(costs, deployed, longer)
    assert changed["estimate"]["at_most"] == pytest.approx(2 * 4 * 1.481)
    assert len(azure.journal.entries) == asked  # the prices of a moment ago do
    assert any("4 h" in line for line in told(costs))


def test_a_ceiling_stops_with_numbers(costs: Plugin) -> None:
    ceilings = {"max_cost_per_run": 5, "max_cost_per_hour": 1, "max_monthly_idle_cost": 20}
    _, failures = costs.check(COSTS, {**STACK, "ceilings": ceilings})
    assert failures.keys() == ceilings.keys()
    assert "a month in which nothing runs costs 50.69 USD (registry 50.69)" in failures["max_monthly_idle_cost"]
    assert not costs.check(COSTS, {**STACK, "ceilings": {"max_cost_per_hour": 10}})[1]


def test_prices_come_in_another_currency(costs: Plugin) -> None:
    inputs, failures = costs.check(COSTS, {**STACK, "currency": "EUR", "ceilings": {"max_cost_per_run": 100}})
    assert list(failures) == ["max_cost_per_run"]  # the one without a timeout
    assert inputs["prices"]["Standard_NC16as_T4_v3 dedicated"]["amount"] == pytest.approx(1.481 * 0.92, abs=1e-4)
    assert inputs["prices"]["Standard_NC16as_T4_v3 dedicated"]["source"] == "Azure's retail prices"
    lines = told(costs)
    assert "  price unknown: score: its price is in USD" in lines
    assert any("max_cost_per_run could not be judged in full" in line for line in lines)


def test_spot_nodes_and_runs_without_a_cluster_have_prices_of_their_own(azure: Azure, costs: Plugin) -> None:
    serverless = {
        **{key: value for key, value in STACK.items() if key != "cluster"},
        "runs": {
            "spot": {"timeout": 3600, "tier": "spot"},
            "large": {"timeout": 3600, "tier": "dedicated", "size": "Standard_NC24ads_A100_v4"},
            "other": {"elsewhere": "job.yml sends it to a cluster that is not the stack's"},
        },
    }
    inputs, _ = costs.check(COSTS, serverless)
    runs = inputs["estimate"]["runs"]
    assert runs["spot"]["at_most"] == pytest.approx(1.481 / 4, abs=1e-3)
    assert "each eviction may add to it" in runs["spot"]["why"]
    assert runs["large"]["at_most"] == 4.959
    assert "cluster that is not the stack's" in inputs["estimate"]["unknown"]["other"]


def test_an_existing_cluster_tells_its_size_itself(azure: Azure, costs: Plugin) -> None:
    sample = furnish(azure)
    attached = {
        **{key: value for key, value in STACK.items() if key not in ("cluster", "registry_sku", "workspace")},
        "size": "",
        "attached_id": sample.cluster,
        "runs": {"tiny": {"timeout": 3600}},
    }
    inputs, failures = costs.check(COSTS, attached)
    assert not failures
    assert inputs["attached"]["size"] == "Standard_NC4as_T4_v3"
    assert inputs["estimate"]["at_most"] == pytest.approx(1.14)


def test_silence_stops_nobody_and_is_said_once(azure: Azure, costs: Plugin) -> None:
    azure.faults.add(Fault(path="/api/retail/prices", error=Refused(503, "ServerBusy", "no prices"), times=20))
    inputs, failures = costs.check(COSTS, {**STACK, "ceilings": {"max_monthly_idle_cost": 1}})
    azure.faults.clear()
    assert not failures
    lines = told(costs)
    assert len([line for line in lines if "price unknown: registry, storage, vault, logs" in line]) == 1
    assert any("max_monthly_idle_cost could not be judged in full, and stops nothing" in line for line in lines)
    again(costs, inputs, {**STACK, "ceilings": {"max_monthly_idle_cost": 1}})
    assert told(costs) == []


def test_unknown_values_and_strange_ones(costs: Plugin) -> None:
    assert not costs.check(COSTS, {**STACK, "size": UNKNOWN})[1]
    assert costs.check(COSTS, {"location": "westeurope", "krw": 1})[1].keys() >= {"currency", "runs", "krw"}
