"""`trainup:index:ModelVersion`: what a run left behind, or what another stack registered, as a version of a model."""

from pathlib import PurePosixPath
from typing import Any

from trainup.core import azure_names, suggest, targets
from trainup.core.inputs import Finding
from trainup.core.models import ModelVersion, nothing
from trainup.core.status import Status
from trainup.core.values import UNKNOWN, Unknown, has_unknown
from trainup.jobs.models import registering
from trainup.jobs.models.registry import Reference, Registration, parse_reference
from trainup.jobs.target import Record
from trainup.jobs.targets import registry_of, target_of
from trainup.provider.handler import Change, Context, Difference, Properties, ResourceError, State, compare
from trainup.provider.input_checks import check_names, check_texts

LOCATION = ("target", "workspace", "cloud")
TEXTS = ("target", "workspace", "cloud", "model", "run", "digest", "status", "path", "type", "description", "promoted")
TYPES = ("custom_model", "mlflow_model", "triton_model")
"""Azure ML's kinds of models."""
OUTPUTS = ("model_id", "version", "uri", "registered")
OF_A_RUN = ("run", "digest", "status", "path")


class ModelVersionHandler:
    """Inputs: `target`, `workspace`, `cloud`, `model` (its name), `type`, `description`, `tags`; and of a run `run`
    (the attempt), `digest`, `status` and `path` in its outputs, or else `promoted`, which names a version elsewhere.

    The id is the model's name. Other inputs register another version in an update: former versions stay, since one of
    them may be live, and they stay when the resource is deleted. Outputs: the inputs, `model_id`, `version`, `uri`, and
    `registered`, which is a `ModelVersion` as a map; all are empty where a run that failed was kept as data.
    """

    def check(self, context: Context, inputs: Properties) -> tuple[Properties, list[Finding]]:
        findings = check_names(inputs, ("target", "workspace", "model"), (*TEXTS, "tags"))
        findings += check_texts(inputs, TEXTS)
        if findings:
            return inputs, findings
        if _is_known(inputs, "model") and (problem := azure_names.check_name("model", str(inputs["model"]))):
            findings.append(Finding("model", problem))
        kind = inputs.get("type")
        if isinstance(kind, str) and kind not in TYPES:
            findings.append(Finding("type", suggest.unknown(kind, TYPES, f"there is no type {kind!r} of models")))
        if _is_known(inputs, "path"):
            findings += [Finding("path", problem) for problem in [_path_problem(inputs["path"])] if problem]
        if _is_known(inputs, "promoted"):
            findings += _check_promoted(inputs)
        elif inputs.get("promoted") is None:
            findings += [
                Finding(name, f"{name!r} is missing: a model is of a run, or `promoted` from elsewhere")
                for name in OF_A_RUN
                if inputs.get(name) is None
            ]
        return inputs, findings

    def diff(self, context: Context, state: State, old: Properties, new: Properties) -> Difference:
        replaced = (*LOCATION[:2], "model")
        return Difference(compare(old, new, lambda name: Change.REPLACE if name in replaced else Change.UPDATE))

    def plan(self, context: Context, inputs: Properties, state: State | None) -> Properties:
        if inputs.get("promoted") is None and not has_unknown([inputs[name] for name in OF_A_RUN]):
            # The run is there and does not change, so whether it left the model is known now.
            record = _record(context, inputs)
            if record.status is Status.COMPLETED:
                registering.files_at(target_of(inputs, context.project), record, _path(inputs))
        return {**inputs, **dict.fromkeys(OUTPUTS, UNKNOWN)}

    def create(self, context: Context, inputs: Properties) -> State:
        version = self._registered(context, inputs)
        outputs = {"model_id": version.id, "version": version.version, "uri": version.uri}
        return State(str(inputs["model"]), {**inputs, **outputs, "registered": version.to_wire()})

    def update(self, context: Context, state: State, inputs: Properties) -> State:
        return self.create(context, inputs)

    def read(self, context: Context, state: State) -> State | None:
        return state  # versions do not change; whether one is still there is told when it is needed

    def delete(self, context: Context, state: State) -> None:
        """The versions stay: one may be live, and the runs that they are from stay as well."""

    def _registered(self, context: Context, inputs: Properties) -> ModelVersion:
        registration = Registration(
            str(inputs.get("type") or TYPES[0]), str(inputs.get("description") or ""), inputs.get("tags")
        )
        name, registry = str(inputs["model"]), registry_of(inputs, context.project, context.info, context.canceled)
        if inputs.get("promoted") is not None:
            reference = parse_reference(str(inputs["promoted"]))
            place = {**inputs, "workspace": reference.workspace}
            source = registry_of(place, context.project, context.info, context.canceled)
            return registering.take_over(registry, source, reference, name, registration, context.info)
        record = _record(context, inputs)
        if record.status is not Status.COMPLETED:
            context.warn(f"{record.name} is {record.status}, so nothing of it is registered as model {name}")
            return nothing(name)
        target = target_of(inputs, context.project)
        return registering.register(registry, target, record, name, _path(inputs), registration, context.info)


def _record(context: Context, inputs: Properties) -> Record:
    record = target_of(inputs, context.project).get(str(inputs["run"]))
    if record is None:
        raise ResourceError(f"there is no record of {inputs['run']} any more, which left the model: train it again")
    return record


def _path(inputs: Properties) -> str:
    return str(PurePosixPath(str(inputs["path"])))


def _path_problem(value: Any) -> str:
    path = PurePosixPath(str(value))
    if path.is_absolute() or ".." in path.parts or str(path) == ".":
        return f"{value!r} is no path in the outputs of a run: name the file or folder there, such as model.pkl"
    return ""


def _check_promoted(inputs: Properties) -> list[Finding]:
    given = [name for name in OF_A_RUN if inputs.get(name) is not None]
    if given:
        return [Finding("promoted", f"a model is promoted or of a run, and {', '.join(given)} is given as well")]
    try:
        reference: Reference = parse_reference(str(inputs["promoted"]))
    except ValueError as error:
        return [Finding("promoted", str(error))]
    is_of_azure = reference.workspace.startswith("/subscriptions/")
    if _is_known(inputs, "target") and is_of_azure is targets.is_on_this_machine(inputs["target"]):
        where = "in Azure" if is_of_azure else "on this machine"
        return [
            Finding("promoted", f"{reference} is {where}, and this stack is not: promote between stacks of one kind")
        ]
    return []


def _is_known(inputs: Properties, name: str) -> bool:
    return inputs.get(name) is not None and not isinstance(inputs[name], Unknown)
