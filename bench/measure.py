"""Rows of a comparison: ours, what it is compared with, the ratio, and whether it is as promised."""

import statistics
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any


@dataclass(frozen=True)
class Row:
    """One figure of one contestant, and what is promised of it."""

    benchmark: str
    contestant: str
    value: float
    unit: str
    spread: tuple[float, float] | None = None
    """The smallest and the largest of the measured values."""
    ratio: float | None = None
    """To the value of `beside`, measured in the same run."""
    beside: str = ""
    """The contestant that it is compared with."""
    at_most: float | None = None
    """A promise about the ratio; about the value, where there is no ratio."""
    at_least: float | None = None
    note: str = ""
    """What else one has to know to read the figure."""

    @property
    def promise(self) -> str:
        """What is promised, as text."""
        unit = f" {self.unit}" if self.ratio is None and self.unit else ""
        limits = (("<=", self.at_most), (">=", self.at_least))
        return " and ".join(f"{sign} {limit:g}{unit}" for sign, limit in limits if limit is not None)

    @property
    def kept(self) -> bool | None:
        """Whether the promise was kept; None where nothing is promised."""
        if not self.promise:
            return None
        figure = self.value if self.ratio is None else self.ratio
        return (self.at_most is None or figure <= self.at_most) and (self.at_least is None or figure >= self.at_least)

    def compared(self, other: "Row") -> "Row":
        """The same with its ratio to another figure."""
        return replace(self, ratio=self.value / other.value, beside=other.contestant)

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "promise": self.promise, "kept": self.kept}


def alternate(repeats: int, *contestants: Callable[[], float]) -> list[list[float]]:
    """Measure the contestants in turn, so that a slow minute of the machine hits all of them; values of each."""
    values: list[list[float]] = [[] for _ in contestants]
    for _ in range(repeats):
        for mine, contestant in zip(values, contestants, strict=True):
            mine.append(contestant())
    return values


def row(benchmark: str, contestant: str, values: list[float], unit: str, **more: Any) -> Row:
    """The median of the values."""
    return Row(benchmark, contestant, statistics.median(values), unit, spread=(min(values), max(values)), **more)


def table(rows: list[Row]) -> str:
    """The rows as aligned text."""
    cells = [("BENCHMARK", "CONTESTANT", "MEDIAN", "MIN..MAX", "RATIO", "PROMISE", "", "NOTE")]
    for item in rows:
        spread = f"{item.spread[0]:.3g}..{item.spread[1]:.3g}" if item.spread else ""
        ratio = f"{item.ratio:.3g} to {item.beside}" if item.ratio is not None else ""
        kept = {None: "", True: "kept", False: "BROKEN"}[item.kept]
        value = f"{item.value:.3g} {item.unit}"
        cells.append((item.benchmark, item.contestant, value, spread, ratio, item.promise, kept, item.note))
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() for line in cells
    )
