"""The charts of a report, as options of Apache ECharts in JSON."""

import datetime
import math
from collections.abc import Mapping, Sequence
from typing import Any

from trainup.core.conditions import number_of
from trainup.core.curves import Point
from trainup.core.slow_phases import NAMES
from trainup.core.status import PHASES
from trainup.jobs import comparing
from trainup.jobs.comparing import Compared
from trainup.jobs.target import Record

Option = dict[str, Any]
MOST_AXES = 9
MOST_WORDS = 20
"""Different texts that an axis has room for."""
WIDE = 100.0
"""How many times its least value the greatest is, from which on an axis is logarithmic."""
DIGITS = 5
UNITS = (("h", 3600.0), ("min", 60.0), ("s", 1.0))
SCALE = ("#3b528b", "#21918c", "#5ec962", "#fde725")
"""Colours from low to high (viridis), which people who see few colours can tell apart."""
LEFT = {"align": "left"}
COLOURS = {"queued": "#9aa5b1", "preparing": "#e69f00", "running": "#0072b2", "finalizing": "#009e73"}
"""Phase → colour (Okabe and Ito), which people who see few colours can tell apart."""


def parallel(rows: Sequence[Compared]) -> Option | None:
    """Parallel coordinates: a line for each run through its arguments and metrics; None where there is no choice."""
    axes = axes_of(rows)
    metrics = [name for name in axes if any(name in row.metrics for row in rows)]
    if len(axes) < 2 or not metrics or sum(bool(row.metrics) for row in rows) < 2:
        return None
    values = {name: [row.value(name) for row in rows] for name in axes}
    data = [[_plain(column[index], _is_numeric(column)) for column in values.values()] for index in range(len(rows))]
    last = [value for row in rows if (value := _finite(row.value(metrics[0]))) is not None]
    option: Option = {
        "parallelAxis": [_axis(index, name, values[name]) for index, name in enumerate(axes)],
        "parallel": {"left": 60, "right": 70, "top": 48, "bottom": 72, "parallelAxisDefault": {"nameGap": 16}},
        "tooltip": {"confine": True},
        "series": [
            {
                "type": "parallel",
                "smooth": False,
                "lineStyle": {"width": 1.5, "opacity": 0.75 if len(rows) < 60 else 0.35},
                "data": [{"name": row.record.name, "value": line} for row, line in zip(rows, data, strict=True)],
            }
        ],
    }
    if last and min(last) < max(last):
        option["visualMap"] = {
            "type": "continuous",
            "dimension": axes.index(metrics[0]),
            "min": min(last),
            "max": max(last),
            "calculable": True,
            "orient": "horizontal",
            "left": "center",
            "bottom": 0,
            "precision": 3,
            "text": [f"{metrics[0]}: high", "low"],
            "inRange": {"color": list(SCALE)},
        }
    return option


def axes_of(rows: Sequence[Compared]) -> list[str]:
    """The arguments that differ, then the metrics; those without room for their texts are left out."""
    names = [*comparing.arguments_that_differ(rows), *comparing.metrics_of(rows)]
    clear = [name for name in names if _has_room([row.value(name) for row in rows])]
    metrics = [name for name in clear if any(name in row.metrics for row in rows)]
    arguments = [name for name in clear if name not in metrics]
    room = MOST_AXES - min(len(metrics), 3)
    return [*arguments[:room], *metrics[: MOST_AXES - len(arguments[:room])]]


def _has_room(values: Sequence[Any]) -> bool:
    known = [value for value in values if value is not None]
    return bool(known) and (_is_numeric(values) or len(set(map(str, known))) <= MOST_WORDS)


def _is_numeric(values: Sequence[Any]) -> bool:
    return all(number_of(value) is not None for value in values if value is not None)


def _axis(index: int, name: str, values: Sequence[Any]) -> Option:
    """An axis of numbers, logarithmic where they are of many sizes, or of texts."""
    axis: Option = {
        "dim": index,
        "name": name,
        "nameTruncate": {"maxWidth": 90},
        "axisLabel": {"width": 70, "overflow": "truncate", "hideOverlap": True},
    }
    if not _is_numeric(values):
        return {**axis, "type": "category", "data": sorted({str(value) for value in values if value is not None})}
    numbers = [number for value in values if (number := _finite(value)) is not None]
    return {**axis, "type": "log" if is_wide(numbers) else "value", "scale": True}


