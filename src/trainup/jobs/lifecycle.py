"""The life of a run on any target: start it once, attach to it, wait for it, retry it."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from trainup.core import schedules
from trainup.core.choices import OnPreemption
from trainup.core.failure import FINAL, FailureClass
from trainup.core.status import Status
from trainup.core.trials import tag_of
from trainup.jobs.attempts import next_number
from trainup.jobs.target import Job, Record, Target, TargetError

MOST_RESUMED = 100
"""Maximum of preemptions during one `up` after which a run is resumed."""
MOST_LOOKS = 30
"""Longest wait for a cause of failure to pass, in the longest pauses between two looks at a run."""
CANCEL_REASON = "replaced by a run with other inputs"


class Interrupted(Exception):
    """Waiting was given up before the run ended; the run goes on."""

    def __init__(self, record: Record) -> None:
        super().__init__(f"{record.name} is {record.status}")
        self.record = record


@dataclass(frozen=True)
class Listener:
    """Callbacks for the progress of a run during a wait."""

    lines: Callable[[list[str]], None] | None = None
    """Called with new lines of the log; None where nobody wants them, which saves a request at each look."""
    status: Callable[[Record], None] = lambda record: None
    """Called when the status changes, and when the note beside it does."""
    look: Callable[[Record, float], None] = lambda record, seconds: None
    """Called at every look with the seconds since the present status was first seen."""


def start(target: Target, job: Job, *, by_schedule: bool = True) -> Record:
    """Make sure that one run of these inputs exists: attach, adopt a completed one, or start an attempt.

    Where the run is due by its schedule, it trains anew, unless `by_schedule` is false: then a failed one is resumed.

    A run of the same resource with other inputs is cancelled first, so two never compete. Trials do not compete: their
    sweep has many runs.
    """
    with target.expecting(job):
        for other in target.active_runs(job) if job.trial is None else ():
            if other.id != job.id:
                _supersede(target, other, job)
        with target.exclusive():
            record = _latest(target, job, by_schedule=by_schedule)
        return target.launch(record, job) if record.abandoned else record


def _latest(target: Target, job: Job, *, by_schedule: bool) -> Record:
    """The attempt to go on with: one that is there already, or a new one.

    A trial that its own sweep ended early stays ended, also after the sweep was removed and is declared again.
    """
    attempts = target.attempts(job.id)
    sweep = tag_of(job.owner.urn) if job.trial else ""
    last = attempts[-1] if attempts else None
    is_due = by_schedule and due_since(target, job.spec.schedule, attempts) is not None
    if last and not is_due and (last.has_result(sweep) or not last.status.is_failure):
        return target.adopt(last, job)
    if last:
        target.settle(last)
    if is_due:
        target.forget_checkpoints(job.id)
    return target.claim(job, next_number(attempts))


def due_since(target: Target, schedule: schedules.Schedule, attempts: Sequence[Record]) -> datetime | None:
    """Since when `up` has to start another attempt by a run's schedule; None if it need not."""
    if not schedule or target.has_schedules or not attempts or not attempts[-1].status.is_terminal:
        return None
    return schedules.due_since(schedule, attempts[-1].created, datetime.now(UTC))


def _supersede(target: Target, other: Record, job: Job) -> None:
    if not all(owner.is_same_resource(job.owner) for owner in other.owners):
        return  # another stack waits for it as well
    target.cancel(other.name, CANCEL_REASON)


def follow(target: Target, job: Job, record: Record, listener: Listener, stop: threading.Event) -> Record:
    """Wait until the run has ended, passing on every log line once. `Interrupted` when `stop` is set."""
    polling = target.polling
    position, pause, reported = 0, polling.first or polling.fastest, None
    queued_since = time.monotonic()
    seen, since = record.status, queued_since
    while True:
        current = target.get(record.name)
        if current is None:
            raise TargetError(f"{record.name} has vanished: its record was deleted while `up` waited for it")
        if current.status.is_terminal:
            current = target.settle(current)
        # Read the log after the status: when the status is terminal, the log is complete.
        before = position
        if listener.lines is not None:
            position = read_on(target, record.name, position, listener.lines)
        if (current.status, current.note) != reported:
            reported = (current.status, current.note)
            listener.status(current)
        if current.status is not seen:
            seen, since = current.status, time.monotonic()
        listener.look(current, time.monotonic() - since)
        if current.status.is_terminal:
            return current
        if current.status is not Status.QUEUED:
            queued_since = time.monotonic()
        elif current.in_vain in FINAL:
            target.cancel(current.name, f"it can never start: {current.waiting}", current.in_vain)
            continue
        elif job.spec.queue_timeout is not None and time.monotonic() - queued_since > job.spec.queue_timeout:
            _give_up_waiting(target, current, job.spec.queue_timeout)
            continue
        if current.abandoned:
            target.launch(current, job)
        pause = polling.after(pause, current.status, progressed=position > before)
        if target.pause(current.name, pause, stop):
            raise Interrupted(current)


def read_on(target: Target, name: str, position: int, tell: Callable[[list[str]], None]) -> int:
    """Pass all new lines since a position (0: the beginning) to `tell`; returns the position after them."""
    while True:
        lines, after = target.read_log(name, position)
        if lines:
            tell(lines)
        if after == position:  # a piece without a whole line is not the end
            return position
        position = after


def _give_up_waiting(target: Target, record: Record, limit: float) -> None:
    why = f": {record.waiting}" if record.waiting else ""
    reason = f"it waited for nodes for more than its queue_timeout of {limit:g} s{why}"
    target.cancel(record.name, reason, record.in_vain or FailureClass.CAPACITY)


def run(target: Target, job: Job, listener: Listener, stop: threading.Event) -> Record:
    """Start or find the run, and see it through."""
    return see_through(target, job, start(target, job), listener, stop)


def see_through(target: Target, job: Job, record: Record, listener: Listener, stop: threading.Event) -> Record:
    """Wait for a run that has been started, and try again as often as `retries` allows.

    An attempt whose node was taken away is resumed by another, which does not count. Neither does the first repetition
    after a cause that passes by itself.
    """
    retries = resumed = repeated = 0
    while True:
        record = follow(target, job, record, listener, stop)
        if not record.status.is_failure or record.status is Status.CANCELED or stop.is_set():
            return record
        is_final = record.failure is not None and record.failure.failure_class in FINAL
        is_preempted = record.failure is not None and record.failure.failure_class is FailureClass.PREEMPTED
        if is_preempted and job.spec.on_preemption is OnPreemption.RESUME and resumed < MOST_RESUMED:
            resumed += 1
        elif record.passing and not repeated:
            repeated += 1
            if _is_stopped_before_repetition(target, record, listener, stop):
                return record
        elif retries < job.spec.retries and not is_final:
            retries += 1
        else:
            return record
        record = start(target, job, by_schedule=False)  # a time that came meanwhile shall not cost what was trained


def _is_stopped_before_repetition(target: Target, record: Record, listener: Listener, stop: threading.Event) -> bool:
    """Wait until the cause of a failure has passed; returns whether `stop` was set meanwhile."""
    assert record.passing is not None
    seconds = min(record.passing.seconds, MOST_LOOKS * target.polling.queued)
    when = f"in {seconds / 60:.0f} minutes" if seconds >= 60 else "now"
    note = f"{record.passing.why}: it starts again {when}, which does not count as one of its `retries`"
    listener.status(replace(record, waiting=note))
    return stop.wait(seconds)
