"""`trainup:index:CostEstimate`: tells, in the preview, what a stack can cost, and refuses what is above a ceiling."""

import datetime
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from trainup.core import ceilings
from trainup.core.azure_ids import CLUSTER, parse_id
from trainup.core.cost_lines import lines, sources
from trainup.core.costs import Estimate, PlannedCluster, PlannedEndpoint, PlannedRun, estimate
from trainup.core.inputs import Finding
from trainup.core.prices import METERS, USD, Price, Source, Tier, Unit
from trainup.core.values import has_unknown
from trainup.jobs.target import TargetError
from trainup.provider.handler import Context, Difference, Properties, State
from trainup.provider.input_checks import check_names

if TYPE_CHECKING:
    from trainup.jobs.azure.platform.prices import Answers, Question

REQUIRED = ("location", "currency", "runs")
OPTIONAL = (
    "subscription_id",
    "cloud",
    "size",
    "cluster",
    "attached_id",
    "registry_sku",
    "workspace",
    "endpoints",
    "ceilings",
)
COMPUTED = ("prices", "unknown", "attached", "estimate")
"""What `check` adds."""
KEPT_DAYS = 30
"""How old a price may be before something that changes has it asked for again."""


class CostEstimateHandler:
    """Inputs of the program:

    - `location`, `currency`, `subscription_id`, `cloud`;
    - `size` (SKU of the nodes; empty where it is not known), and `cluster` with `min_nodes`, `max_nodes`, `spot`, or
      `attached_id` of an existing cluster, or neither where there is none;
    - `runs`: name → `nodes`, `timeout` (seconds), `retries`, `node_price` (US dollars), `tier` (`dedicated`, `spot`),
      `size` if it is not the stack's, `elsewhere` (why its price cannot be known), `after`, `resumes`, and of a
      sweep `trials` and `trials_at_once`; all optional;
    - `registry_sku` of a registry that the stack makes, and `workspace`, whether it makes one;
    - `endpoints`: name → `size` (SKU) and `instances` of those that are on day and night;
    - `ceilings`: any of `ceilings.NAMES` → amount.

    `check` adds:

    - `prices`: key (`Standard_NC4as_T4_v3 spot`, `registry Basic`, `storage`) → `amount`, `currency`, `unit`, `source`
      and `date` (`prices.Price`);
    - `unknown`: key → why there is no price;
    - `attached`: `size`, `spot` and `max_nodes` of an existing cluster;
    - `estimate`: `costs.Estimate.to_dict`: `currency`, `runs` (name → `per_hour`, `at_most`, `why`, `currency`),
      `per_hour`, `at_most`, `idle` (resource → a month), `idle_per_month`, `by_use`, `unknown`. An amount is null where
      it has no limit or is not known.

    It asks Azure only when an input of the program differs from what is deployed, and then for prices alone that it has
    not, or has had for a month. What it adds is kept with the inputs and is never a difference: nothing is updated
    because a price is another. Creates nothing.
    """

    def check(self, context: Context, inputs: Properties) -> tuple[Properties, list[Finding]]:
        asked = {name: value for name, value in inputs.items() if name not in COMPUTED}
        findings = check_names(asked, REQUIRED, OPTIONAL)
        if findings or has_unknown(asked):
            return asked, findings
        before = context.before or {}
        computed = {name: before[name] for name in COMPUTED if name in before}
        if "estimate" in computed and all(asked.get(name) == before.get(name) for name in (*REQUIRED, *OPTIONAL)):
            return {**asked, **computed}, []
        completed = _with_prices(asked, before)
        known = {key: Price.from_dict(price) for key, price in completed["prices"].items()}
        told = _estimate(completed, known)
        completed["estimate"] = told.to_dict()
        if completed["estimate"] != before.get("estimate"):
            context.note("\n".join(lines(told, known)))
        judgement = ceilings.judge(told, asked.get("ceilings") or {}, sources(known.values()))
        for warning in judgement.warnings:
            context.warn(warning)
        return completed, judgement.findings

    def diff(self, context: Context, state: State, old: Properties, new: Properties) -> Difference:
        return Difference()

    def plan(self, context: Context, inputs: Properties, state: State | None) -> Properties:
        return _outputs(inputs)

    def create(self, context: Context, inputs: Properties) -> State:
        return State("costs", _outputs(inputs))

    def update(self, context: Context, state: State, inputs: Properties) -> State:
        return State(state.id, _outputs(inputs))

    def read(self, context: Context, state: State) -> State | None:
        return state

    def delete(self, context: Context, state: State) -> None:
        """There is nothing to delete."""


def _outputs(inputs: Properties) -> Properties:
    """What does not go out of date: the estimate is among the inputs, which are kept up to date without an update."""
    return {"currency": inputs["currency"]}


