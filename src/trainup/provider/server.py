"""`trainup:index:Server`: the MLflow server of a local workspace."""

from pathlib import Path

from trainup.core.input_secrets import in_values
from trainup.core.inputs import Finding
from trainup.core.values import UNKNOWN, Unknown
from trainup.jobs.local import environments, mlflow_server
from trainup.jobs.local.recipe import read_recipe
from trainup.jobs.target import Owner
from trainup.provider.handler import Change, Context, Difference, Properties, ResourceError, State, compare, recreation
from trainup.provider.input_checks import check_names, check_texts, local_workspace, owner_of

MLFLOW_REQUIREMENTS = Path(mlflow_server.__file__).with_name("mlflow_requirements.txt")
TRACKING = ("server", "none")


class ServerHandler:
    """Inputs: `workspace`, and `tracking`: `server` (one that trainup runs), `none`, or the address of another server.

    Outputs: the inputs, and `tracking_uri` (empty without tracking).
    """

    def check(self, context: Context, inputs: Properties) -> tuple[Properties, list[Finding]]:
        findings = check_names(inputs, ("workspace",), ("tracking",)) + check_texts(inputs, ("workspace",))
        if not findings:
            inputs = _with_former_workspace(context, inputs)
        tracking = inputs.get("tracking", "server")
        if not isinstance(tracking, Unknown) and not _is_tracking(tracking):
            rule = "`server`, `none`, or the http(s) address of an MLflow server"
            shown = "what was given" if in_values(tracking) else repr(tracking)
            findings.append(Finding("tracking", f"{shown} is no way to track runs: it is {rule}"))
        findings += [
            Finding(
                suspect.shown,
                f"it looks like a secret ({suspect.kind}), which would be kept and shown as plain text: take it out, "
                "and let the runs log in by MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD in their `secrets`",
            )
            for suspect in in_values(inputs)
        ]
        return {"tracking": "server", **inputs}, findings

    def diff(self, context: Context, state: State, old: Properties, new: Properties) -> Difference:
        changes = compare(old, new, lambda name: Change.REPLACE if name == "workspace" else Change.UPDATE)
        if not changes and self.read(context, state) is None:
            changes = recreation(context, f"the record of workspace {old['workspace']}", "tracking_uri")
        return Difference(changes)

    def plan(self, context: Context, inputs: Properties, state: State | None) -> Properties:
        same = state is not None and state.outputs.get("tracking") == inputs["tracking"]
        uri = state.outputs["tracking_uri"] if state and same else UNKNOWN
        return {**inputs, "tracking_uri": uri}

    def create(self, context: Context, inputs: Properties) -> State:
        return self._configure(context, inputs, owner_of(context))

    def update(self, context: Context, state: State, inputs: Properties) -> State:
        return self._configure(context, inputs, owner_of(context, state.outputs.get("owner")))

    def _configure(self, context: Context, inputs: Properties, owner: Owner) -> State:
        workspace = local_workspace(context, inputs["workspace"])
        workspace.create()
        tracking = _tracking_of(workspace.tracking())
        if tracking != inputs["tracking"] and (others := mlflow_server.owners(workspace).others(owner)):
            raise ResourceError(
                f"this workspace tracks by {tracking!r} for {', '.join(others)}, which shares it; it cannot track by "
                f"{inputs['tracking']!r} as well: use the same, or a workspace of your own"
            )
        if inputs["tracking"] != "server":
            mlflow_server.stop(workspace)
            record = mlflow_server.use_external(workspace, None if inputs["tracking"] == "none" else inputs["tracking"])
        else:
            recipe, problems = read_recipe(MLFLOW_REQUIREMENTS)
            if problems:
                raise ResourceError(f"MLflow cannot be installed: {'; '.join(problems)}")
            try:
                environments.build(workspace, recipe, context.info, context.canceled)
            except environments.BuildError as error:
                raise ResourceError(f"MLflow could not be installed: {error}") from error
            record = mlflow_server.configure(workspace, recipe.reference)
            # It starts while the image is built; the first run that needs it waits for it.
            mlflow_server.launch_keeper(workspace)
        mlflow_server.owners(workspace).join(owner)
        outputs = {"tracking_uri": record.get("uri", ""), "owner": owner.token}
        return State(inputs["workspace"], {**inputs, **outputs})

    def read(self, context: Context, state: State) -> State | None:
        workspace = local_workspace(context, state.outputs["workspace"])
        if not (workspace.mlflow / "server.json").is_file():
            return None
        return State(state.id, {**state.outputs, "tracking_uri": workspace.tracking().get("uri", "")}, state.inputs)

    def delete(self, context: Context, state: State) -> None:
        # The records stay: the next `up` adopts completed runs.
        workspace = local_workspace(context, state.outputs["workspace"])
        if mlflow_server.owners(workspace).leave(owner_of(context, state.outputs.get("owner"))):
            mlflow_server.stop(workspace)


def _with_former_workspace(context: Context, inputs: Properties) -> Properties:
    """The inputs with the default workspace of the stack's old name, if the stack was renamed and that folder exists.

    The default folder has the stack's name; with its old folder, a renamed stack keeps its records and trains nothing
    again.
    """
    before, now = (context.before or {}).get("workspace"), inputs.get("workspace")
    default = f".trainup/{context.urn.split('::')[0].rsplit(':', 1)[-1]}"
    if not isinstance(before, str) or now != default or before == now or not before.startswith(".trainup/"):
        return inputs
    old, new = (local_workspace(context, path).root for path in (before, now))
    return {**inputs, "workspace": before} if old.is_dir() and not new.exists() else inputs


def _tracking_of(record: Properties) -> str:
    """The value of the input `tracking` that led to the workspace's record."""
    return str(record["uri"] if record["kind"] == "external" else record["kind"])


def _is_tracking(value: object) -> bool:
    return isinstance(value, str) and (value in TRACKING or value.startswith(("http://", "https://")))
