"""The models and gates in a stack's settings."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import BeforeValidator, Field, model_validator

from trainup.core import suggest
from trainup.core.azure_names import check_name
from trainup.core.choices import OnFailure
from trainup.infra.run_settings import RunSettings
from trainup.infra.sections import RunName, Section, Text, judged


def _model_name(name: str) -> str | None:
    return check_name("model", name)


ModelName = Annotated[str, judged(_model_name)]


class RegisteredModelSettings(Section):
    """One entry of `trainup:models`: what a run left behind, or a version of another stack."""

    run: RunName | None = None
    """The run that leaves the model behind; another result of it is another version."""
    path: str | None = None
    """The file or folder among the run's outputs, such as `model.pkl`."""
    promoted: str | None = None
    """In the place of `run` and `path`: a version of another stack, as `trainup promote` writes it."""
    name: ModelName | None = None
    """Name in the registry. Defaults to the entry's name.

    Replaces: the model, whose former versions stay.
    """
    type: str | None = None
    """`custom_model` (default), `mlflow_model` or `triton_model`; Azure ML's kinds."""
    description: str | None = None
    """What the model is for."""
    tags: dict[str, Text] = Field(default_factory=dict)
    """Tags of the version."""

    @model_validator(mode="after")
    def _is_of_one_kind(self) -> "RegisteredModelSettings":
        if (self.run is None) == (self.promoted is None):
            shown = "both are" if self.run else "none is"
            raise ValueError(f"a model is of a `run`, or it is `promoted` from another stack; {shown} given")
        if self.run is not None and self.path is None:
            raise ValueError("`path` is missing: it names the file or folder among the run's outputs, as model.pkl")
        if self.run is None and self.path is not None:
            raise ValueError("`path` is for a `run`: what is promoted knows its files")
        return self


def _texts(value: object) -> object:
    return [value] if isinstance(value, str) else value


class GateSettings(Section):
    """One entry of `trainup:gates`: by which rules a model goes live."""

    model: str
    """Name of an entry of `trainup:models`, the candidate."""
    rules: Annotated[list[str], BeforeValidator(_texts, json_schema_input_type=list[str] | str)] = Field(min_length=1)
    """What it has to fulfil: `accuracy >= 0.97`, `accuracy better than live by 0.002`; a text or a list."""
    metrics_of: RunName | None = None
    """Another run, which evaluates the model on data of its own. Defaults to the run that trained it."""
    on_failure: OnFailure | None = None
    """`fail` (default): a candidate that does not pass fails `up`; `keep`: it is no failure. What is live stays."""

    @model_validator(mode="after")
    def _has_rules(self) -> "GateSettings":
        from trainup.core.gates import parse_rules  # most stacks have no gates

        if problems := [problem for _, problem in parse_rules(self.rules)[1]]:
            raise ValueError("; ".join(problems))
        return self


def problems_of(
    models: Mapping[str, RegisteredModelSettings], gates: Mapping[str, GateSettings], runs: Mapping[str, RunSettings]
) -> list[str]:
    """A problem for each unknown name, for models with one name in the registry, and for what would never be judged."""
    problems = []
    for name, model in models.items():
        if model.run is not None:
            problems += _run_problems(f"trainup:models.{name}.run", model.run, runs)
    names = {key: model.name or key for key, model in models.items()}
    problems += _doubles("models", names, "the name {} in the registry")
    for name, gate in gates.items():
        if gate.model not in models:
            sentence = suggest.unknown(gate.model, models, f"there is no {gate.model!r} in trainup:models")
            problems.append(f"trainup:gates.{name}.model: {sentence}")
        if gate.metrics_of is not None:
            problems += _run_problems(f"trainup:gates.{name}.metrics_of", gate.metrics_of, runs)
    return problems + _doubles("gates", {key: gate.model for key, gate in gates.items()}, "the model {}")


def _run_problems(place: str, name: str, runs: Mapping[str, RunSettings]) -> list[str]:
    if name not in runs:
        return [f"{place}: {suggest.unknown(name, runs, f'there is no run {name!r}')}"]
    if runs[name].wait is False:
        return [f"{place}: `up` does not wait for {name}, whose result is needed: leave its `wait` out"]
    return []


def _doubles(section: str, values: Mapping[str, str], what: str) -> list[str]:
    """A problem for each entry whose value another one has."""
    first: dict[str, str] = {}
    problems = []
    for key, value in values.items():
        other = first.setdefault(value, key)
        if other != key:
            problems.append(
                f"trainup:{section}.{key}: {other} has {what.format(value)} as well, and only one of them can: drop one"
            )
    return problems
