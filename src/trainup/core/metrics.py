"""Metrics: which value is the best, and those that a script wrote into a file."""

import contextlib
import json
import math
import re
from collections.abc import Sequence

from trainup.core.numbers import to_number
from trainup.core.texts import decode

LOWER_IS_BETTER = re.compile(
    r"loss|error|err\b|mae|mse|rmse|perplexity|wer\b"
    # how long something takes: epoch_seconds, step_time, latency_ms
    r"|(?:^|[^a-z])(?:seconds|secs?|minutes|hours|ms|time|times|duration|durations|latency|elapsed|runtime)(?![a-z])",
    re.IGNORECASE,
)


def best_of(name: str, values: Sequence[float]) -> float:
    """The best value of a metric: the lowest of a loss or an error, the highest of anything else."""
    finite = [value for value in values if not math.isnan(value)]
    if not finite:
        return math.nan
    return min(finite) if LOWER_IS_BETTER.search(name) else max(finite)


def metrics_of(content: bytes) -> dict[str, float]:
    """The numbers in a `metrics.json` that a script wrote; anything else in it is skipped."""
    result: dict[str, float] = {}
    with contextlib.suppress(ValueError, RecursionError):  # RecursionError: deep nesting
        metrics = json.loads(decode(content))
        for name, value in metrics.items() if isinstance(metrics, dict) else ():
            with contextlib.suppress(ValueError):
                result[name] = to_number(value)
    return result
