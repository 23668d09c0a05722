"""Values that are not plain JSON: unknown ones and secrets."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

UNKNOWN_TEXT = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
UNKNOWN_TEXTS = frozenset(
    {
        UNKNOWN_TEXT,
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",  # bool
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",  # number
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",  # array
        "030794c1-ac77-496b-92df-f27374a8bd58",  # asset
        "e48ece36-62e2-4504-bad9-02848725956a",  # archive
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",  # object
    }
)
"""The engine's sentinels for a value that is not known yet, one per type."""


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
    if value is None or isinstance(value, (str, int, float)):  # as most are
        return False
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
