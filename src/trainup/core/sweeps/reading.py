"""Reads the values of a sweep's declaration one by one, and collects a finding for each that is wrong."""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import Any, TypeVar

from trainup.core import suggest, written
from trainup.core.input_secrets import Place
from trainup.core.input_values import Invalid
from trainup.core.sweeps.findings import Finding
from trainup.core.values import Secret

LARGEST = 1e100
"""Sums and quotients of larger numbers may be infinite."""
Parsed = TypeVar("Parsed")
Named = TypeVar("Named", bound=StrEnum)


class Keys:
    """The values of one map."""

    def __init__(self, place: Place, given: Any, names: Iterable[str], findings: list[Finding], what: str) -> None:
        """`what` has these names, as the start of a sentence: `a sweep`. Findings are added to `findings`."""
        self.place, self._findings, self._what = place, findings, what
        self._given: Mapping[Any, Any] = {}
        self._meant: set[str | None] = set()
        names = tuple(names)
        if isinstance(given, Secret) or not isinstance(given, Mapping):
            self.problem((), f"{written.shown(given)} is no map; {what} has {', '.join(names)}")
            return
        self._given = {name: value for name, value in given.items() if value is not None}
        for name in [name for name in self._given if name not in names]:
            self.problem((str(name),), suggest.unknown(name, names, f"{what} has no such key"))
            self._meant.add(suggest.nearest(name, names))

    def problem(self, place: Place, reason: str) -> None:
        """Add a finding at a place below the map."""
        self._findings.append(Finding((*self.place, *place), reason))

    def __contains__(self, name: str) -> bool:
        return name in self._given

    def plain(self, name: str) -> Any:
        """The value as it is given; None if it is missing."""
        return self._given.get(name)

    def value(self, name: str, parse: Callable[[Any], Parsed], required: str = "") -> Parsed | None:
        """The parsed value. None if it is wrong or missing; `required` says why it has to be there."""
        if name not in self._given:
            if required and name not in self._meant:  # a misspelt name is told already
                self.problem((name,), f"it is missing; {required}")
            return None
        try:
            return parse(self._given[name])
        except Invalid as error:
            self.problem((name,), str(error))
            return None


def named(kind: type[Named], what: str) -> Callable[[Any], Named]:
    """Parses one of the names of an enum, in every spelling that Azure ML takes (`Grid`, `MedianStopping`)."""

    def parse(value: Any) -> Named:
        if value is None:
            raise Invalid(f"it is missing; there are {', '.join(kind)}")
        text = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", value).lower() if isinstance(value, str) else None
        if text not in list(kind):
            raise Invalid(suggest.unknown(value, kind, f"{written.shown(value)} is no {what}"))
        return kind(text)

    return parse


def number(value: Any) -> float:
    """A finite number, or a text that Azure ML reads as one (`1e-3` is a text in YAML 1.1)."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError as error:
            raise Invalid(f"{value!r} is no number") from error
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise Invalid(f"{written.shown(value)} is no number")
    if not math.isfinite(value):
        raise Invalid(f"{written.shown(value)} is no finite number")
    if abs(value) > LARGEST:
        raise Invalid(f"{written.shown(value)} is too large: a number of a sweep is at most {LARGEST:g}")
    return int(value) if float(value).is_integer() and abs(value) < 2**53 else float(value)


def positive(value: Any) -> float:
    """A number above zero."""
    if (result := number(value)) <= 0:
        raise Invalid(f"{written.shown(value)} is out of range: it is more than 0")
    return result
