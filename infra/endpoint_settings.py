"""The endpoints in a stack's settings: what is the same on every target."""

from collections.abc import Collection, Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from trainup.core import suggest
from trainup.core.azure_names import check_name
from trainup.core.values import UNKNOWN_TEXT
from trainup.infra.sections import LengthOfTime, RunName, Section, Text, judged


def _endpoint_name(name: str) -> str | None:
    return check_name("endpoint", name)


EndpointName = Annotated[str, judged(_endpoint_name)]


class ModelSettings(Section):
    """`model` of an endpoint: what a gate says is live, outputs of a run, or any address with a version."""

    gate: RunName | None = None
    """Name of a gate, whose live version is served with the image that it was trained in."""
    run: RunName | None = None
    """Name of a run, whose outputs are the model; another result of it is deployed anew."""
    uri: str | None = None
    """Where the model lies; then `version` says what it is. Whoever can write there decides what the server runs."""
    version: Text | None = None
    """What lies at `uri`; anything new here is deployed anew."""
    path: str | None = None
    """The part of it that is the model, such as `model.pkl`; defaults to all of it."""

    @model_validator(mode="after")
    def _is_of_one_kind(self) -> "ModelSettings":
        if len([one for one in (self.gate, self.run, self.uri) if one is not None]) != 1:
            raise ValueError("a model is one of `gate`, `run` and `uri`")
        if self.gate is not None and self.path is not None:
            raise ValueError("`path` is for a `run` or a `uri`: what a gate lets through knows its files")
        if (self.uri is None) != (self.version is None):
            raise ValueError("`uri` and `version` go together: anything new in `version` is deployed anew")
        return self


def _run_by_name(value: Any) -> Any:
    return {"run": value} if isinstance(value, str) else value


class EndpointSettings(Section):
    """One entry of `trainup:endpoints`."""

    source: str
    """Folder of the entry script, relative to Pulumi.yaml; its content is part of the deployment."""
    script: str | None = None
    """The entry script in `source`, with `init()` and `run()`; `score.py` when not given."""
    samples: str | None = None
    """Folder in `source` with requests (`NAME.json`) and answers (`NAME.expected.json`), which a deployment has to give
    before it serves; `samples` when not given."""
    model: (
        Annotated[ModelSettings, BeforeValidator(_run_by_name, json_schema_input_type=ModelSettings | str)] | None
    ) = None
    """What the script finds in `AZUREML_MODEL_DIR`: the name of a run, or more than that; none when not given."""
    environment_variables: dict[str, str] | None = None
    """Variables of the server."""
    request_timeout: LengthOfTime | None = None
    """How long one request may take, at most 180s; 5s when not given."""
    instance_count: int | None = Field(default=None, ge=1, le=50)
    """How many instances serve, or processes on this machine; 1 when not given.

    Costs: the price of the instances, day and night, on Azure.
    """
    allow_secrets: list[str] | None = None
    """Files (`path` or `path:line`) of the source that only look as if they held a secret."""

    def judged_inputs(self, name: str, target: str) -> dict[str, Any]:
        """The inputs of the endpoint, as far as the settings have them, for the provider's check."""
        inputs = self.model_dump(mode="json", exclude_none=True, exclude={"model"})
        if self.model:
            path = {"path": self.model.path} if self.model.path else {}
            inputs["model"] = {"uri": UNKNOWN_TEXT, "digest": UNKNOWN_TEXT, **path}
        return {"target": target, "name": name, "workspace": UNKNOWN_TEXT, "image": UNKNOWN_TEXT, **inputs}


def problems_of(
    endpoints: Mapping[str, EndpointSettings], runs: Mapping[str, Any], gates: Collection[str]
) -> list[str]:
    """A problem for each gate or run that an endpoint names and that is not there, or does not end within `up`."""
    problems = []
    for name, endpoint in endpoints.items():
        gate = endpoint.model.gate if endpoint.model else None
        if gate and gate not in gates:
            sentence = suggest.unknown(gate, gates, f"there is no {gate!r} in trainup:gates")
            problems.append(f"trainup:endpoints.{name}.model.gate: {sentence}")
        run = endpoint.model.run if endpoint.model else None
        at = f"trainup:endpoints.{name}.model.run"
        if run and run not in runs:
            problems.append(f"{at}: {suggest.unknown(run, runs, f'there is no run {run!r}')}")
        elif run and runs[run].wait is False:
            problems.append(f"trainup:runs.{run}.wait: endpoint {name} serves what it leaves behind: leave `wait` out")
    return problems
