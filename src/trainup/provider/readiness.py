"""`trainup:index:Readiness`: checks, in the preview, that the subscription lets the stack be created."""

import os
from typing import TYPE_CHECKING, Any

from trainup.core.azure_ids import WORKSPACE, AzureId
from trainup.core.inputs import Finding
from trainup.core.quota import Demand, judge_together
from trainup.core.sizes import find_size
from trainup.core.values import Unknown, has_unknown
from trainup.jobs.target import TargetError
from trainup.provider.handler import Context, Difference, Properties, State
from trainup.provider.input_checks import check_names

if TYPE_CHECKING:
    from trainup.jobs.azure.http.client import AzureClient

REQUIRED = ("location", "namespaces", "demands")
OPTIONAL = ("subscription_id", "cloud", "size", "resource_group_name", "workspace_name", "registry_name")
PLACE = "resource_group_name"
"""Unknown in the preview of a new stack, and then nothing of its own is there yet."""


class ReadinessHandler:
    """Inputs: `location`, `subscription_id`, `cloud`; `namespaces`, the resource providers that the stack needs;
    `workspace_name` and `registry_name` of what it makes under a name of the user's choice, and the
    `resource_group_name` of these; `size` of the stack's nodes, and `demands`: name → `nodes`, `size` if it is another,
    `spot` and `after`, of all that may have nodes.

    `check` asks Azure, but only for inputs that differ from the deployed ones. What is certain is a finding; what Azure
    does not tell stops nobody, and is said once. Creates nothing.
    """

    def check(self, context: Context, inputs: Properties) -> tuple[Properties, list[Finding]]:
        findings = check_names(inputs, REQUIRED, OPTIONAL)
        asked = {name: value for name, value in inputs.items() if name != PLACE}
        before = context.before or {}
        if findings or has_unknown(asked) or asked == {name: value for name, value in before.items() if name != PLACE}:
            return inputs, findings
        subscription = inputs.get("subscription_id") or os.environ.get("ARM_SUBSCRIPTION_ID")
        if not subscription:
            return inputs, []  # the check of the quota has said so
        # Imported here because it takes longer to import than a whole preview.
        from trainup.jobs.azure.http.connection import connect

        try:
            client = connect(inputs.get("cloud"))
            return inputs, _ask(context, client, subscription, inputs, before)
        except TargetError as error:
            context.warn(f"whether the subscription is ready could not be looked up: {error}")
            return inputs, []

    def diff(self, context: Context, state: State, old: Properties, new: Properties) -> Difference:
        return Difference()

    def plan(self, context: Context, inputs: Properties, state: State | None) -> Properties:
        return {"location": inputs["location"]}

    def create(self, context: Context, inputs: Properties) -> State:
        return State("readiness", {"location": inputs["location"]})

    def update(self, context: Context, state: State, inputs: Properties) -> State:
        return State(state.id, {"location": inputs["location"]})

    def read(self, context: Context, state: State) -> State | None:
        return state

    def delete(self, context: Context, state: State) -> None:
        """There is nothing to delete."""


def _ask(
    context: Context, client: "AzureClient", subscription: str, inputs: Properties, before: Properties
) -> list[Finding]:
    """All findings about what has changed. Raises TargetError where Azure cannot be asked."""
    from trainup.jobs.azure.platform import readiness

    findings = []
    if inputs["namespaces"] != before.get("namespaces") and (
        problem := readiness.unregistered_problem(client, subscription, inputs["namespaces"])
    ):
        findings.append(Finding("namespaces", problem))
    findings += _about_names(context, client, subscription, inputs, before)
    if any(inputs.get(name) != before.get(name) for name in ("location", "size", "demands")):
        for warning in _about_quota(client, subscription, inputs):
            context.warn(warning)
    return findings


def _about_names(
    context: Context, client: "AzureClient", subscription: str, inputs: Properties, before: Properties
) -> list[Finding]:
    """Findings about names that cannot be had. What is in the stack's own resource group may be its own."""
    from trainup.jobs.azure.platform import readiness

    group, findings = inputs.get(PLACE), []
    name = inputs.get("workspace_name")
    if name and name != before.get("workspace_name") and group and not isinstance(group, Unknown):
        workspace_id = str(AzureId(subscription, group, WORKSPACE, (name,)))
        # One that exists may be the stack's own, or be made at this moment; one that is deleted is neither.
        if problem := readiness.deleted_workspace_problem(client, workspace_id):
            findings.append(Finding("workspace_name", problem))
    name = inputs.get("registry_name")
    if name and name != before.get("registry_name"):
        problem = readiness.name_problem(client, subscription, "registry", name, inputs["location"])
        # In this order, since the stack may make it between the two requests.
        if problem and not _is_in_group(client, subscription, group, name):
            findings.append(Finding("registry_name", f"trainup:registry.name: {problem}"))
    return findings


def _is_in_group(client: "AzureClient", subscription: str, group: Any, name: str) -> bool:
    """Whether the registry is in the stack's own group: then it is the stack's, or azure-native tells about it."""
    if not group or isinstance(group, Unknown):
        return False
    address = f"/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.ContainerRegistry/registries/"
    return client.find(address + name, version="2023-07-01") is not None


def _about_quota(client: "AzureClient", subscription: str, inputs: Properties) -> list[str]:
    """Warnings about the quota of what may be at work at once."""
    from trainup.jobs.azure.platform.quota import look

    demands: dict[str, Demand] = {}
    for name, one in inputs["demands"].items():
        if sku := one.get("size") or inputs.get("size"):
            size = find_size(sku)
            demands[name] = Demand(size, int(one["nodes"]), bool(one.get("spot")), tuple(one.get("after") or ()))
    if len(demands) < 2:
        return []  # that of a single one is judged where it is declared
    usages, sizes = look(client, subscription, inputs["location"])
    return judge_together(demands, location=inputs["location"], usages=usages, sizes=sizes)
