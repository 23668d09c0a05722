"""`trainup:index:Grant`: a role assignment that another stack or person may have made already."""

from trainup.core.inputs import Finding
from trainup.core.values import UNKNOWN
from trainup.jobs.azure.http.connection import connect
from trainup.provider.handler import Change, Context, Difference, Properties, State, compare
from trainup.provider.input_checks import check_names, check_texts

ASSIGNMENT = ("scope", "principal_id", "principal_type", "role")
"""The inputs that make the assignment; with another value it is another one."""


class RoleAssignmentHandler:
    """Inputs: `scope` (an ARM id), `principal_id`, `principal_type`, `role` (its GUID); `cloud`. Output: `made`.

    If the principal already has the role on this very resource, nothing is created, `made` is false, and delete leaves
    the assignment alone; every `pulumi up` then checks that it still exists.
    """

    def check(self, context: Context, inputs: Properties) -> tuple[Properties, list[Finding]]:
        return inputs, check_names(inputs, ASSIGNMENT, ("cloud",)) + check_texts(inputs, (*ASSIGNMENT, "cloud"))

    def diff(self, context: Context, state: State, old: Properties, new: Properties) -> Difference:
        return Difference(compare(old, new, lambda name: Change.REPLACE if name in ASSIGNMENT else Change.UPDATE))

    def plan(self, context: Context, inputs: Properties, state: State | None) -> Properties:
        return {**inputs, "made": state.outputs["made"] if state else UNKNOWN}

    def create(self, context: Context, inputs: Properties) -> State:
        # Imported here because Azure's client takes longer to import than a whole preview.
        from trainup.jobs.azure.platform.assignments import RoleAssignment

        assignment = RoleAssignment(*(inputs[name] for name in ASSIGNMENT))
        assignment_id, is_new = assignment.ensure(connect(inputs.get("cloud")), context.urn)
        return _state(assignment_id, {**inputs, "made": is_new})

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


def _state(assignment_id: str, outputs: Properties) -> State:
    return State(assignment_id, outputs, refresh=not outputs["made"])
