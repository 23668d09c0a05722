"""Checks and defaults for the arguments of components. An optional argument that is None counts as missing."""

from collections.abc import Collection, Mapping
from typing import Any, TypeVar

import pulumi

from trainup.core import suggest

Value = TypeVar("Value")


def check(
    component: pulumi.ComponentResource, args: Mapping[str, Any], args_type: type, may_be_empty: Collection[str] = ()
) -> None:
    """Refuse unknown arguments, missing ones that the `TypedDict` requires, and empty texts for optional ones.

    `may_be_empty` lists optional arguments whose text may be empty. A type checker finds unknown and missing arguments
    too, but not everybody uses one. Raises RunError with all problems.
    """
    problems = problems_of(args, args_type)
    problems += [
        f"{name} is empty: leave it out or give it a value"
        for name in args_type.__optional_keys__ - {*may_be_empty}  # type: ignore[attr-defined]
        if isinstance(value := args.get(name), str) and not value.strip()
    ]
    if problems:
        raise pulumi.RunError(_sentence(component, problems))


def problems_of(args: Mapping[str, Any], args_type: type) -> list[str]:
    """A problem for each argument that the `TypedDict` of a component does not declare, or requires but is missing."""
    required = args_type.__required_keys__  # type: ignore[attr-defined]
    names = [*args_type.__annotations__]
    problems = [f"{name}: {suggest.unknown(name, names, 'there is no such argument')}" for name in {*args} - {*names}]
    return problems + [f"{name} is missing" for name in names if name in required and args.get(name) is None]


def require(component: pulumi.ComponentResource, args: Mapping[str, Any], names: tuple[str, ...], reason: str) -> None:
    """Raise RunError where arguments are missing that another one requires; `reason` ends the sentence about it."""
    problems = [f"{name} is missing, and {reason}" for name in names if args.get(name) is None]
    if problems:
        raise pulumi.RunError(_sentence(component, problems))


def value_or(value: Value | None, default: Value) -> Value:
    """The value, or the default where it is None."""
    return default if value is None else value


def _sentence(component: pulumi.ComponentResource, problems: list[str]) -> str:
    return "\n".join(f"{type(component).__name__} {component._name}: {problem}" for problem in sorted(problems))
