"""A record as the outputs of a run, the same for state, stack outputs and the command line."""

from typing import Any

from trainup.jobs.target import Record

NAMES = (
    "name",
    "status",
    "metrics",
    "best",
    "duration_seconds",
    "attempts",
    "phases",
    "outputs_uri",
    "log_uri",
    "web_url",
    "cost",
)
"""The outputs that every run has, on every target."""


def outputs_of(record: Record) -> dict[str, Any]:
    """The outputs of a run from its record; `failure` is None for a run that did not fail."""
    return {
        "name": record.name,
        "status": str(record.status),
        "metrics": dict(record.metrics),
        "best": dict(record.best),
        "duration_seconds": record.duration_seconds,
        "attempts": record.attempt or 1,  # one that a schedule started has no number
        "phases": dict(record.phases),
        "outputs_uri": record.outputs_uri,
        "log_uri": record.log_uri,
        "web_url": record.web_url,
        "cost": record.cost,
        "failure": record.failure.to_dict() if record.failure else None,
    }
