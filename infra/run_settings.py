"""The runs in a stack's settings: the keys are those of `core/run_keys.py`, as a stack file writes them."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from pydantic import BeforeValidator, ConfigDict, Field, ValidationInfo, create_model, model_validator
from pydantic_core import PydanticCustomError

from trainup.core import input_values as kinds
from trainup.core.choices import DistributionType, InputMode, OutputMode
from trainup.core.run_keys import KEYS
from trainup.infra.sections import SECRET_NAME, UNSHOWN, LengthOfTime, RunName, Section, Text, Words
from trainup.infra.sweep_settings import SweepSettings

Model = TypeVar("Model", bound=Section)


def _by_expression(value: Any) -> Any:
    return {"expression": value} if isinstance(value, str) else value


def _by_variable(value: Any) -> Any:
    """The secrets of a run as variable → config secret. Errors do not repeat the value: it may be the secret itself."""
    if isinstance(value, list):
        value = {name if isinstance(name, str) else index: name for index, name in enumerate(value)}
    if not isinstance(value, dict):
        return value
    wrong = [
        str(number)
        for number, (variable, name) in enumerate(value.items(), 1)
        if not (isinstance(variable, str) and kinds.VARIABLE.fullmatch(variable))
        or not (isinstance(name, str) and SECRET_NAME.fullmatch(name))
    ]
    if wrong:
        raise PydanticCustomError(
            UNSHOWN,
            f"number {', '.join(wrong)} of the list is not shown, for it may be the secret itself. A name here becomes "
            "a variable of the run, so it has letters, digits and underscores, and does not begin with a digit; where "
            "the config secret is called otherwise, say which variable it becomes: `secrets: {MY_TOKEN: my-token}`. "
            "The value itself is set with `pulumi config set --secret trainup:<name>`",
        )
    return value


class DistributionSettings(Section):
    """`distribution` of a run."""

    type: DistributionType = DistributionType.PYTORCH
    """How the processes find each other; on this machine `pytorch` alone.

    Replaces: the run.
    """
    process_count_per_node: int | None = Field(default=None, ge=1)
    """Processes on each node; of `pytorch` and `mpi`.

    Replaces: the run.
    """
    worker_count: int | None = Field(default=None, ge=1)
    """Workers of `tensorflow`. Defaults to the nodes.

    Replaces: the run.
    """
    parameter_server_count: int | None = Field(default=None, ge=0)
    """Parameter servers of `tensorflow`. Defaults to none.

    Replaces: the run.
    """


class ScheduleSettings(Section):
    """`schedule` of a run, in the words of Azure ML."""

    expression: str
    """Cron expression with five fields: minute, hour, day of the month, month, day of the week. On Azure the third and
    the fourth are `*`, for Azure ML ignores them."""
    time_zone: str | None = None
    """`UTC` (default), or a name of the IANA database such as Europe/Berlin."""
    start_time: str | None = None
    """Nothing trains by the schedule before this time, such as '2026-12-24T18:00:00', in `time_zone`. It is in quotes,
    for YAML takes it for a date."""
    end_time: str | None = None
    """Nothing trains by the schedule after this time, in `time_zone`."""


class InputSettings(Section):
    """One entry of a run's `inputs`: data of the stack, outputs of another run, any URI with a version, or a text."""

    data: str | None = None
    """Name of an entry of `trainup:data`.

    Replaces: the run.
    """
    run: RunName | None = None
    """Name of another run, which completes first; its outputs are the input.

    Replaces: the run.
    """
    gate: RunName | None = None
    """Name of a gate: the model that is live is the input; another one that goes live trains or scores again.

    Replaces: the run.
    """
    uri: str | None = None
    """Where it lies; then `version` says what it is.

    Replaces: the run.
    """
    version: Text | None = None
    """What lies at `uri`; anything new here trains again.

    Replaces: the run.
    """
    value: Text | None = None
    """The input itself, a text or a number.

    Replaces: the run.
    """
    path: str | None = None
    """The part of it that the run uses; defaults to all of it.

    Replaces: the run.
    """
    type: str | None = None
    """What kind of data Azure ML takes it for: `uri_folder` (the default), `uri_file` …

    Replaces: the run.
    """
    mode: InputMode | None = None
    """How it gets to the nodes: `ro_mount` (default), `download`, `direct` … On this machine it is used where it lies.

    Replaces: the run.
    """

    @model_validator(mode="after")
    def _is_of_one_kind(self) -> "InputSettings":
        names = [name for name in ("data", "run", "gate", "uri", "value") if getattr(self, name) is not None]
        if len(names) != 1:
            shown = ", ".join(names) or "none"
            raise ValueError(f"an input is one of `data`, `run`, `gate`, `uri` and `value`; given: {shown}")
        if (self.uri is None) != (self.version is None):
            raise ValueError("`uri` and `version` go together: anything new in `version` trains again")
        return self


class OutputSettings(Section):
    """One entry of a run's `outputs`."""

    mode: OutputMode | None = None
    """How it gets to its place: `rw_mount` (default), `upload` at the end, or `direct`.

    Replaces: the run.
    """
    uri: str | None = None
    """Where it goes. Defaults to the workspace's datastore.

    Replaces: the run.
    """
    type: str | None = None
    """What kind of data it becomes: `uri_folder` (default), `mlflow_model` …

    Replaces: the run.
    """


