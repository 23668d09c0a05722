"""Runs side by side: by their metrics, and by the arguments in which they differ."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from trainup.core import input_secrets, suggest
from trainup.core.conditions import number_of, parse_condition
from trainup.core.metrics import LOWER_IS_BETTER
from trainup.jobs.target import Record

HIDDEN = "***"
"""In place of what looks like a secret."""


@dataclass(frozen=True)
class Compared:
    """A run among others."""

    record: Record
    current: bool
    """Whether the stack declares it now."""
    parameters: Mapping[str, str]
    """Its arguments; what looks like a secret is masked."""
    metrics: Mapping[str, float]

    def value(self, name: str) -> float | str | None:
        """A metric, an argument, or a fact of the run by its name (`FACTS`); None where it has none."""
        if name in self.metrics:
            return self.metrics[name]
        if name in self.parameters:
            return self.parameters[name]
        return FACTS[name](self.record) if name in FACTS else None


FACTS: Mapping[str, Callable[[Record], float | str]] = {
    "run": lambda record: record.run,
    "name": lambda record: record.name,
    "status": lambda record: str(record.status),
    "seconds": lambda record: record.duration_seconds,
    "cost": lambda record: record.cost,
    "started": lambda record: record.created,
}
"""What runs can be sorted and filtered by, beside metrics and arguments."""


def of(records: Iterable[tuple[Record, bool]], *, best: bool = False) -> list[Compared]:
    """The last attempt of each run, with its last metrics or its `best` ones, in the order of the first attempts."""
    last: dict[tuple[str, str], tuple[Record, bool]] = {}
    for record, current in records:
        key = record.run, record.id  # a trial of two sweeps comes once for each
        if key not in last or not last[key][0].follows(record):
            last[key] = record, current
    hidden: dict[tuple[str, str], str] = {}
    return [
        Compared(record, current, _masked(_parameters(record), hidden), record.best if best else record.metrics)
        for record, current in last.values()
    ]


def _parameters(record: Record) -> dict[str, str]:
    """The options of its command, and the point of a trial, which need not be among them."""
    points = [trial.point for trial in record.trials.values()]
    return record.parameters | {name: str(value) for point in points for name, value in point.items()}


def _masked(parameters: Mapping[str, str], known: dict[tuple[str, str], str]) -> dict[str, str]:
    """The parameters, with what looks like a secret masked. Many runs have equal ones: `known` holds the answers."""
    for item in parameters.items():
        if item not in known:
            known[item] = HIDDEN if input_secrets.in_values(dict([item])) else item[1]
    return {name: known[name, value] for name, value in parameters.items()}


def arguments_that_differ(rows: Sequence[Compared]) -> list[str]:
    """Names of the arguments that not all have with one value, in the order in which they come."""
    names = dict.fromkeys(name for row in rows for name in row.parameters)
    return [name for name in names if len({row.parameters.get(name) for row in rows}) > 1]


def metrics_of(rows: Sequence[Compared]) -> list[str]:
    """Names of all metrics, those of most runs first."""
    counts: dict[str, int] = {}
    for row in rows:
        for name in row.metrics:
            counts[name] = counts.get(name, 0) + 1
    return sorted(counts, key=lambda name: -counts[name])


def names_of(rows: Sequence[Compared]) -> list[str]:
    """Everything that the runs can be sorted and filtered by."""
    arguments = dict.fromkeys(name for row in rows for name in row.parameters)
    return list(dict.fromkeys([*metrics_of(rows), *arguments, *FACTS]))


def filtered(rows: Sequence[Compared], conditions: Iterable[str]) -> list[Compared]:
    """The runs that meet all conditions, as `accuracy>=0.9` or `status=Completed`. Raises ValueError.

    A run without the value, or with NaN, meets none about it.
    """
    names, left = names_of(rows), list(rows)
    for text in conditions:
        condition = parse_condition(text)
        if condition.name not in names:
            raise ValueError(suggest.unknown(condition.name, names, f"no run has {condition.name!r}"))
        left = [row for row in left if condition.holds(row.value(condition.name))]
    return left


def ordered(rows: Sequence[Compared], name: str, *, descending: bool | None = None) -> list[Compared]:
    """The runs by a value: metrics from the best one on, anything else from the least. Raises ValueError.

    Those without it, or with NaN, come last.
    """
    names = names_of(rows)
    if name not in names:
        raise ValueError(suggest.unknown(name, names, f"no run has {name!r}"))
    if descending is None:
        descending = any(name in row.metrics for row in rows) and not LOWER_IS_BETTER.search(name)
    known = [row for row in rows if _is_known(row.value(name))]
    missing = [row for row in rows if not _is_known(row.value(name))]
    return [*sorted(known, key=lambda row: _key(row.value(name)), reverse=descending), *missing]


def _is_known(value: float | str | None) -> bool:
    return value is not None and not (isinstance(value, float) and math.isnan(value))


def _key(value: float | str | None) -> tuple[bool, float, str]:
    number = number_of(value)
    return (False, number, "") if number is not None else (True, 0.0, str(value))
