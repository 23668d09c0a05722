"""`trainup:index:ClusterRemoval`: deletes a cluster before azure-native would, with the parameter for it."""

from trainup.core.inputs import Finding
from trainup.jobs.azure.http.connection import connect
from trainup.provider.handler import Change, Context, Difference, Properties, State, compare
from trainup.provider.input_checks import check_names, check_texts


class ClusterRemovalHandler:
    """Inputs: `cluster_id`; `cloud`. No outputs.

    It depends on the cluster, so the engine deletes it first, and with it the cluster itself; the DELETE that
    azure-native then sends finds nothing. A cluster that is replaced is deleted in the same way.
    """

    def check(self, context: Context, inputs: Properties) -> tuple[Properties, list[Finding]]:
        return inputs, check_names(inputs, ("cluster_id",), ("cloud",)) + check_texts(inputs, ("cluster_id", "cloud"))

    def diff(self, context: Context, state: State, old: Properties, new: Properties) -> Difference:
        changes = compare(old, new, lambda name: Change.REPLACE if name == "cluster_id" else Change.UPDATE)
        return Difference(changes, delete_first=True)

    def plan(self, context: Context, inputs: Properties, state: State | None) -> Properties:
        return inputs

    def create(self, context: Context, inputs: Properties) -> State:
        return State(inputs["cluster_id"], inputs)

    def update(self, context: Context, state: State, inputs: Properties) -> State:
        return State(state.id, inputs)

    def read(self, context: Context, state: State) -> State | None:
        return state

    def delete(self, context: Context, state: State) -> None:
        # Imported here because Azure's client takes longer to import than a whole preview.
        from trainup.jobs.azure.platform import clusters

        context.info("deleting the cluster")
        clusters.remove(connect(state.outputs.get("cloud")), state.outputs["cluster_id"], context.canceled)
