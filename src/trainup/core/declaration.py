"""How a key of a run is declared: once, with all that settings, components, provider, schema and documents need of it.

The declarations themselves are in `core/run_keys.py`.
"""

from collections.abc import Callable, Iterable
from dataclasses import Field, dataclass, field, fields, replace
from enum import StrEnum
from typing import Any, TypeVar, cast

Parsed = TypeVar("Parsed")
Default = TypeVar("Default")


class Role(StrEnum):
    """What another value means for a run."""

    PLACE = "place"
    """It is another run, with a record of its own."""
    IDENTITY = "identity"
    """The run trains again: the value is in the digest."""
    POLICY = "policy"
    """The run is changed in place."""


@dataclass(frozen=True, kw_only=True)
class RunKey:
    """All there is to know of a key, but for its type and default, which its field has."""

    role: Role
    parse: Callable[[Any], Any]
    """Returns the value as the spec has it; `input_values.Invalid` with the reason why it cannot."""
    doc: str
    """What it means, with its default; the docstring of the component's argument."""
    local: str
    """What it does on this machine; empty where it does nothing."""
    azure: str
    """What it does on Azure."""
    argument: str
    """What the argument of the component is called."""
    in_stack: bool
    """Whether it is a key of `trainup:runs`; the others are known to the platform."""
    in_job_file: bool
    """Whether a job file says it too: identity may not be given beside it then, and policy beside it wins."""
    required: str
    """Why every run needs it; empty for one that may be left out."""


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
    """A field of a dataclass that declares a key; a type checker holds parser and default against the field's type."""
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


def keys_of(declared: type) -> dict[str, RunKey]:
    """The keys that a dataclass declares, by name."""
    items: Iterable[Field[Any]] = fields(declared)
    found = {item.name: item.metadata["key"] for item in items if "key" in item.metadata}
    return {name: replace(one, argument=one.argument or name) for name, one in found.items()}
