"""The life of a run on any target: start it once, find it again, wait for it, try it again."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from trainup.core.status import Status
from trainup.jobs.target import Job, Record, Target, TargetError

POLL_FASTEST = 0.05
POLL_SLOWEST = 0.5
CANCEL_REASON = "replaced by a run with other inputs"


class Interrupted(Exception):
    """Waiting was given up before the run ended; the run goes on."""

    def __init__(self, record: Record) -> None:
        super().__init__(f"{record.name} is {record.status}")
        self.record = record


@dataclass(frozen=True)
class Listener:
    """What hears of a run while somebody waits for it."""

    lines: Callable[[list[str]], None] = lambda lines: None
    status: Callable[[Record], None] = lambda record: None


def start(target: Target, job: Job) -> Record:
    """Make sure that one run of these inputs exists: attach, adopt a completed one, or start an attempt.

    A run of the same resource with other inputs is cancelled first, so two never compete.
    """
    for other in target.active_runs(job.owner.urn):
        if other.id != job.id:
            _supersede(target, other, job)
    with target.exclusive():
        attempts = target.attempts(job.id)
        if attempts and not attempts[-1].status.is_failure:
            record = target.adopt(attempts[-1], job)
        else:
            if attempts:
                target.settle(attempts[-1])
            record = target.claim(job, len(attempts) + 1)
    return record if record.status.is_terminal else target.launch(record, job)


def _supersede(target: Target, other: Record, job: Job) -> None:
    if any(owner.urn != job.owner.urn for owner in other.owners):
        return  # another stack waits for it as well
    target.cancel(other.name, CANCEL_REASON)


def follow(target: Target, job: Job, record: Record, listener: Listener, stop: threading.Event) -> Record:
    """Wait until the run has ended, passing on every log line once. `Interrupted` when `stop` is set."""
    position, pause, status = 0, POLL_FASTEST, None
    while True:
        current = target.get(record.name)
        if current is None:
            raise TargetError(f"{record.name} has vanished: its record was deleted while `up` waited for it")
        # Read the log after the status: what a terminal status promises is then complete.
        lines, position = target.read_log(record.name, position)
        if lines:
            listener.lines(lines)
        if current.status is not status:
            status = current.status
            listener.status(current)
        if current.status.is_terminal:
            return target.settle(current)
        if current.abandoned:
            target.launch(current, job)
        pause = POLL_FASTEST if lines else min(pause * 1.2, POLL_SLOWEST if current.status is Status.QUEUED else 0.1)
        if stop.wait(pause):
            raise Interrupted(current)


def run(target: Target, job: Job, listener: Listener, stop: threading.Event) -> Record:
    """Start or find the run, wait for it, and try again as often as `retries` allows."""
    record = start(target, job)
    first = record.attempt
    while True:
        record = follow(target, job, record, listener, stop)
        tried = record.attempt - first
        if not record.status.is_failure or record.status is Status.CANCELED or tried >= job.spec.retries:
            return record
        listener.status(record)
        record = start(target, job)
