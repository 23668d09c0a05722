"""What the settings of every target are made of: the kinds of value, and the runs."""

import re
import shlex
from collections.abc import Callable, Sequence
from functools import partial
from typing import Annotated, Any, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, model_validator
from pydantic_core import PydanticCustomError

from trainup.core import written
from trainup.core.azure_names import check_name
from trainup.core.duration import parse_duration
from trainup.core.input_values import VARIABLE
from trainup.core.naming import check_run_name
from trainup.core.spec import (
    DistributionType,
    InputMode,
    OnDelete,
    OnFailure,
    OnInterrupt,
    OnPreemption,
    OutputMode,
    QueueTier,
)

UNSHOWN = "unshown"
"""Type of an error whose value must not be repeated: it is likely a password, or in the message already."""
UNPLACED = "unplaced"
"""Where a validation's context lists the numbers that became texts without anybody knowing how they were written."""


class Section(BaseModel):
    """A map in a stack's configuration; keys that it does not have are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class JudgedSection(Section):
    """A section that a resource judges as well, before anything is made of it."""

    def judged_inputs(self) -> dict[str, Any] | None:
        """The inputs of that resource, as far as the section tells them; None where none judges it."""
        return None


def keys_of(model: type[BaseModel], path: Sequence[str | int]) -> list[str]:
    """The keys of the section at a path below a model, whose other steps are names of the user's own."""
    kinds: list[Any] = [model]
    for step in path:
        below = [kind.model_fields[step].annotation for kind in kinds if step in getattr(kind, "model_fields", {})]
        kinds = [kind for annotation in below for kind in _models(annotation)] or kinds
    return [key for kind in kinds for key in kind.model_fields]


def _models(annotation: Any) -> list[type[BaseModel]]:
    """The sections in an annotation, however deep: `dict[str, Annotated[…]] | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models(part)]


def _words(value: Any) -> Any:
    return shlex.split(value) if isinstance(value, str) else value


def is_number(value: Any) -> bool:
    """Whether it is a number to YAML."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _text(value: Any, info: ValidationInfo) -> Any:
    """Texts may be written as YAML numbers, as in `[--epochs, 5]`, if they stay what was written."""
    if not is_number(value):
        return value
    if problem := written.problem(value):
        raise PydanticCustomError(UNSHOWN, "{problem}", {"problem": problem})
    if not written.is_placed(value) and info.context:
        info.context.setdefault(UNPLACED, []).append(str(value))
    return str(value)


def _length_of_time(value: Any) -> Any:
    text = str(value) if is_number(value) else value
    if isinstance(text, str):
        parse_duration(text)
    return text


SECRET_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,127}")
"""What a config secret is called."""


def _secret_name(value: Any) -> Any:
    """What is no name is likely the secret itself."""
    if isinstance(value, str) and not SECRET_NAME.fullmatch(value):
        raise PydanticCustomError(
            UNSHOWN,
            "this names a config secret, and what is given is no name: set the value itself with "
            "`pulumi config set --secret trainup:<name>`, and put the name here",
        )
    return value


