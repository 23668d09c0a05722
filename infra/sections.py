"""The base of all settings: sections, and the types of values that every target uses."""

import re
import shlex
from collections.abc import Callable, Sequence
from functools import partial
from typing import Annotated, Any, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationInfo
from pydantic_core import PydanticCustomError

from trainup.core import written
from trainup.core.azure_names import check_name
from trainup.core.duration import parse_duration
from trainup.core.naming import check_run_name

UNSHOWN = "unshown"
"""The type of errors whose value must not be shown: it may be a password, or the message shows it already."""
UNPLACED = "unplaced"
"""The key of a validation's context with the numbers that became texts, but whose original spelling is unknown."""


class Section(BaseModel):
    """A map in a stack's configuration; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class JudgedSection(Section):
    """A section that the provider checks as well, as inputs of a resource, before anything is created."""

    def judged_inputs(self) -> dict[str, Any] | None:
        """The inputs of that resource, as far as the section has them; None where no resource checks it."""
        return None


def keys_of(model: type[BaseModel], path: Sequence[str | int]) -> list[str]:
    """The keys of the section at a path below a model; steps that are no field are names that users choose."""
    kinds: list[Any] = [model]
    for step in path:
        below = [kind.model_fields[step].annotation for kind in kinds if step in getattr(kind, "model_fields", {})]
        kinds = [kind for annotation in below for kind in models_in(annotation)] or kinds
    return [key for kind in kinds for key in kind.model_fields]


def models_in(annotation: Any) -> list[type[BaseModel]]:
    """The sections in an annotation, however deep: `dict[str, Annotated[…]] | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in models_in(part)]


def _words(value: Any) -> Any:
    return shlex.split(value) if isinstance(value, str) else value


def is_number(value: Any) -> bool:
    """Whether YAML has read the value as a number."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _text(value: Any, info: ValidationInfo) -> Any:
    """Accept a YAML number as a text, as in `[--epochs, 5]`, if its text is what was written."""
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
"""The names that a config secret can have."""


def _secret_name(value: Any) -> Any:
    """Refuse what is no name of a config secret, without showing it: it may be the secret itself."""
    if isinstance(value, str) and not SECRET_NAME.fullmatch(value):
        raise PydanticCustomError(
            UNSHOWN,
            "this names a config secret, and what is given is no name: set the value itself with "
            "`pulumi config set --secret trainup:<name>`, and put the name here",
        )
    return value


def judged(judge: Callable[[str], str | None]) -> BeforeValidator:
    """A validator from a rule of `core`: `judge` returns what is wrong with a text, or None."""

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


def maps(section: Any) -> list[tuple[str, dict[str, Any]]]:
    """The entries of a section whose values are maps; none where the section is no map."""
    return [item for item in section.items() if isinstance(item[1], dict)] if isinstance(section, dict) else []
