"""`trainup:index:Grant`: a role for somebody whom other stacks and people give roles as well."""

from trainup.core.inputs import Finding
from trainup.core.values import UNKNOWN
from trainup.jobs.azure.http.connection import connect
from trainup.provider.handler import Change, Context, Difference, Properties, State, compare
from trainup.provider.places import judge_names, judge_texts

FACTS = ("scope", "principal_id", "principal_type", "role")
"""What an assignment is."""


class GrantHandler:
    """Inputs: `scope` (an ARM id), `principal_id`, `principal_type`, `role` (its GUID); `cloud`. Output: `made`.

    Where the principal has the role on that very resource already, nothing is made and nothing will be deleted: `made`
    is false then, and every `pulumi up` looks whether the role is still there.
    """

    def check(self, context: Context, inputs: Properties) -> tuple[Properties, list[Finding]]:
        return inputs, judge_names(inputs, FACTS, ("cloud",)) + judge_texts(inputs, (*FACTS, "cloud"))

    def diff(self, context: Context, state: State, old: Properties, new: Properties) -> Difference:
        return Difference(compare(old, new, lambda name: Change.REPLACE if name in FACTS else Change.UPDATE))

    def plan(self, context: Context, inputs: Properties, state: State | None) -> Properties:
        return {**inputs, "made": state.outputs["made"] if state else UNKNOWN}

    def create(self, context: Context, inputs: Properties) -> State:
        # Azure's client takes longer to import than a preview takes in all.
        from trainup.jobs.azure.platform.assignments import RoleAssignment

        wanted = RoleAssignment(*(inputs[name] for name in FACTS))
        found, made = wanted.ensure(connect(inputs.get("cloud")), context.urn)
        return _state(found, {**inputs, "made": made})

    def update(self, context: Context, state: State, inputs: Properties) -> State:
        return _state(state.id, {**inputs, "made": state.outputs["made"]})

    def read(self, context: Context, state: State) -> State | None:
        from trainup.jobs.azure.platform import assignments

        is_there = assignments.exists(connect(state.outputs.get("cloud")), state.id)
        return _state(state.id, state.outputs) if is_there else None

    def delete(self, context: Context, state: State) -> None:
        from trainup.jobs.azure.platform import assignments

        if state.outputs["made"]:
            assignments.remove(connect(state.outputs.get("cloud")), state.id)


def _state(identity: str, outputs: Properties) -> State:
    return State(identity, outputs, refresh=not outputs["made"])
