"""How a key of a run is declared: once, with all that settings, components, provider, schema and documents need.

The declarations themselves are in `core/run_keys.py`.
"""

from collections.abc import Callable, Iterable
from dataclasses import Field, dataclass, field, fields, replace
from enum import StrEnum
from typing import Any, TypeVar, cast

Parsed = TypeVar("Parsed")
Default = TypeVar("Default")


class Role(StrEnum):
    """What happens to a run when the value of a key changes."""

    LOCATION = "location"
    """It is another run, whose record is kept elsewhere."""
    IDENTITY = "identity"
    """The run trains again: the value is in the digest."""
    POLICY = "policy"
    """The run is updated in place."""


@dataclass(frozen=True, kw_only=True)
class RunKey:
    """Everything about a key except its type and default, which are those of its field."""

    role: Role
    parse: Callable[[Any], Any]
    """Returns the value for the spec, or raises `input_values.Invalid` with the reason."""
    doc: str
    """What it means, with its default; the docstring of the component's argument."""
    local: str
    """What it does on this machine; empty if it does nothing there."""
    azure: str
    """What it does on Azure."""
    argument: str
    """Name of the component's argument."""
    in_stack: bool
    """Whether users set it in `trainup:runs`; the platform sets the others."""
    in_job_file: bool
    """Whether a job file can set it. Beside a job file, an identity key is refused, and a policy key wins."""
    required: str
    """Why every run needs it; empty if it is optional."""


def key(
    role: Role,
    parse: Callable[[Any], Parsed],
    default: Default,
    doc: str,
    *,
    local: str,
    azure: str,
    argument: str = "",
    in_stack: bool = True,
    in_job_file: bool = False,
    required: str = "",
) -> Parsed | Default:
    """A dataclass field that declares a key. Type checkers compare parser and default with the field's type."""
    declared = RunKey(
        role=role,
        parse=parse,
        doc=doc,
        local=local,
        azure=azure,
        argument=argument,
        in_stack=in_stack,
        in_job_file=in_job_file,
        required=required,
    )
    metadata = {"key": declared, "identity": role is Role.IDENTITY}
    if isinstance(default, dict):
        return cast(Default, field(default_factory=default.copy, metadata=metadata))
    return field(default=default, metadata=metadata)


def keys_of(declaring_class: type) -> dict[str, RunKey]:
    """Name → declaration, for the keys that a dataclass declares."""
    items: Iterable[Field[Any]] = fields(declaring_class)
    keys = {item.name: item.metadata["key"] for item in items if "key" in item.metadata}
    return {name: replace(one, argument=one.argument or name) for name, one in keys.items()}
