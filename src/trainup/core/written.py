"""Numbers that remember how they were written, because as a text they may be another one: `1.10`, `00123`, `1e-3`."""

from collections.abc import Callable
from typing import Any

EXACT = 2**53
"""Up to here every whole number is its own; beyond, a file's reader may have rounded it."""

Written = Callable[[], str | None]
"""Asks for what stands in the file; None where nobody knows."""


class WrittenInt(int):
    """A whole number from a file."""

    written: Written

    def __new__(cls, value: int, written: Written) -> "WrittenInt":
        """The number, and where to ask for its text."""
        made = super().__new__(cls, value)
        made.written = written
        return made


class WrittenFloat(float):
    """A number from a file."""

    written: Written

    def __new__(cls, value: float, written: Written) -> "WrittenFloat":
        """The number, and where to ask for its text."""
        made = super().__new__(cls, value)
        made.written = written
        return made


class WrittenOther:
    """What is neither text nor number to a file's reader, and no value of ours: a boolean, a date."""

    def __init__(self, value: Any, text: str) -> None:
        self.value, self._text = value, text

    def written(self) -> str:
        """What stands in the file."""
        return self._text

    def __str__(self) -> str:
        return str(self.value)

    def __repr__(self) -> str:
        return self._text


def remember(value: Any, written: Written) -> Any:
    """The value, and with it, if it is a number, where to ask for its text."""
    if isinstance(value, int) and not isinstance(value, bool):
        return WrittenInt(value, written)
    return WrittenFloat(value, written) if isinstance(value, float) else value


def shown(value: Any) -> str:
    """The value as its author knows it."""
    if value is None:
        return "null"
    text = value.written() if isinstance(value, (WrittenInt, WrittenFloat, WrittenOther)) else None
    return repr(value) if text is None else text


def is_placed(value: Any) -> bool:
    """Whether it is known what stands in the file."""
    return not isinstance(value, (WrittenInt, WrittenFloat)) or value.written() is not None


def problem(value: Any) -> str | None:
    """Why a value cannot be taken for the text that was written, or None."""
    if not isinstance(value, (WrittenInt, WrittenFloat, WrittenOther)):
        return None
    text, arrives = value.written(), str(value)
    if text is None:
        is_doubtful = "e" in arrives or (not isinstance(value, WrittenOther) and abs(value) > EXACT)
        return f"{arrives} may have been written in another way: {quotes(arrives)}" if is_doubtful else None
    return None if text == arrives else changed(text, arrives, kind(value))


def kind(value: Any) -> str:
    """What YAML takes a value for."""
    if isinstance(value, WrittenOther):
        return "a boolean" if isinstance(value.value, bool) else "a date"
    return "a number"


def changed(text: str, arrives: str, what: str) -> str:
    """That a text would become another one, and the way out."""
    return f"{text} was written, which YAML takes for {what} and turns into {arrives}: {quotes(text, arrives)}"


def quotes(*texts: str) -> str:
    """Asks for quotes around what is meant."""
    return "put in quotes what is meant, " + " or ".join(f"'{text}'" for text in texts)
