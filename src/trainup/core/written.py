"""Numbers with the text that they were read from, which may differ from their usual form: `1.10`, `00123`, `1e-3`."""

from collections.abc import Callable
from typing import Any

EXACT = 2**53
"""Largest number up to which all whole numbers are exact; a parser may have rounded larger ones."""

Written = Callable[[], str | None]
"""Returns the text in the file, or None if it is not known."""


class WrittenInt(int):
    """A whole number from a file."""

    written: Written

    def __new__(cls, value: int, written: Written) -> "WrittenInt":
        """The number, and a function that returns its text."""
        number = super().__new__(cls, value)
        number.written = written
        return number


class WrittenFloat(float):
    """A number from a file."""

    written: Written

    def __new__(cls, value: float, written: Written) -> "WrittenFloat":
        """The number, and a function that returns its text."""
        number = super().__new__(cls, value)
        number.written = written
        return number


class WrittenOther:
    """A value that a parser reads as neither text nor number, such as a boolean or a date."""

    def __init__(self, value: Any, text: str) -> None:
        self.value, self._text = value, text

    def written(self) -> str:
        """The text in the file."""
        return self._text

    def __str__(self) -> str:
        return str(self.value)

    def __repr__(self) -> str:
        return self._text


def remember(value: Any, written: Written) -> Any:
    """The value; a number also gets the function that returns its text."""
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
    """Whether the text in the file is known."""
    return not isinstance(value, (WrittenInt, WrittenFloat)) or value.written() is not None


def problem(value: Any) -> str | None:
    """Why a value cannot be used as the text that was written, or None."""
    if not isinstance(value, (WrittenInt, WrittenFloat, WrittenOther)):
        return None
    text, arrives = value.written(), str(value)
    if text is None:
        is_doubtful = "e" in arrives or (not isinstance(value, WrittenOther) and abs(value) > EXACT)
        return f"{arrives} may have been written in another way: {quotes(arrives)}" if is_doubtful else None
    return None if text == arrives else changed(text, arrives, kind(value))


def kind(value: Any) -> str:
    """The type that YAML gives the value, in words."""
    if isinstance(value, WrittenOther):
        return "a boolean" if isinstance(value.value, bool) else "a date"
    return "a number"


def changed(text: str, arrives: str, what: str) -> str:
    """The sentence that YAML changes a text, and what to do."""
    return f"{text} was written, which YAML takes for {what} and turns into {arrives}: {quotes(text, arrives)}"


def quotes(*texts: str) -> str:
    """The advice to put the intended text in quotes."""
    return "put in quotes what is meant, " + " or ".join(f"'{text}'" for text in texts)
