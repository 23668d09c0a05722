"""Lengths of time as Azure writes them, ISO 8601 such as PT2M."""

import re

DURATION = re.compile(
    r"P(?=.)((?P<days>\d+)D)?(T(?=.)((?P<hours>\d+)H)?((?P<minutes>\d+)M)?((?P<seconds>\d+(\.\d+)?)S)?)?"
)


def seconds(text: str) -> float:
    """The length in seconds; ValueError for anything else."""
    match = DURATION.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no ISO 8601 duration such as PT2M")
    parts = {name: float(value) for name, value in match.groupdict().items() if value and name}
    return (parts.get("days", 0) * 86400 + parts.get("hours", 0) * 3600 + parts.get("minutes", 0) * 60) + parts.get(
        "seconds", 0
    )
