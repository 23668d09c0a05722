"""Builder `venv`: a virtual environment of locked requirements, made by uv and named by its content."""

from trainup.core.input_secrets import in_text
from trainup.core.inputs import Finding
from trainup.core.texts import decode
from trainup.core.values import UNKNOWN, has_unknown
from trainup.jobs.local import environments, room
from trainup.jobs.local.launch import environment_folder
from trainup.jobs.local.recipe import Recipe, read_recipe
from trainup.jobs.local.workspace import Workspace
from trainup.jobs.target import Owner
from trainup.provider import image_facts
from trainup.provider.handler import Change, Context, Difference, Properties, ResourceError, State, compare, recreation
from trainup.provider.input_checks import check_names, check_texts, local_workspace, owner_of

CONTENT = ("requirements", "python")


class VenvBuilder:
    """Inputs: `workspace`, `builder`, `requirements` (a file), `python` (version), `allow_secrets`.

    Check adds `reference`.

    Outputs: the inputs, and `environment_id`, the folder of the environment.
    """

    def check(self, context: Context, inputs: Properties) -> tuple[Properties, list[Finding]]:
        findings = check_names(inputs, ("workspace", "builder"), (*CONTENT, "allow_secrets", "reference"))
        wrong = check_texts(inputs, ("workspace", *CONTENT))
        if has_unknown([inputs.get(name) for name in CONTENT]):
            return {**inputs, "reference": UNKNOWN}, findings + wrong
        if wrong:
            return inputs, findings + wrong
        recipe, problems = self._recipe(context, inputs)
        findings += [Finding("requirements", problem) for problem in problems]
        findings += _likely_secrets(context, inputs, recipe)
        image_facts.note(recipe.reference, recipe.lines)
        path = inputs.get("workspace")
        if not findings and isinstance(path, str) and (warning := _shortage(local_workspace(context, path), recipe)):
            context.warn(warning)
        return {**inputs, "reference": recipe.reference}, findings

    def diff(self, context: Context, state: State, old: Properties, new: Properties) -> Difference:
        # The path of the requirements is no part of the image; their content is, by `reference`.
        content = ("reference", "workspace", "builder")
        changes = compare(old, new, lambda name: Change.REPLACE if name in content else Change.UPDATE)
        if not changes and self.read(context, state) is None:
            changes = recreation(context, f"the environment of {new.get('requirements') or state.id}", "environment_id")
        return Difference(changes)

    def plan(self, context: Context, inputs: Properties, state: State | None) -> Properties:
        return {**inputs, "environment_id": state.outputs["environment_id"] if state else UNKNOWN}

    def create(self, context: Context, inputs: Properties) -> State:
        return self._build(context, inputs, owner_of(context))

    def _build(self, context: Context, inputs: Properties, owner: Owner) -> State:
        workspace = local_workspace(context, inputs["workspace"])
        recipe, _ = self._recipe(context, inputs)
        if recipe.reference != inputs["reference"]:
            raise ResourceError(f"{inputs.get('requirements')} changed since the preview: run `pulumi up` again")
        try:
            folder = environments.build(workspace, recipe, context.info, context.canceled)
        except environments.BuildError as error:
            raise ResourceError(
                f"the environment of {inputs.get('requirements')} could not be built: {error}"
            ) from error
        environments.owners(workspace, recipe.reference).join(owner)
        outputs = {"environment_id": workspace.shown(folder), "owner": owner.token}
        return State(recipe.reference, {**inputs, **outputs})

    def update(self, context: Context, state: State, inputs: Properties) -> State:
        return self._build(context, inputs, owner_of(context, state.outputs.get("owner")))

    def read(self, context: Context, state: State) -> State | None:
        workspace = local_workspace(context, state.outputs["workspace"])
        if not environments.is_built(workspace, state.id):
            return None
        folder = workspace.shown(environment_folder(workspace, state.id))
        return State(state.id, {**state.outputs, "environment_id": folder}, state.inputs)

    def delete(self, context: Context, state: State) -> None:
        # The environment stays for runs that still need it, until newer ones replace it (`environments.prune`).
        workspace = local_workspace(context, state.outputs["workspace"])
        if environments.is_built(workspace, state.id):
            environments.owners(workspace, state.id).leave(owner_of(context, state.outputs.get("owner")))

    def _recipe(self, context: Context, inputs: Properties) -> tuple[Recipe, list[str]]:
        path = inputs.get("requirements")
        return read_recipe(context.project / path if path else None, inputs.get("python"))


def _shortage(workspace: Workspace, recipe: Recipe) -> str | None:
    """A warning if the disk has too little room for the environment that will be built, or None."""
    if environments.is_built(workspace, recipe.reference):
        return None
    return room.shortage(workspace, room.of_environment(recipe.lines), f"the environment of {recipe.requirements}")


def _likely_secrets(context: Context, inputs: Properties, recipe: Recipe) -> list[Finding]:
    """Findings about logins in the requirements, which the environment's record would keep."""
    name, allowed = inputs.get("requirements"), inputs.get("allow_secrets") or ()
    if not name:
        return []
    try:
        text = decode((context.project / name).read_bytes())
    except (OSError, ValueError):
        return []  # the recipe has a problem about it already
    suspects = [(f"{name}:{line}", kind) for line, kind in in_text(text, name)]
    included = "\n".join(line for line in recipe.lines if line not in text)
    suspects += [(f"a file that {name} includes", kind) for _, kind in in_text(included, name)]
    return [
        Finding(
            "requirements",
            f"{position} looks like a secret ({kind}), which would be kept with the environment: keep the login in "
            "~/.netrc, or write ${NAME} in its place and set that variable where `pulumi up` runs; if it is none, end "
            f'the line with `# pragma: allowlist secret` or add "{position}" to `allow_secrets`',
        )
        for position, kind in suspects
        if name not in allowed and position not in allowed
    ]
