"""Reads a search space: the name of each hyperparameter, and which values it may have."""

import math
import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any

from trainup.core import suggest, written
from trainup.core.input_secrets import Place
from trainup.core.input_values import Invalid, Whole, text
from trainup.core.sweeps.distributions import EXACT, Choice, Distribution, Normal, Randint, Uniform, Value, text_of
from trainup.core.sweeps.findings import Finding
from trainup.core.sweeps.reading import Keys, named, number, positive
from trainup.core.values import Secret

NAME = re.compile(r"[A-Za-z0-9_-]+")
"""Names of hyperparameters, as expressions in a command take them."""
LARGEST_EXPONENT = 700
"""e to a higher power is no number that a float can hold."""
SIGMAS = 9
"""Draws of a normal distribution stay within so many of its standard deviations."""


class Type(StrEnum):
    """The distributions of Azure ML."""

    CHOICE = "choice"
    RANDINT = "randint"
    UNIFORM = "uniform"
    QUNIFORM = "quniform"
    LOGUNIFORM = "loguniform"
    QLOGUNIFORM = "qloguniform"
    NORMAL = "normal"
    QNORMAL = "qnormal"
    LOGNORMAL = "lognormal"
    QLOGNORMAL = "qlognormal"

    @property
    def is_log(self) -> bool:
        """Whether its numbers are exponents of e."""
        return "log" in self

    @property
    def arguments(self) -> tuple[str, ...]:
        """The keys beside `type`."""
        if self is Type.CHOICE:
            return ("values",)
        if self is Type.RANDINT:
            return ("upper",)
        return (*(("min_value", "max_value") if "uniform" in self else ("mu", "sigma")), *("q",) * self.startswith("q"))


def parse_space(given: Any, place: Place, findings: list[Finding]) -> dict[str, Distribution]:
    """Name → distribution, for those that are right; a finding for each of the others."""
    if isinstance(given, Secret) or not isinstance(given, Mapping):
        reason = "is no map; a search space is name: [values], or name: {type: …}"
        findings.append(Finding(place, f"{written.shown(given)} {reason}"))
        return {}
    if not given:
        findings.append(Finding(place, "it is empty, so there is nothing to try: name a hyperparameter and its values"))
    result = {}
    for name, item in given.items():
        here = (*place, str(name))
        if not isinstance(name, str) or not NAME.fullmatch(name):
            reason = f"{written.shown(name)} is no name for a hyperparameter: it has letters, digits, dashes and"
            findings.append(Finding(here, f"{reason} underscores, for the command names it ${{{{search_space.NAME}}}}"))
        elif distribution := _distribution(item, here, findings):
            result[name] = distribution
    return result


def _distribution(given: Any, place: Place, findings: list[Finding]) -> Distribution | None:
    if isinstance(given, (list, tuple)):
        return _choice(given, place, findings)
    if isinstance(given, Secret):
        findings.append(Finding(place, "a secret would be readable in the command: pass it by `secrets`"))
        return None
    if not isinstance(given, Mapping):
        reason = "is one value, and a sweep tries several: write a list of values, or {type: …}"
        findings.append(Finding(place, f"{written.shown(given)} {reason}"))
        return None
    if given.get("type") is None:
        types = ", ".join(Type)
        reason = "it is missing; it says which values there are: " + types
        misspelt = [name for name in given if suggest.nearest(name, ["type"])]
        findings.append(Finding((*place, *map(str, misspelt or ["type"])), reason))
        return None
    try:
        kind = named(Type, "type of a search space")(given["type"])
    except Invalid as error:
        findings.append(Finding((*place, "type"), str(error)))
        return None
    keys = Keys(place, given, ("type", *kind.arguments), findings, f"the type {kind}")
    return _PARSERS[kind](kind, keys, findings)


def _choice(values: Any, place: Place, findings: list[Finding]) -> Choice | None:
    if not isinstance(values, (list, tuple)):
        findings.append(Finding(place, f"{written.shown(values)} is no list of values"))
        return None
    if not values:
        findings.append(Finding(place, "it is empty, so there is nothing to try: write the values into it"))
        return None
    result: dict[str, Value] = {}
    before = len(findings)
    for index, item in enumerate(values):
        try:
            value = _value(item)
            if text_of(value) in result:
                raise Invalid(f"{text_of(value)} stands in the list already, and a point is trained once: remove it")
            result[text_of(value)] = value
        except Invalid as error:
            findings.append(Finding((*place, index), str(error)))
    return Choice(tuple(result.values())) if len(findings) == before else None


