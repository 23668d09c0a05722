"""Measures the phases of a job. The service reports only start and end; the other phases are observed by polling."""

import datetime
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from trainup.core.status import PHASES, Status

_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
_ORIGIN = time.time() - time.clock_gettime(_STEADY)


def steady_now() -> float:
    """Seconds since the epoch, independent of changes of the system clock after the start of this process."""
    return _ORIGIN + time.clock_gettime(_STEADY)


def seconds_of(text: str | None) -> float | None:
    """Seconds since the epoch of an ISO 8601 time, in UTC if it has no offset; None for any other text."""
    try:
        moment = datetime.datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)).timestamp()


BEFORE = (Status.QUEUED, Status.PREPARING)


@dataclass(frozen=True)
class Times:
    """The times that the service reports, in seconds since the epoch."""

    created: float | None
    started: float | None
    ended: float | None

    def phases(self, status: Status, now: float) -> dict[str, float]:
        """Phase → seconds, as far as they follow from these times."""
        if self.created is None:
            return {}
        until = self.ended or now
        if self.started is None:
            return _rounded({PHASES.get(status, "queued"): until - self.created})
        return _rounded({"queued": self.started - self.created, "running": until - self.started})


@dataclass
class Watched:
    """The phases that were observed by polling."""

    phases: dict[str, float] = field(default_factory=dict)
    status: Status | None = None
    since: float = 0.0

    def look(self, status: Status, times: Times, now: float | None = None) -> dict[str, float]:
        """Add an observation; returns phase → seconds so far."""
        now = steady_now() if now is None else now
        if self.status is None:
            self._begin(status, times, now)
        if self.status is None or self.status.is_terminal:
            return dict(self.phases)
        until = times.ended if status.is_terminal and times.ended and times.ended > self.since else now
        if self.status in BEFORE and status not in BEFORE and times.started and self.since < times.started < until:
            self._spend(PHASES[self.status], times.started)  # it started between two observations
            self.status = Status.RUNNING
        self._spend(PHASES[self.status], until)
        self.status = status
        return dict(self.phases)

    def _spend(self, phase: str, until: float) -> None:
        self.phases = _rounded({**self.phases, phase: self.phases.get(phase, 0.0) + max(0.0, until - self.since)})
        self.since = until

    def _begin(self, status: Status, times: Times, now: float) -> None:
        if status.is_terminal:
            return  # it ended before the first observation
        self.status, self.since = status, now if times.created is None else times.created
        if status in (Status.RUNNING, Status.FINALIZING) and times.started is not None:
            self.phases = {} if times.created is None else {"queued": max(0.0, times.started - self.since)}
            self.since = times.started


def _rounded(phases: Mapping[str, float]) -> dict[str, float]:
    return {name: round(max(0.0, value), 3) for name, value in phases.items()}
