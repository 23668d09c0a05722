"""Conditions such as `accuracy>=0.9`: the one form in which commands and gates compare values."""

import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "!=": operator.ne,
    "==": operator.eq,
    "=": operator.eq,
    ">": operator.gt,
    "<": operator.lt,
}
_CONDITION = re.compile(r"\s*(?P<name>[^<>=!]+?)\s*(?P<operator>>=|<=|!=|==|=|>|<)\s*(?P<value>.*?)\s*")


@dataclass(frozen=True)
class Condition:
    """A name, an operator and the value that it is compared with."""

    name: str
    operator: str
    value: str

    def holds(self, value: float | str | None) -> bool:
        """Whether a value meets it: as numbers where both are numbers, else as texts. None and NaN meet nothing."""
        if value is None:
            return False
        numbers = number_of(value), number_of(self.value)
        if numbers[0] is not None and numbers[1] is not None:
            return not math.isnan(numbers[0]) and OPERATORS[self.operator](*numbers)
        return OPERATORS[self.operator](str(value), self.value)


def parse_condition(text: str) -> Condition:
    """The condition in a text. Raises ValueError."""
    match = _CONDITION.fullmatch(text)
    if match is None or not match["value"]:
        raise ValueError(f"{text!r} is no condition: it is NAME, one of {', '.join(OPERATORS)}, and a value")
    return Condition(match["name"], match["operator"], match["value"])


def number_of(value: Any) -> float | None:
    """The number that a value is or spells; None where it is none."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return None if isinstance(value, str) and math.isnan(number) else number