def is_wide(numbers: Sequence[float]) -> bool:
    """Whether the numbers are so many sizes apart that only a logarithmic axis shows them."""
    return bool(numbers) and min(numbers) > 0 and max(numbers) / min(numbers) >= WIDE


def curves(metric: str, points: Mapping[str, Sequence[Point]], current: frozenset[str]) -> Option:
    """A line for each attempt; those of former inputs are dashed."""
    values = [value for line in points.values() for _, value in line if math.isfinite(value)]
    style = {True: {"width": 2}, False: {"width": 1.5, "type": "dashed"}}
    return {
        "tooltip": {"trigger": "axis", "confine": True, "order": "valueDesc"},
        "legend": {"type": "scroll", "bottom": 0, "icon": "roundRect"},
        "grid": {"left": 8, "right": 24, "top": 32, "bottom": 56, "containLabel": True},
        "xAxis": {"type": "value", "name": "step", "nameLocation": "middle", "nameGap": 24, "min": "dataMin"},
        "yAxis": {"type": "log" if is_wide(values) else "value", "name": metric, "scale": True, "nameTextStyle": LEFT},
        "series": [
            {
                "type": "line",
                "name": name,
                "showSymbol": len(line) < 2,
                "lineStyle": style[name in current],
                "data": [[_rounded(step), _rounded(value) if math.isfinite(value) else None] for step, value in line],
            }
            for name, line in points.items()
        ],
    }


def timeline(attempts: Sequence[Record]) -> Option:
    """A bar for each attempt with its phases, from its start on. Times in which none was at work are left out."""
    starts = without_idle(attempts)
    total = max((start + sum(one.phases.values()) for one, start in zip(attempts, starts, strict=True)), default=0.0)
    unit, size = next((one for one in UNITS if total >= 2 * one[1]), UNITS[-1])
    bars: list[Option] = [
        {"name": "start", "itemStyle": {"color": "transparent"}, "silent": True, "tooltip": {"show": False}}
    ]
    bars[0]["data"] = [_rounded(start / size) for start in starts]
    for phase in dict.fromkeys(PHASES.values()):
        data = [_rounded(one.phases.get(phase, 0.0) / size) for one in attempts]
        bars.append({"name": NAMES.get(phase, phase), "itemStyle": {"color": COLOURS.get(phase)}, "data": data})
    return {
        "tooltip": {"trigger": "item", "confine": True},
        "legend": {"type": "scroll", "top": 0, "data": [bar["name"] for bar in bars[1:]]},
        "grid": {"left": 8, "right": 24, "top": 56, "bottom": 40, "containLabel": True},
        "xAxis": {"type": "value", "name": unit, "nameLocation": "middle", "nameGap": 24},
        "yAxis": {
            "type": "category",
            "inverse": True,
            "data": [one.name for one in attempts],
            "axisLabel": {"width": 130, "overflow": "truncate"},
        },
        "series": [{"type": "bar", "stack": "phases", "barMaxWidth": 18, **bar} for bar in bars],
    }


def without_idle(attempts: Sequence[Record]) -> list[float]:
    """Seconds from the first start to each one's, without the times in which no attempt of these was at work."""
    begins = [_seconds(one.created) for one in attempts]
    known = [begin for begin in begins if begin is not None]
    result, idle, end = {}, 0.0, min(known, default=0.0)
    first = end
    for begin, index in sorted((begin, index) for index, begin in enumerate(begins) if begin is not None):
        idle += max(0.0, begin - end)
        end = max(end, begin + sum(attempts[index].phases.values()))
        result[index] = begin - first - idle
    return [result.get(index, 0.0) for index in range(len(attempts))]


def _seconds(iso: str) -> float | None:
    try:
        return datetime.datetime.fromisoformat(iso).timestamp()
    except ValueError:
        return None


def _finite(value: Any) -> float | None:
    number = number_of(value)
    return number if number is not None and math.isfinite(number) else None


def _plain(value: Any, is_number: bool) -> Any:
    """A value of the data: `-` is ECharts' word for none."""
    if not is_number:
        return "-" if value is None else str(value)
    number = _finite(value)
    return "-" if number is None else _rounded(number)


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