def _value(given: Any) -> Value:
    if isinstance(given, Mapping):
        raise Invalid("it is a map: values within values are not supported; give each hyperparameter a name of its own")
    if isinstance(given, (list, tuple)) or given is None:
        raise Invalid(f"{written.shown(given)} is neither a text nor a number")
    if isinstance(given, (bool, written.WrittenOther)):
        shown = written.shown(given).lower() if isinstance(given, bool) else written.shown(given)
        what = "a boolean" if isinstance(given, bool) else written.kind(given)
        raise Invalid(
            f"{shown} is {what} in YAML: {written.quotes(shown, *[shown.capitalize()][: what == 'a boolean'])}"
        )
    if isinstance(given, (int, float)):
        if isinstance(given, int) and abs(given) > EXACT:
            raise Invalid(f"{given} is too large to stay exact on its way to the trial: put it in quotes")
        return number(given)
    if not text(given).strip():
        raise Invalid(f"{given!r} is blank, and a command would not see it: give a value")
    return str(given)


def _of_choice(kind: Type, keys: Keys, findings: list[Finding]) -> Choice | None:
    if "values" not in keys:
        keys.value("values", lambda value: None, "they are what the sweep tries: `values: [32, 64]`")
        return None
    return _choice(keys.plain("values"), (*keys.place, "values"), findings)


def _of_randint(kind: Type, keys: Keys, findings: list[Finding]) -> Randint | None:
    upper = keys.value("upper", Whole(1, EXACT, "values are below it, from 0"), "values are from 0 to below it")
    return None if upper is None else Randint(int(upper))


def _of_uniform(kind: Type, keys: Keys, findings: list[Finding]) -> Uniform | None:
    end = _exponent if kind.is_log else number
    low, high = keys.value("min_value", end, "values begin there"), keys.value("max_value", end, "values end there")
    q = _step(kind, keys)
    if low is None or high is None or (q is None and "q" in kind.arguments):
        return None
    if low >= high:
        reason = f"{text_of(low)} is not less than `max_value`, {text_of(high)}, so there is nothing between: swap"
        keys.problem(("min_value",), f"{reason} or correct them")
        return None
    result = Uniform(low, high, q, kind.is_log)
    if q is not None and _is_too_small(q, result.range, keys):
        return None
    if result.size == 1:
        keys.problem(
            ("q",), f"all values are rounded to a multiple of {text_of(q or 0)}, and so to one: make it smaller"
        )
        return None
    return result


def _of_normal(kind: Type, keys: Keys, findings: list[Finding]) -> Normal | None:
    mu, sigma = keys.value("mu", number, "it is the mean"), keys.value("sigma", positive, "it is the deviation")
    q = _step(kind, keys)
    if mu is None or sigma is None or (q is None and "q" in kind.arguments):
        return None
    if kind.is_log and mu + SIGMAS * sigma > LARGEST_EXPONENT:
        keys.problem(("mu",), f"{kind} takes exponents of e, and values would be too large: {_logarithm(mu)}")
        return None
    ends = mu - SIGMAS * sigma, mu + SIGMAS * sigma
    if q is not None and _is_too_small(q, tuple(map(math.exp, ends)) if kind.is_log else ends, keys):
        return None
    return Normal(mu, sigma, q, kind.is_log)


def _is_too_small(q: float, ends: tuple[float, ...], keys: Keys) -> bool:
    if max(map(abs, ends)) / q <= EXACT:
        return False
    keys.problem(("q",), f"there are too many multiples of {text_of(q)} to count: make it larger")
    return True


def _step(kind: Type, keys: Keys) -> float | None:
    return keys.value("q", positive, "values are multiples of it") if "q" in kind.arguments else None


def _exponent(value: Any) -> float:
    if abs(result := number(value)) > LARGEST_EXPONENT:
        raise Invalid(f"{written.shown(value)} is an exponent of e, and beyond what is a number: {_logarithm(result)}")
    return result


def _logarithm(value: float) -> str:
    return f"for {text_of(value)} itself write its logarithm, {math.log(value):.4g}" if value > 0 else "correct it"


_PARSERS: dict[Type, Callable[[Type, Keys, list[Finding]], Distribution | None]] = {
    Type.CHOICE: _of_choice,
    Type.RANDINT: _of_randint,
    **{kind: _of_uniform for kind in Type if "uniform" in kind},
    **{kind: _of_normal for kind in Type if "normal" in kind},
}
