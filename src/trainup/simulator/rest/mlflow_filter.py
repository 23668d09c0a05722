"""The filter of MLflow's search: comparisons joined by `and`."""

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from trainup.simulator.cloud.runs import Run

_COMPARISON = re.compile(r"\s*([\w.`\"-]+?)\s*(!=|>=|<=|=|>|<)\s*('[^']*'|\"[^\"]*\"|[-+.\w]+)\s*")
_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
}


@dataclass(frozen=True)
class Condition:
    """One comparison, such as `metrics.accuracy > 0.9`."""

    kind: str
    """`metrics`, `params`, `tags`, `attributes`, or another of MLflow's spellings of them."""

    name: str
    compare: Callable[[Any, Any], bool]
    value: str

    def holds(self, run: Run, attributes: Mapping[str, Any]) -> bool:
        """Whether a run meets it; a run without the compared value never does."""
        if self.kind.startswith("metric"):
            return self.name in run.metrics and self.compare(run.last(self.name).value, float(self.value))
        return self.holds_in({"p": run.params, "t": run.tags}.get(self.kind[0], attributes))

    def holds_in(self, values: Mapping[str, Any]) -> bool:
        """Whether these values have one of its name that meets it, compared as text."""
        return self.name in values and self.compare(str(values[self.name]), self.value)


def parse(text: str) -> list[Condition]:
    """The comparisons of a filter. Raises ValueError, which quotes an invalid one."""
    conditions = []
    for part in re.split(r"\s+and\s+", text, flags=re.IGNORECASE) if text.strip() else []:
        match = _COMPARISON.fullmatch(part)
        if match is None:
            raise ValueError(f"Invalid clause in filter: {part!r}")
        kind, _, name = match[1].replace("`", "").replace('"', "").partition(".")
        if not name:  # attributes need no prefix
            kind, name = "attributes", kind
        value = match[3].strip("'\"")
        if kind.startswith("metric"):
            float(value)
        conditions.append(Condition(kind, name, _OPERATORS[match[2]], value))
    return conditions