def _by_variable(value: Any) -> Any:
    """The secrets of a run as variable → config secret; what is wrong with them is told without repeating it."""
    if isinstance(value, list):
        value = {name if isinstance(name, str) else index: name for index, name in enumerate(value)}
    if not isinstance(value, dict):
        return value
    wrong = [
        str(number)
        for number, (variable, name) in enumerate(value.items(), 1)
        if not (isinstance(variable, str) and VARIABLE.fullmatch(variable))
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


def judged(judge: Callable[[str], str | None]) -> BeforeValidator:
    """A rule of `core` as a kind of setting: `judge` returns what is wrong with a text, or None."""

    def validate(value: Any) -> Any:
        if isinstance(value, str) and (problem := judge(value)):
            raise ValueError(problem)
        return value

    return BeforeValidator(validate)


Text = Annotated[str, BeforeValidator(_text, json_schema_input_type=str | int | float)]
Words = Annotated[list[Text], BeforeValidator(_words, json_schema_input_type=list[Text] | str)]
RunName = Annotated[str, judged(check_run_name)]
DataName = Annotated[str, judged(partial(check_name, "data"))]
LengthOfTime = Annotated[str, BeforeValidator(_length_of_time, json_schema_input_type=str | int | float)]
SecretName = Annotated[str, BeforeValidator(_secret_name)]


class DistributionSettings(Section):
    """`distribution` of a run."""

    type: DistributionType = DistributionType.PYTORCH
    process_count_per_node: int | None = Field(default=None, ge=1)
    worker_count: int | None = Field(default=None, ge=1)
    parameter_server_count: int | None = Field(default=None, ge=0)


class InputSettings(Section):
    """One entry of a run's `inputs`: data of the stack, the outputs of another run, anything with a version, a text."""

    data: str | None = None
    """Name of an entry of `trainup:data`."""
    run: RunName | None = None
    """Name of another run, which completes first."""
    uri: str | None = None
    """Where it lies; then `version` says what it is."""
    version: Text | None = None
    value: Text | None = None
    """The input itself, a text or a number."""
    path: str | None = None
    """The part of it that is meant; all of it when not given."""
    type: str | None = None
    """What kind of data Azure ML takes it for: `uri_folder` (the default), `uri_file` …"""
    mode: InputMode | None = None

    @model_validator(mode="after")
    def _has_one_source(self) -> "InputSettings":
        given = [name for name in ("data", "run", "uri", "value") if getattr(self, name) is not None]
        if len(given) != 1:
            found = ", ".join(given) or "none"
            raise ValueError(f"an input is one of `data`, `run`, `uri` and `value`; given: {found}")
        if (self.uri is None) != (self.version is None):
            raise ValueError("`uri` and `version` go together: anything new in `version` trains again")
        return self


class OutputSettings(Section):
    """One entry of a run's `outputs`."""

    mode: OutputMode | None = None
    uri: str | None = None
    type: str | None = None


def _data_by_name(value: Any) -> Any:
    return {"data": value} if isinstance(value, str) else value


def _outputs_by_name(value: Any) -> Any:
    if isinstance(value, list):
        return {str(name): {} for name in value}
    return {name: item or {} for name, item in value.items()} if isinstance(value, dict) else value


Outputs = dict[str, OutputSettings | None] | list[str]
"""As they may be written: by name, with nothing more to say of them, or as a list of names."""


class RunSettings(Section):
    """One entry of `trainup:runs`."""

    job: str | None = None
    """A job file of Azure ML's CLI v2 that says what runs, instead of the keys below."""
    source: str | None = None
    script: str | None = None
    arguments: Words | None = None
    command: Words | None = None
    environment_variables: dict[str, str] | None = None
    secrets: (
        Annotated[dict[str, str], BeforeValidator(_by_variable, json_schema_input_type=dict[str, str] | list[str])]
        | None
    ) = None
    """Environment variables of the run by the names of the config secrets that they hold; a list where both names are
    the same."""
    inputs: (
        dict[str, Annotated[InputSettings, BeforeValidator(_data_by_name, json_schema_input_type=InputSettings | str)]]
        | None
    ) = None
    """Data that the command takes as `${{inputs.name}}`."""
    outputs: (
        Annotated[dict[str, OutputSettings], BeforeValidator(_outputs_by_name, json_schema_input_type=Outputs)] | None
    ) = None
    after: list[RunName] | None = None
    distribution: DistributionSettings | None = None
    nodes: int | None = Field(default=None, ge=1)
    size: str | None = None
    shm_size: str | None = None
    identity: str | None = None
    queue_tier: QueueTier | None = None
    node_price: float | None = Field(default=None, ge=0)
    rerun: Text | None = None
    allow_secrets: list[str] | None = None
    display_name: str | None = None
    description: str | None = None
    experiment_name: str | None = None
    tags: dict[str, str] | None = None
    timeout: LengthOfTime | None = None
    queue_timeout: LengthOfTime | None = None
    retries: int | None = Field(default=None, ge=0)
    wait: bool | None = None
    on_failure: OnFailure | None = None
    on_interrupt: OnInterrupt | None = None
    on_preemption: OnPreemption | None = None
    on_delete: OnDelete | None = None

    @property
    def upstream(self) -> list[str]:
        """The runs that have to complete first, each once."""
        taken = [item.run for item in (self.inputs or {}).values() if item.run]
        return list(dict.fromkeys([*(self.after or ()), *taken]))


def maps(section: Any) -> list[tuple[str, dict[str, Any]]]:
    """The entries of a section that are maps themselves, as far as it is one."""
    return [item for item in section.items() if isinstance(item[1], dict)] if isinstance(section, dict) else []
