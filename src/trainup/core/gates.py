"""The rules of a gate: what a candidate has to fulfil before it goes live.

`accuracy >= 0.97` compares a metric with a number, in the form of `trainup compare --filter`. `accuracy better than
live by 0.002` compares it with what is live: higher, or lower for a loss, an error or a time (`core/metrics.py`).
Without the name, `better than live` is about the one metric that the gate's other rules name.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from trainup.core import suggest
from trainup.core.conditions import Condition, number_of, parse_condition
from trainup.core.metrics import LOWER_IS_BETTER
from trainup.core.models import ModelVersion

_BETTER = re.compile(r"(?:(?P<name>\S(?:.*\S)?)\s+)?better\s+than\s+live(?:\s+by\s+(?P<by>\S+))?", re.IGNORECASE)
FORMS = "`METRIC >= NUMBER` (or <=, >, <, ==, !=), or `METRIC better than live`, perhaps with `by NUMBER`"
DIGITS = 6
"""Significant digits of a metric in a sentence."""


@dataclass(frozen=True)
class Judgment:
    """What became of one rule: whether it holds, and the sentence about it."""

    holds: bool
    reason: str


@dataclass(frozen=True)
class Threshold:
    """A metric against a number."""

    condition: Condition

    @property
    def metric(self) -> str:
        """Name of the metric."""
        return self.condition.name

    @property
    def text(self) -> str:
        """The rule as it is written."""
        return f"{self.metric} {self.condition.operator} {self.condition.value}"

    def plan(self, live: ModelVersion) -> str:
        """The rule, and the value that it will be judged against."""
        return self.text

    def judge(self, metrics: Mapping[str, float], live: ModelVersion, candidate: str) -> Judgment:
        """Whether the candidate's metrics meet it."""
        value = _value(self.metric, metrics)
        if isinstance(value, Judgment):
            return value
        holds = self.condition.holds(value)
        return Judgment(holds, f"{self.metric} is {shown(value)}, and {'' if holds else 'not '}{self._rest}")

    @property
    def _rest(self) -> str:
        return f"{self.condition.operator} {self.condition.value}"


@dataclass(frozen=True)
class BetterThanLive:
    """A metric against that of the version that is live."""

    metric: str
    by: float = 0.0

    @property
    def text(self) -> str:
        """The rule as it is written."""
        return f"{self.metric} better than live" + (f" by {self.by:g}" if self.by else "")

    def plan(self, live: ModelVersion) -> str:
        """The rule, and the value that it will be judged against."""
        if not live.version:
            return f"{self.text}: nothing is live yet, so any value will do"
        if self.metric not in live.metrics:
            return f"{self.text}: live is {live.version}, which has no {self.metric}"
        return f"{self.text}: live is {live.version} with {self.metric} {shown(live.metrics[self.metric])}"

    def judge(self, metrics: Mapping[str, float], live: ModelVersion, candidate: str) -> Judgment:
        """Whether the candidate's value is better than that of `live`, by at least `by`."""
        value = _value(self.metric, metrics)
        if isinstance(value, Judgment):
            return value
        now = f"{self.metric} is {shown(value)}"
        if not live.version:
            return Judgment(True, f"{now}, and nothing is live yet")
        if candidate == live.version:
            return Judgment(True, f"{now}, and {candidate} is live already")
        before = live.metrics.get(self.metric)
        if before is None or math.isnan(before):
            what = "has no such metric" if before is None else "has NaN"
            return Judgment(
                False,
                f"{now}, and live, {live.version}, {what}, so nobody can tell which is better: let one `up` judge by "
                "another rule",
            )
        is_lower = bool(LOWER_IS_BETTER.search(self.metric))
        gain = before - value if is_lower else value - before
        holds = gain > 0 and (gain >= self.by or math.isclose(gain, self.by, rel_tol=1e-9, abs_tol=1e-12))
        margin = f" by {self.by:g}" if self.by else ""
        return Judgment(
            holds,
            f"{now}, and live, {live.version}, has {shown(before)}: {'' if holds else 'not '}better{margin}"
            + (", since lower is better" if is_lower else ""),
        )


Rule = Threshold | BetterThanLive


def parse_rules(texts: Sequence[str]) -> tuple[list[Rule], list[tuple[int, str]]]:
    """The rules of a gate; and (position, what is wrong) for each text that is none."""
    parsed = [_parsed(text) for text in texts]
    named = list(dict.fromkeys(rule.metric for rule in parsed if not isinstance(rule, str) and rule.metric))
    rules: list[Rule] = []
    problems: list[tuple[int, str]] = []
    for position, rule in enumerate(parsed):
        if isinstance(rule, str):
            problems.append((position, rule))
        elif rule.metric:
            rules.append(rule)
        elif isinstance(rule, BetterThanLive) and len(named) == 1:
            rules.append(BetterThanLive(named[0], rule.by))
        else:
            which = f"the other rules name {', '.join(named)}" if named else "no other rule names one"
            problems.append(
                (
                    position,
                    f"{texts[position]!r} names no metric, and {which}: write `METRIC {texts[position].strip()}`",
                )
            )
    return rules, problems


def judge(rules: Sequence[Rule], metrics: Mapping[str, float], live: ModelVersion, candidate: str) -> list[Judgment]:
    """What becomes of each rule; `candidate` is the version that is judged."""
    return [rule.judge(metrics, live, candidate) for rule in rules]


def shown(value: float) -> str:
    """A metric in a sentence."""
    return f"{value:.{DIGITS}g}"


def _parsed(text: str) -> Rule | str:
    """The rule in a text, with an empty metric where it names none; or what is wrong with it."""
    if match := _BETTER.fullmatch(text.strip()):
        by = 0.0 if match["by"] is None else number_of(match["by"])
        if by is None or not math.isfinite(by) or by < 0:
            return f"{text!r}: {match['by']!r} is no margin: it is a number from 0 on, such as 0.002"
        return BetterThanLive(match["name"] or "", by)
    try:
        condition = parse_condition(text)
    except ValueError:
        return f"{text!r} is no rule: it is {FORMS}"
    number = number_of(condition.value)
    if number is None or not math.isfinite(number):
        return f"{text!r}: {condition.value!r} is no number, and metrics are numbers: it is {FORMS}"
    return Threshold(condition)


def _value(metric: str, metrics: Mapping[str, float]) -> float | Judgment:
    """The value of a metric; or the judgment where there is none that could be compared."""
    if metric not in metrics:
        return Judgment(False, suggest.unknown(metric, sorted(metrics), f"it has no metric {metric!r}"))
    value = metrics[metric]
    return Judgment(False, f"{metric} is NaN, which meets no rule") if math.isnan(value) else value
