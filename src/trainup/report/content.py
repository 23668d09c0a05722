"""What a report tells, as it was read from the targets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from trainup.core.curves import Point
from trainup.core.drills import DrillResult
from trainup.jobs.comparing import Compared
from trainup.jobs.target import Record

Curves = Mapping[str, Mapping[str, Sequence[Point]]]
"""Metric → attempt → its points."""


@dataclass(frozen=True)
class Change:
    """A run beside the one before it that had other inputs."""

    before: Record
    now: Record
    code: Sequence[str] = ()
    """What differs, in sentences; so do the next two."""
    inputs: Sequence[str] = ()
    packages: Sequence[str] = ()
    notes: Sequence[str] = ()
    """What the records do not have."""


@dataclass(frozen=True)
class Report:
    """A stack's runs at one moment."""

    stack: str
    made: str
    """When it was read, ISO 8601."""
    version: str = ""
    """Of trainup."""
    rows: Sequence[Compared] = ()
    """The last attempt of each run; those that the stack declares first, then the newest."""
    attempts: Sequence[Record] = ()
    """All attempts, oldest first."""
    curves: Curves = field(default_factory=dict)
    changes: Sequence[Change] = ()
    slow: Sequence[str] = ()
    """Phases that took much longer than before, in sentences."""
    drills: Sequence[DrillResult] = ()
    """Oldest first."""
    problems: Sequence[str] = ()
    """What cannot be read, in sentences."""
