"""The plan of a stack as JSON values: what tables, Markdown and programs get."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from trainup.cli.planning.preview import ACTIONS, UNCHANGED, Preview, Step
from trainup.cli.stack import RUN_TYPE, SWEEP_TYPE
from trainup.core import cost_lines
from trainup.core.costs import Estimate
from trainup.core.prices import Price

VERSION = 1
"""Of the form of the JSON; within a version, keys are only added."""
IMAGE_TYPE, COSTS_TYPE = "trainup:index:Image", "trainup:index:CostEstimate"
INTERNAL = ("pulumi:providers:", "pulumi:pulumi:Stack")
"""Types of resources that are Pulumi's own."""


def plan_of(preview: Preview, stack: str) -> dict[str, Any]:
    """The whole plan. It holds no values of secrets: of resources it names what differs, and the plugin masks."""
    resources = [step for step in preview.steps if not step.is_component and not step.type.startswith(INTERNAL)]
    order = list(dict.fromkeys(ACTIONS.values()))
    # The engine's own order is another one each time.
    resources.sort(key=lambda step: (order.index(step.action) if step.action in order else len(order), step.name))
    sections = sections_of(resources)
    in_sections = {step.urn for step in resources if step.type == COSTS_TYPE and sections}
    counts = {action: sum(step.action == action for step in resources) for action in preview.counts}
    return {
        "version": VERSION,
        "stack": stack,
        "ok": not preview.findings,
        "findings": list(preview.findings),
        "counts": {action: count for action, count in counts.items() if count},
        "resources": [
            {"urn": step.urn, "name": step.name, "type": step.type, "action": step.action, "changes": step.changes}
            for step in resources
        ],
        "runs": [_run(step, preview.facts) for step in resources if step.type in (RUN_TYPE, SWEEP_TYPE)],
        "images": [
            dict(preview.facts[step.urn]) for step in resources if step.type == IMAGE_TYPE and step.urn in preview.facts
        ],
        "sections": sections,
        "diagnostics": [
            {"severity": item.severity, "resource": item.resource, "message": item.message}
            for item in preview.diagnostics
            if item.severity == "warning" or item.urn not in in_sections
        ],
    }


def _run(step: Step, facts: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    empty: dict[str, Any] = {"reasons": [], "uploads": [], "notes": []}
    told = {"name": step.inputs.get("run", step.name), "kind": "run", **empty, **facts.get(step.urn, {})}
    return {**told, "action": step.action}


def sections_of(steps: Sequence[Step]) -> list[dict[str, Any]]:
    """Further sections of the plan: `title`, `lines` for people, and `values` for programs.

    They come from resources whose checked inputs hold what they tell.
    """
    return [_costs(step) for step in steps if step.type == COSTS_TYPE and isinstance(step.inputs.get("estimate"), dict)]


def _costs(step: Step) -> dict[str, Any]:
    estimate = step.inputs["estimate"]
    prices = {key: Price.from_dict(price) for key, price in step.inputs.get("prices", {}).items()}
    title, *lines = cost_lines.lines(Estimate.from_dict(estimate), prices)
    return {"title": title[:1].upper() + title[1:], "lines": [line.strip() for line in lines], "values": estimate}


def told(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The runs and images about which there is something to tell."""
    for one in (*plan["runs"], *plan["images"]):
        if one["action"] != UNCHANGED and (
            one["kind"] == "run" or any(one[key] for key in ("reasons", "uploads", "notes"))
        ):
            yield one


def changing(plan: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The resources that something becomes of."""
    return [resource for resource in plan["resources"] if resource["action"] != UNCHANGED]
