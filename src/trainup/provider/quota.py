"""`trainup:index:Quota`: checks, in the preview, that the subscription's quota covers a cluster's nodes."""

import os

from trainup.core.inputs import Finding
from trainup.core.quota import judge
from trainup.core.sizes import find_size
from trainup.core.values import has_unknown
from trainup.jobs.target import TargetError
from trainup.provider.handler import Change, Context, Difference, Properties, State, compare
from trainup.provider.input_checks import check_names

REQUIRED = ("location", "size", "min_nodes", "max_nodes", "spot")
OPTIONAL = ("subscription_id", "cloud")


class QuotaHandler:
    """Inputs: `location`, `size` (a SKU), `min_nodes`, `max_nodes`, `spot`; `subscription_id`, `cloud`. No outputs.

    Only `check` asks Azure, and only for inputs that differ from the deployed ones. Creates nothing.
    """

    def check(self, context: Context, inputs: Properties) -> tuple[Properties, list[Finding]]:
        findings = check_names(inputs, REQUIRED, OPTIONAL)
        if findings or has_unknown(inputs) or inputs == context.before:
            return inputs, findings
        try:
            size = find_size(inputs["size"])
        except ValueError as error:
            return inputs, [Finding("size", str(error))]
        subscription = inputs.get("subscription_id") or os.environ.get("ARM_SUBSCRIPTION_ID")
        if not subscription:
            context.warn("the quota was not looked up: azure-native:subscriptionId is not set")
            return inputs, []
        # Imported here because it takes longer to import than a whole preview.
        from trainup.jobs.azure.http.connection import connect
        from trainup.jobs.azure.platform.quota import look

        try:
            usages, sizes = look(connect(inputs.get("cloud")), subscription, inputs["location"])
        except TargetError as error:
            context.warn(f"the quota could not be looked up: {error}")
            return inputs, []
        verdict = judge(
            size,
            location=inputs["location"],
            spot=inputs["spot"],
            min_nodes=inputs["min_nodes"],
            max_nodes=inputs["max_nodes"],
            usages=usages,
            sizes=sizes,
        )
        for warning in verdict.warnings:
            context.warn(warning)
        return inputs, [Finding("size", problem) for problem in verdict.problems]

    def diff(self, context: Context, state: State, old: Properties, new: Properties) -> Difference:
        return Difference(compare(old, new, lambda name: Change.UPDATE))

    def plan(self, context: Context, inputs: Properties, state: State | None) -> Properties:
        return inputs

    def create(self, context: Context, inputs: Properties) -> State:
        return State(f"{inputs['location']}/{inputs['size']}", inputs)

    def update(self, context: Context, state: State, inputs: Properties) -> State:
        return State(state.id, inputs)

    def read(self, context: Context, state: State) -> State | None:
        return state

    def delete(self, context: Context, state: State) -> None:
        """There is nothing to delete."""
