"""How facts are put into words: amounts, lists, values of settings."""

from collections.abc import Sequence
from typing import Any

from trainup.core.values import Secret, Unknown

LONGEST_VALUE = 60
"""Characters of a value that are shown."""
HIDDEN = "***"
"""In place of what is a secret, or looks like one."""


def size(count: int) -> str:
    """`512 B`, `34.5 KB`, `1.2 GB`; 1 KB is 1,024 B."""
    if count < 1024:
        return f"{count} B"
    amount = float(count)
    for unit in ("KB", "MB", "GB"):
        amount /= 1024
        if amount < 1000 or unit == "GB":
            return f"{amount:,.1f} {unit}"
    return ""


def amount(count: int, noun: str) -> str:
    """`1 file`, `2,400 files`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def listed(texts: Sequence[str], most: int, separator: str = ", ") -> str:
    """The first texts, and how many more there are."""
    more = len(texts) - most
    return separator.join([*texts[:most], *([f"and {more:,} more"] if more > 0 else [])])


def clipped(text: str) -> str:
    """The text in one line, without its end where it is long."""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_VALUE else f"{line[: LONGEST_VALUE - 1]}…"


def shown(value: Any) -> str:
    """A value of a setting, for people."""
    if value is None or value == {} or value == []:
        return "none"
    if isinstance(value, Unknown):
        return "(known later)"
    if isinstance(value, Secret):
        return HIDDEN
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, dict):
        return clipped(", ".join(f"{key}={shown(item)}" for key, item in sorted(value.items())))
    if isinstance(value, (list, tuple)):
        return clipped(" ".join(shown(item) for item in value))
    return clipped(str(value)) or "''"


def from_to(before: Any, now: Any) -> str:
    """`3 → 5`."""
    return f"{shown(before)} → {shown(now)}"
