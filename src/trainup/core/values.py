"""Values that are not plain JSON: unknown ones and secrets."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final


class Unknown:
    """A value that a preview cannot know. There is one, `UNKNOWN`; it is never hashed and never compared as text."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = Unknown()


@dataclass(frozen=True, repr=False)
class Secret:
    """A value that must not reach logs, state in clear, process arguments or uploads."""

    value: Any

    def __repr__(self) -> str:
        return "Secret(***)"


def contains(value: Any, predicate: Callable[[Any], bool]) -> bool:
    """Whether `predicate` holds for the value or for anything nested in it."""
    if predicate(value):
        return True
    if isinstance(value, Secret):
        return contains(value.value, predicate)
    if isinstance(value, dict):
        return any(contains(item, predicate) for item in value.values())
    if isinstance(value, (list, tuple)):
        return any(contains(item, predicate) for item in value)
    return False


def has_unknown(value: Any) -> bool:
    """Whether any part of the value is unknown."""
    return contains(value, lambda item: isinstance(item, Unknown))


def has_secret(value: Any) -> bool:
    """Whether any part of the value is secret."""
    return contains(value, lambda item: isinstance(item, Secret))


def reveal(value: Any) -> Any:
    """The value with every secret in clear, for the one place that hands it to the run."""
    if isinstance(value, Secret):
        return reveal(value.value)
    if isinstance(value, dict):
        return {key: reveal(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [reveal(item) for item in value]
    return value
