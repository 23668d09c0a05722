"""What a hyperparameter may be: the distributions of Azure ML, with its names and its meaning.

The log distributions take exponents, as in Azure ML: `loguniform` draws `exp(uniform(min_value, max_value))`.
https://learn.microsoft.com/azure/machine-learning/how-to-tune-hyperparameters
"""

import math
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

Value = str | int | float
"""A value of a hyperparameter."""
EXACT = 2**53
"""Up to here a float stands for one whole number."""
DIGITS = 10
"""Of a draw. The last digits of a logarithm differ between machines, and a trial must be the same one on each."""
LEAST = 2.0**-53
"""A normal distribution is infinite for 0 and 1: the draws are at least so far from both."""


def text_of(value: Value) -> str:
    """The value as a command gets it: numbers in their shortest form that reads back as the same number.

    A whole float is written as an integer, since the engine does not distinguish the two: `1.0` → `1`.
    """
    if isinstance(value, float) and value.is_integer() and abs(value) < EXACT:
        return str(int(value))
    return str(value)


@dataclass(frozen=True)
class Choice:
    """One of some values. Azure ML's `choice`."""

    values: tuple[Value, ...]

    @property
    def size(self) -> int:
        """How many values there are."""
        return len(self.values)

    def at(self, index: int) -> Value:
        """One of the countable values."""
        return self.values[index]

    def draw(self, part: float) -> Value:
        """The value for a random number from 0 to 1."""
        return self.values[min(int(part * self.size), self.size - 1)]

    def place_of(self, value: Value) -> int:
        """Its index among the values."""
        return [text_of(one) for one in self.values].index(text_of(value))

    def holds(self, value: Value) -> bool:
        """Whether it is one of its values."""
        return text_of(value) in {text_of(one) for one in self.values}

    def to_wire(self) -> dict[str, Any]:
        """The declaration, in Azure ML's words."""
        return {"type": "choice", "values": list(self.values)}


@dataclass(frozen=True)
class Randint:
    """A whole number from 0 to `upper`, without `upper` itself. Azure ML's `randint`."""

    upper: int

    @property
    def size(self) -> int:
        """How many values there are."""
        return self.upper

    def at(self, index: int) -> Value:
        """One of the countable values."""
        return index

    def draw(self, part: float) -> Value:
        """The value for a random number from 0 to 1."""
        return min(int(part * self.upper), self.upper - 1)

    def place_of(self, value: Value) -> float:
        """A number from 0 to 1 for which it is drawn."""
        return (float(value) + 0.5) / self.upper

    def holds(self, value: Value) -> bool:
        """Whether it is one of its values."""
        number = _number_of(value)
        return 0 <= number < self.upper and number.is_integer()

    def to_wire(self) -> dict[str, Any]:
        """The declaration, in Azure ML's words."""
        return {"type": "randint", "upper": self.upper}


@dataclass(frozen=True)
class Uniform:
    """A number of a range: `uniform`, `quniform`, `loguniform` and `qloguniform`."""

    low: float
    high: float
    """Ends of the range; with `is_log` those of the exponent of e."""
    q: float | None = None
    """Values are rounded to a multiple of it."""
    is_log: bool = False

    @property
    def size(self) -> int | None:
        """How many values there are; None if they cannot be counted."""
        if self.q is None:
            return None
        first, last = self._steps()
        return last - first + 1

    def at(self, index: int) -> Value:
        """One of the countable values."""
        return _multiple(self._steps()[0] + index, self.q or 1)

    def draw(self, part: float) -> Value:
        """The value for a random number from 0 to 1."""
        exponent = min(self.low + (self.high - self.low) * part, self.high)
        return _rounded(math.exp(exponent) if self.is_log else exponent, self.q)

    def place_of(self, value: Value) -> float:
        """A number from 0 to 1 for which it is drawn; a value that was rounded may lie a little outside the range."""
        number = float(value)
        if self.is_log:
            number = math.log(number) if number > 0 else self.low
        return min(max((number - self.low) / (self.high - self.low), 0.0), 1.0)

    def holds(self, value: Value) -> bool:
        """Whether it is one of its values."""
        number = _number_of(value)
        low, high = self.range
        if self.q is None:
            # A draw is shortened, and so may be a little beyond an end.
            return low <= number <= high or any(math.isclose(number, end, rel_tol=1e-8) for end in (low, high))
        # The ends are rounded too, so they may lie outside the range.
        if not low - self.q <= number <= high + self.q:
            return False
        first, last = self._steps()
        return first <= round(number / self.q) <= last and _is_multiple(number, self.q)

    @property
    def range(self) -> tuple[float, float]:
        """The least and the greatest value, before they are rounded."""
        return (math.exp(self.low), math.exp(self.high)) if self.is_log else (self.low, self.high)

    def _steps(self) -> tuple[int, int]:
        low, high = self.range
        return round(low / (self.q or 1)), round(high / (self.q or 1))

    def to_wire(self) -> dict[str, Any]:
        """The declaration, in Azure ML's words."""
        name = _name("uniform", self.q, self.is_log)
        return {"type": name, "min_value": self.low, "max_value": self.high} | ({} if self.q is None else {"q": self.q})


@dataclass(frozen=True)
class Normal:
    """A normally distributed number: `normal`, `qnormal`, `lognormal` and `qlognormal`."""

    mu: float
    sigma: float
    """Mean and standard deviation; with `is_log` those of the exponent of e."""
    q: float | None = None
    """Values are rounded to a multiple of it."""
    is_log: bool = False

    @property
    def size(self) -> int | None:
        """None: there is no end of values."""
        return None

    def at(self, index: int) -> Value:
        """It has no countable values."""
        raise IndexError(f"a normal distribution has no value number {index}")

    def draw(self, part: float) -> Value:
        """The value for a random number from 0 to 1."""
        from statistics import NormalDist

        exponent = NormalDist(self.mu, self.sigma).inv_cdf(min(max(part, LEAST), 1 - LEAST))
        return _rounded(math.exp(exponent) if self.is_log else exponent, self.q)

    def place_of(self, value: Value) -> float:
        """A number from 0 to 1 for which it is drawn."""
        from statistics import NormalDist

        number = float(value)
        if self.is_log:
            number = math.log(number) if number > 0 else -math.inf
        return NormalDist(self.mu, self.sigma).cdf(number)

    def holds(self, value: Value) -> bool:
        """Whether it is one of its values."""
        number = _number_of(value)
        if not math.isfinite(number) or (self.is_log and number < 0):
            return False
        return self.q is None or _is_multiple(number, self.q)

    def to_wire(self) -> dict[str, Any]:
        """The declaration, in Azure ML's words."""
        name = _name("normal", self.q, self.is_log)
        return {"type": name, "mu": self.mu, "sigma": self.sigma} | ({} if self.q is None else {"q": self.q})


Distribution = Choice | Randint | Uniform | Normal


def _name(kind: str, q: float | None, is_log: bool) -> str:
    return f"{'' if q is None else 'q'}{'log' if is_log else ''}{kind}"


def _number_of(value: Value) -> float:
    """NaN for a text that is no number. A text that is one counts, for a command gets the same text for both."""
    try:
        return float(value)
    except ValueError:
        return math.nan


def _rounded(value: float, q: float | None) -> float:
    if q is None:
        return float(f"{value:.{DIGITS}g}")
    return _multiple(round(value / q), q)


def _multiple(steps: int, q: float) -> float:
    """In decimals, as people count: three times 0.1 is 0.3."""
    return float(Decimal(repr(q)) * steps)


def _is_multiple(value: float, q: float) -> bool:
    return _multiple(round(value / q), q) == value