def _with_prices(asked: Properties, before: Properties) -> Properties:
    """The inputs with all prices that the estimate needs: those of before that hold, and those that Azure tells."""
    # Imported here because it takes longer to import than a whole preview.
    from trainup.jobs.azure.http.connection import connect

    subscription = asked.get("subscription_id") or os.environ.get("ARM_SUBSCRIPTION_ID")
    prices, unknown, completed = _kept(asked, before), dict[str, str](), dict(asked)
    try:
        client = connect(asked.get("cloud"))
        if attached_id := asked.get("attached_id"):
            from trainup.jobs.azure.platform import clusters

            cluster = parse_id(attached_id, CLUSTER)
            nodes = clusters.nodes(client, str(cluster))
            completed["attached"] = {"size": nodes.size, "spot": nodes.spot, "max_nodes": nodes.most} if nodes else {}
        from trainup.jobs.azure.platform.prices import ask

        missing = [question for question in _questions(completed) if question.key not in prices]
        if missing:
            answers: Answers = ask(client, subscription or "", asked["location"], asked["currency"], missing)
            prices |= {key: price.to_dict() for key, price in answers.prices.items()}
            unknown = dict(answers.unknown)
    except TargetError as error:
        unknown = {question.key: str(error) for question in _questions(completed) if question.key not in prices}
    used = {question.key for question in _questions(completed)}
    return {
        **completed,
        "prices": {key: price for key, price in sorted(prices.items()) if key in used},
        "unknown": unknown,
    }


def _kept(asked: Properties, before: Properties) -> dict[str, Any]:
    """The prices of before that still hold."""
    if any(asked.get(name) != before.get(name) for name in ("location", "currency", "cloud")):
        return {}
    oldest = (datetime.datetime.now(datetime.UTC).date() - datetime.timedelta(days=KEPT_DAYS)).isoformat()
    return {key: price for key, price in (before.get("prices") or {}).items() if str(price.get("date")) >= oldest}


def _questions(inputs: Properties) -> "list[Question]":
    from trainup.jobs.azure.platform.prices import Question

    nodes = [_node(inputs, run) for run in inputs["runs"].values() if run.get("node_price") is None]
    questions = [Question(size=size, tier=tier) for size, tier in nodes if size]
    if inputs.get("cluster"):
        size, tier = _node(inputs, {})
        questions += [Question(size=size, tier=tier)] if size else []
    questions += [Question(size=one["size"], tier=Tier.DEDICATED) for one in (inputs.get("endpoints") or {}).values()]
    return [*questions, *(Question(resource=name, sku=sku) for name, sku in _resources(inputs).items())]


def _resources(inputs: Properties) -> dict[str, str]:
    """Resource that the stack makes and that is there while idle → its tier, if it has several."""
    sku = inputs.get("registry_sku")
    rest = [name for name in METERS if name != "registry"] if inputs.get("workspace") else []
    return {**({"registry": sku} if sku else {}), **dict.fromkeys(rest, "")}


def _node(inputs: Properties, run: Mapping[str, Any]) -> tuple[str, Tier]:
    """Size and tier of the nodes of a run, or of the stack's cluster; the size is empty where it is not known."""
    attached, cluster = inputs.get("attached") or {}, inputs.get("cluster") or {}
    size = "" if run.get("elsewhere") else str(run.get("size") or attached.get("size") or inputs.get("size") or "")
    is_spot = attached.get("spot") or cluster.get("spot")
    return size, Tier(run.get("tier") or (Tier.SPOT if is_spot else Tier.DEDICATED))


def _estimate(inputs: Properties, prices: Mapping[str, Price]) -> Estimate:
    unknown: dict[str, str] = inputs["unknown"]
    # The nodes of an existing cluster that are always on are not the stack's.
    cluster, planned = inputs.get("cluster") or inputs.get("attached"), None
    if cluster:
        size, tier = _node(inputs, {})
        key = f"{size} {tier}"
        planned = PlannedCluster(
            int(cluster.get("min_nodes") or 0),
            int(cluster.get("max_nodes") or 0),
            prices.get(key),
            unknown.get(key, ""),
        )
    resources = {name: f"{name} {sku}".strip() for name, sku in _resources(inputs).items()}
    return estimate(
        inputs["currency"],
        {name: _planned(inputs, run, prices) for name, run in inputs["runs"].items()},
        planned,
        {name: prices[key] for name, key in resources.items() if key in prices},
        {name: unknown[key] for name, key in resources.items() if key in unknown},
        {
            name: PlannedEndpoint(int(one["instances"]), prices.get(key), unknown.get(key, ""))
            for name, one in (inputs.get("endpoints") or {}).items()
            for key in [f"{one['size']} {Tier.DEDICATED}"]
        },
    )


def _planned(inputs: Properties, run: Mapping[str, Any], prices: Mapping[str, Price]) -> PlannedRun:
    size, tier = _node(inputs, run)
    key, own = f"{size} {tier}", run.get("node_price")
    price = prices.get(key) if own is None else Price(float(own), USD, Unit.HOUR, Source.SETTINGS, "")
    why = run.get("elsewhere") or (inputs["unknown"].get(key) if size else "the size of its nodes is not known")
    return PlannedRun(
        nodes=int(run.get("nodes") or 1),
        timeout=run.get("timeout"),
        attempts=int(run.get("retries") or 0) + 1,
        price=price,
        unknown=why or "",
        on_cluster=bool(inputs.get("cluster") or inputs.get("attached_id")) and not run.get("elsewhere"),
        resumes=tier is Tier.SPOT and run.get("resumes") is not False,
        after=tuple(run.get("after") or ()),
        trials=int(run.get("trials") or 1),
        trials_at_once=int(run.get("trials_at_once") or 1),
    )
