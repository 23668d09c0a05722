"""Rows of a comparison: ours, what it is compared with, and the ratio."""

import statistics
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Row:
    """One figure of one contestant. `ratio` is to the row's reference, measured in the same run; None for that."""

    benchmark: str
    contestant: str
    value: float
    unit: str
    ratio: float | None = None
    spread: tuple[float, float] | None = None
    """The smallest and the largest of the measured values."""
    promise: str = ""
    """What is promised of this figure, if anything."""

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


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
    cells = [("BENCHMARK", "CONTESTANT", "MEDIAN", "MIN..MAX", "RATIO", "PROMISE")]
    for item in rows:
        spread = f"{item.spread[0]:.3g}..{item.spread[1]:.3g}" if item.spread else ""
        ratio = f"{item.ratio:.2f}" if item.ratio is not None else ""
        cells.append((item.benchmark, item.contestant, f"{item.value:.3g} {item.unit}", spread, ratio, item.promise))
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() for line in cells
    )
