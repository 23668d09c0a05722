"""Durations, in the form that users write (`2h`) and in Azure's (ISO 8601, `PT2M`).

isodate reads ISO 8601 too, but accepts more than Azure ML: weeks, signs, `PT` without a number, and months and years,
which have no fixed length in seconds. It also writes zero as `P0D`, where Azure writes `PT0S`.
"""

import re

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_TEXT = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd]?)")
_ISO = re.compile(r"P(?=.)(?:(\d+)D)?(?:T(?=.)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?")
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


def iso_duration(seconds: int) -> str:
    """Seconds in Azure's form: `120` → `PT2M`, `90000` → `P1DT1H`."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    date = f"{days}D" if days else ""
    time = "".join(f"{count}{unit}" for count, unit in ((hours, "H"), (minutes, "M"), (rest, "S")) if count)
    return f"P{date}T{time}" if time else f"P{date or 'T0S'}"


def iso_seconds(text: str | None) -> float | None:
    """`PT1H30M` → 5400 seconds; None for anything that is no duration (`P`) or is counted in months or years."""
    match = _ISO.fullmatch(text or "")
    if match is None:
        return None
    return sum(float(part) * unit for part, unit in zip(match.groups(), (86400, 3600, 60, 1), strict=True) if part)
