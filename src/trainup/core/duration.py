"""Lengths of time as people write them."""

import re

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_TEXT = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd]?)")
DURATION_RULE = "a length of time is a number and a unit, such as 90s, 30m, 2h or 1d"


def parse_duration(text: object) -> float:
    """Seconds of `90s`, `30m`, `2h`, `1d`; a bare number is seconds. ValueError for anything else."""
    if isinstance(text, bool) or not isinstance(text, (str, int, float)):
        raise ValueError(f"{text!r} is no length of time: {DURATION_RULE}")
    if isinstance(text, (int, float)):
        seconds = text
    else:
        match = _TEXT.fullmatch(text.strip())
        if not match:
            raise ValueError(f"{text!r} is no length of time: {DURATION_RULE}")
        seconds = float(match[1]) * _UNITS[match[2]]
    if not 0 < seconds < 366 * 86400:
        raise ValueError(f"{text!r} is no usable length of time: it must be more than 0 and less than a year")
    return float(seconds)