def _data_by_name(value: Any) -> Any:
    return {"data": value} if isinstance(value, str) else value


def _outputs_by_name(value: Any) -> Any:
    if isinstance(value, list):
        return {str(name): {} for name in value}
    return {name: item or {} for name, item in value.items()} if isinstance(value, dict) else value


Outputs = dict[str, OutputSettings | None] | list[str]
"""Outputs by name, with or without settings of their own, or a list of names."""


FORMS: Mapping[Callable[[Any], Any], Any] = {
    kinds.command: Words,
    kinds.duration: LengthOfTime,
    kinds.filled: str,
    kinds.flag: bool,
    kinds.identity: str,
    kinds.plain_variables: dict[str, str],
    kinds.price: Annotated[float, Field(ge=0)],
    kinds.script: str,
    kinds.shm_size: str,
    kinds.tags: dict[str, str],
    kinds.text: str,
    kinds.words: Words,
}
"""Parser of a key → its type in a stack file, where the parser alone determines it."""


def form_of(name: str, parse: Callable[[Any], Any]) -> Any:
    """The type of a key in a stack file. Raises TypeError where none is declared."""
    if isinstance(parse, kinds.Whole):
        return Annotated[int, Field(ge=parse.low)]
    if isinstance(parse, kinds.Choice):
        return parse.kind
    if parse not in FORMS:
        raise TypeError(
            f"the key {name} of a run has a kind of value that no stack file can write yet: say how in FORMS "
            "(infra/run_settings.py), or declare the key in RunSettings where it has a form of its own"
        )
    return FORMS[parse]


def with_keys(model: type[Model]) -> type[Model]:
    """The model with a field added for each key of a run that it does not declare itself."""
    remaining = {name: key for name, key in KEYS.items() if key.in_stack and name not in model.model_fields}
    added: dict[str, Any] = {name: (form_of(name, key.parse) | None, None) for name, key in remaining.items()}
    return create_model(model.__name__, __base__=model, __module__=model.__module__, __doc__=model.__doc__, **added)


@with_keys
class RunSettings(Section):
    """One entry of `trainup:runs`."""

    model_config = ConfigDict(defer_build=True)  # only the model that `with_keys` returns is used

    # Only keys with a type of their own in stack files are declared here; `with_keys` adds the others.
    if TYPE_CHECKING:  # keys added by `with_keys` that the program reads
        job: str | None = None
        source: str | None = None
        score: str | None = None
        nodes: int | None = None
        wait: bool | None = None
    secrets: (
        Annotated[dict[str, str], BeforeValidator(_by_variable, json_schema_input_type=dict[str, str] | list[str])]
        | None
    ) = Field(
        default=None,
        description="Environment variables of the run by the names of the config secrets that they hold; a list where "
        "both names are the same.",
    )
    inputs: (
        dict[str, Annotated[InputSettings, BeforeValidator(_data_by_name, json_schema_input_type=InputSettings | str)]]
        | None
    ) = Field(default=None, description="Data that the command takes as `${{inputs.name}}`.")
    outputs: (
        Annotated[dict[str, OutputSettings], BeforeValidator(_outputs_by_name, json_schema_input_type=Outputs)] | None
    ) = None
    after: list[RunName] | None = Field(
        default=None, description="Runs that have to complete first; when they change, this one trains again."
    )
    sweep: SweepSettings | None = None
    """Tries the points of a search space, a trial for each, and finds the best, in the words of Azure ML's sweep jobs.
    The command takes `${{search_space.name}}`.

    Replaces: nothing; new points train, and trials are given up whose points are not declared any more.
    Costs: what the run costs, for each trial.
    """
    distribution: DistributionSettings | None = None
    schedule: (
        Annotated[ScheduleSettings, BeforeValidator(_by_expression, json_schema_input_type=ScheduleSettings | str)]
        | None
    ) = None
    """When the run trains again with the same inputs: a cron expression, or more than that.

    Replaces: nothing; what has trained stays.
    Costs: what the run costs, each time.
    """
    rerun: Text | None = None
    allow_secrets: list[str] | None = None

    @model_validator(mode="before")
    @classmethod
    def _take_sweep_of_job_file(cls, value: Any, info: ValidationInfo) -> Any:
        """A run whose job file is a sweep job is a sweep."""
        job = value.get("job") if isinstance(value, dict) else None
        if not isinstance(job, str) or value.get("sweep") is not None or not info.context:
            return value
        from trainup.core.job_files.reading import read  # most stacks have no job files

        definition, _ = read(info.context["root"], job)
        return {**value, "sweep": definition["sweep"]} if "sweep" in definition else value

    @property
    def gates(self) -> list[str]:
        """The names of the gates whose live models are inputs."""
        return [item.gate for item in (self.inputs or {}).values() if item.gate]

    @property
    def trials_at_once(self) -> int:
        """How many trials run at a time at most; 1 for a run without `sweep`, or with a wrong one."""
        if self.sweep is None:
            return 1
        from trainup.core.sweeps.parsing import parse_sweep  # most stacks have no sweeps

        sweep, _ = parse_sweep(self.sweep)
        return 1 if sweep is None else sweep.concurrent

    @property
    def upstream(self) -> list[str]:
        """The names of the runs that have to complete first, without duplicates."""
        input_runs = [item.run for item in (self.inputs or {}).values() if item.run]
        return list(dict.fromkeys([*(self.after or ()), *input_runs]))
