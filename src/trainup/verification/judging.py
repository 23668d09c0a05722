"""The verdict of a journey on each belief, and on each kind of answer that the simulated Azure gives."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from trainup.verification.evidence import Evidence


class Outcome(StrEnum):
    """What a journey says of a belief."""

    CONFIRMED = "confirmed"
    WRONG = "wrong"
    NOT_SEEN = "not seen"


@dataclass(frozen=True)
class Verdict:
    """What a journey says of a belief, and what it saw."""

    outcome: Outcome
    seen: str = ""


WITH_TIME = frozenset({"endTime", "finishTime", "lastUpdatedTime", "startTime"})
"""Properties that come with time: whether an answer has them says nothing."""

Judge = Callable[[Evidence], Verdict]


def confirmed_if(is_so: bool, seen: str) -> Verdict:
    """CONFIRMED or WRONG, with what was seen."""
    return Verdict(Outcome.CONFIRMED if is_so else Outcome.WRONG, seen)


NOT_SEEN = Verdict(Outcome.NOT_SEEN)


def shapes(evidence: Evidence) -> dict[str, dict[str, Any]]:
    """`GET /route` → the statuses that were seen, and the paths of properties in successful JSON answers."""
    result: dict[str, dict[str, Any]] = {}
    for exchange in evidence.exchanges:
        shape = result.setdefault(f"{exchange.method} {exchange.route}", {"statuses": set(), "properties": set()})
        shape["statuses"].add(exchange.status)
        if exchange.status < 300:
            shape["properties"].update(_paths(exchange.response))
    return {route: {name: sorted(values) for name, values in result[route].items()} for route in sorted(result)}


def compare(simulated: Mapping[str, Mapping[str, Any]], evidence: Evidence) -> dict[str, Verdict]:
    """Route → whether the answers to it are like those of the simulated Azure.

    WRONG where the simulator has properties in its answers that no answer of the service had: code may rely on them. A
    service that says more than the simulator is no fault.
    """
    found = shapes(evidence)
    verdicts = {}
    for route, shape in simulated.items():
        if route not in found:
            verdicts[route] = NOT_SEEN
            continue
        invented = sorted(_missing(shape["properties"], found[route]["properties"]))
        succeeds = [status for status in shape["statuses"] if status < 300]
        never = succeeds and not any(status < 300 for status in found[route]["statuses"])
        statuses = ", ".join(map(str, found[route]["statuses"]))
        seen = f"answered {statuses}" + (f"; never had {', '.join(invented)}" if invented else "")
        verdicts[route] = confirmed_if(not invented and not never, seen)
    return verdicts


def _missing(simulated: Sequence[str], found: Sequence[str]) -> Iterator[str]:
    """Properties that were never found, but for those of items of lists that were always empty."""
    known = set(found)
    for path in simulated:
        lists = [path[: match.start()] for match in re.finditer(r"\[\]", path)]
        is_empty = any(one in known and not any(other.startswith(f"{one}[]") for other in known) for one in lists)
        if path not in known and not is_empty:
            yield path


def _paths(value: Any, at: str = "") -> Iterator[str]:
    """The paths of all properties in a JSON value: `properties.status`, `value[].id`."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key.startswith("<"):
                continue
            path = f"{at}.{key}" if at else key
            if key in WITH_TIME:
                continue
            yield path
            yield from _paths(item, path)
    elif isinstance(value, list):
        for item in value:
            yield from _paths(item, f"{at}[]")
