"""Numbers that JSON cannot hold, written as text: `NaN`, `Infinity`, `-Infinity`."""

import math
from typing import Any

_TEXT = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def to_plain(value: Any) -> Any:
    """The value with every NaN and infinity, at any depth, as text."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {key: to_plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_plain(item) for item in value]
    return value


def to_number(value: Any) -> float:
    """A metric's value from JSON: a number, or the text that stands for one. ValueError for anything else."""
    if isinstance(value, str) and value in _TEXT:
        return _TEXT[value]
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"{value!r} is no number")
    try:
        return float(value)
    except OverflowError as error:
        raise ValueError("a whole number is too large to be kept as a metric") from error
