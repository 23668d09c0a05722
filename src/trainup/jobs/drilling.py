"""Drills the loss of a node: trains a copy of a run, takes its node away in mid-epoch, and sees it through."""

import datetime
import json
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from trainup.core.disk import replace_file
from trainup.core.drills import DrillResult, Moment, first_trained, step_after
from trainup.core.errors import TrainupError
from trainup.core.status import Status
from trainup.jobs import lifecycle
from trainup.jobs.target import Job, Record, Target

LOOK_SECONDS = 0.25
"""Least pause between two requests for the steps of a running attempt."""
REASON = "`trainup drill` asked for it"
POINTS = 100_000
"""How many points of each curve are read: more than a run that is drilled logs."""
FOLDER = "drills"


@dataclass
class Drill:
    """One drill: `job` is the copy of the run whose attempt `original` has completed."""

    target: Target
    job: Job
    original: Record
    say: Callable[[str], None]
    """Called with each sentence about the progress."""
    _attempts: list[str] = field(default_factory=list)
    _evicted: tuple[float, int | None] | None = None
    """Seconds after its start, and the last step before."""
    _seen_again: list[tuple[float, int | None]] = field(default_factory=list)
    """When which step was seen after the eviction; the first is the earliest moment at which it began again."""
    _looked: float = 0.0

    def run(self, run: str, stop: threading.Event) -> DrillResult:
        """Train the copy of `run` to its end. Raises what a target raises, and `Interrupted` when `stop` is set."""
        original_step = self._last_step(self.original)
        self._moment = Moment(original_step, self.original.phases.get("running"))
        # New lines are not shown, and let the looks follow each other quickly.
        listener = lifecycle.Listener(lambda lines: None, self._told, self._look)
        record = lifecycle.run(self.target, self.job, listener, stop)
        record = self.target.get(record.name) or record
        evicted_after, evicted_step = self._evicted or (None, None)
        return DrillResult(
            run=run,
            original=self.original.name,
            attempts=tuple(self._attempts or [record.name]),
            status=str(record.status),
            evicted_after=evicted_after,
            evicted_step=evicted_step,
            resumed_step=first_trained(self._seen_again, self._moment.step_seconds, evicted_step),
            final_step=self._last_step(record),
            original_step=original_step,
            metrics=record.metrics,
            original_metrics=self.original.metrics,
            time=f"{datetime.datetime.now(datetime.UTC):%Y-%m-%dT%H:%M:%SZ}",
        )

    def _told(self, record: Record) -> None:
        if record.name not in self._attempts:
            self._attempts.append(record.name)
        why = f": {record.failure.message}" if record.failure else ""
        self.say(f"{record.name}: {record.status}{why}")

    def _look(self, record: Record, seconds: float) -> None:
        now = time.monotonic()
        if record.status is not Status.RUNNING or now - self._looked < LOOK_SECONDS:
            return
        self._looked = now
        steps = self._steps(record)
        step = max(steps, default=None)
        if self._evicted is None:
            if self._moment.is_due(now, seconds, step):
                self._evicted = round(seconds, 1), step
                self._seen_again = [(now, None)]
                self.say(f"{record.name}: its node is taken away" + ("" if step is None else f", after step {step}"))
                self.target.evict(record.name, REASON)
            return
        if record.name == self._attempts[0]:  # the target starts it again itself
            step = step_after(steps, self._evicted[1])
        elif len(self._seen_again) == 1:
            self._seen_again = [(now - seconds, None)]
        self._seen_again.append((now, step))

    def _last_step(self, record: Record) -> int | None:
        """The last step that an attempt has logged; None where it has logged none, or nobody can tell now."""
        return max(self._steps(record), default=None)

    def _steps(self, record: Record) -> list[int]:
        """The steps of the metric of which an attempt has logged the most values; empty where nobody can tell now."""
        try:
            curves = self.target.curves([self.target.live(record)], POINTS).get(record.name) or {}
        except TrainupError:
            return []
        lines = [[int(step) for step, _ in points] for points in curves.values() if len(points) > 1]
        return max(lines, key=len, default=[])


def copy_of(job: Job, original: Record, token: str) -> Job:
    """The job as a copy for a drill, which belongs to the same resource until it is released, and resumes even where
    the run itself would be due by its schedule, and train anew.
    """
    text = f"a copy of {original.name} for an eviction drill"
    return replace(
        job,
        owner=replace(job.owner, token=token),
        spec=replace(job.spec, description=text, schedule={}),
    )


def keep(folder: Path, result: DrillResult) -> None:
    """Write a result where reports look for it: a file for each drill in the stack's folder. Raises OSError."""
    (folder / FOLDER).mkdir(parents=True, exist_ok=True)
    replace_file(folder / FOLDER / f"{result.attempts[0]}.json", json.dumps(result.to_dict(), indent=2))


def kept(folder: Path) -> tuple[list[DrillResult], list[str]]:
    """The results in the stack's folder, oldest first, and a sentence for each file that cannot be read."""
    results, problems = [], []
    for path in _files(folder / FOLDER):
        try:
            results.append(DrillResult.from_dict(json.loads(path.read_text(encoding="utf-8"))))
        except (OSError, ValueError, AttributeError) as error:
            problems.append(f"{path.name} is no result of a drill that can be read: {error}")
    return sorted(results, key=lambda result: result.time), problems


def _files(folder: Path) -> Iterable[Path]:
    return sorted(folder.glob("*.json")) if folder.is_dir() else ()
