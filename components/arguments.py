"""What every component does with its arguments before it uses them. An optional one that is None was not given."""

from collections.abc import Collection, Mapping
from typing import Any, TypeVar

import pulumi

from trainup.core import suggest

Value = TypeVar("Value")


def check(
    component: pulumi.ComponentResource, args: Mapping[str, Any], args_type: type, may_be_empty: Collection[str] = ()
) -> None:
    """Refuse arguments that the component's `TypedDict` does not declare, the lack of those that it requires, and
    empty texts for optional ones, but for those that may be empty.

    Type checkers find the first two before anything runs; not everybody has one. RunError with all that was found.
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
    """What is wrong with arguments by a component's `TypedDict`: names it does not have, and those that are missing."""
    required = args_type.__required_keys__  # type: ignore[attr-defined]
    names = [*args_type.__annotations__]
    problems = [f"{name}: {suggest.unknown(name, names, 'there is no such argument')}" for name in {*args} - {*names}]
    return problems + [f"{name} is missing" for name in names if name in required and args.get(name) is None]


def require(component: pulumi.ComponentResource, args: Mapping[str, Any], names: tuple[str, ...], reason: str) -> None:
    """Refuse the lack of arguments that another one asks for: `reason` is the end of a sentence. RunError."""
    problems = [f"{name} is missing, and {reason}" for name in names if args.get(name) is None]
    if problems:
        raise pulumi.RunError(_sentence(component, problems))


def value_or(value: Value | None, default: Value) -> Value:
    """The value, unless nobody gave one."""
    return default if value is None else value


def _sentence(component: pulumi.ComponentResource, problems: list[str]) -> str:
    return "\n".join(f"{type(component).__name__} {component._name}: {problem}" for problem in sorted(problems))
