"""Sees a sweep through: begins its trials, some at a time, waits for them, and goes on where it was left.

The target's records are the truth: what was begun is read from them, so that a kill at any moment loses nothing, and
the next point is a pure function of the declaration and of these trials.
"""

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime

from trainup.core.choices import OnDelete
from trainup.core.status import Status
from trainup.core.sweeps import sampling
from trainup.core.sweeps.declaration import Algorithm
from trainup.core.sweeps.outcomes import Outcome, Point, best
from trainup.core.sweeps.sampling import WAIT, Wait
from trainup.core.trials import Trial
from trainup.jobs import lifecycle
from trainup.jobs.attempts import latest
from trainup.jobs.sweeps import recorded
from trainup.jobs.sweeps.judging import Judge
from trainup.jobs.sweeps.trials import KnownTrial, Plan, known, read_whole
from trainup.jobs.target import Job, Record, Target

MOST_AT_ONCE = 100
"""Maximum of trials that are watched at once, where neither the sweep nor the cluster has a lower one."""
AT_WORK = (Status.RUNNING, Status.FINALIZING)
"""Of trials that may have logged something."""
LOOK_SECONDS = 0.2
"""Pause between two looks at the clock and at Ctrl-C."""


@dataclass(frozen=True)
class Reports:
    """Callbacks for the progress of a sweep. They are called from several threads."""

    listener: Callable[[Trial], lifecycle.Listener] = lambda trial: lifecycle.Listener()
    ended: Callable[[KnownTrial, bool, int], None] = lambda trial, is_best, done: None
    """Called when a trial has ended, with whether it is the best so far, and how many have ended."""


@dataclass
class Progress:
    """How far a sweep has come."""

    trials: dict[int, KnownTrial] = field(default_factory=dict)
    """Number → trial, of all that were begun."""
    best: Record | None = None
    """The record of the best trial, if it was read."""
    logged: set[str] = field(default_factory=set)
    """Names of the metrics that completed trials have, as far as their records were read."""
    ran_out: bool = False
    """Whether the sweep used up its timeout."""
    is_stopped: bool = False
    """Whether the wait was given up; trials that run go on."""

    @property
    def outcomes(self) -> list[Outcome]:
        """All trials, those that are about to be started included."""
        return [trial.outcome for trial in self.trials.values()]

    @property
    def begun(self) -> list[KnownTrial]:
        """All trials that were started, in the order of their numbers."""
        return [self.trials[number] for number in sorted(self.trials) if self.trials[number].name]


class Driver:
    """Drives one sweep once."""

    def __init__(self, plan: Plan, target: Target, reports: Reports, stop: threading.Event) -> None:
        self._plan, self._target, self._reports, self._stop = plan, target, reports, stop
        self._sweep = plan.sweep
        self._progress = Progress()
        self._active: dict[int, Trial] = {}
        self._begun: dict[int, Record] = {}
        """Number → record at its last change of status, of trials that have been started and go on."""
        self._again: list[Trial] = []
        """Trials that were begun and have no result yet."""
        self._ended: queue.SimpleQueue[tuple[Trial, Record | Exception]] = queue.SimpleQueue()
        self._halt = threading.Event()
        self._points: Iterator[Point] | None = None
        self._started = time.time()
        self._problem: Exception | None = None
        self._ends: dict[str, Future[Record | None]] = {}
        """Name of a trial → its cancellation, where the sweep used up its timeout."""
        self._judge = Judge(target, plan.sweep)

    def run(self, former: Mapping[int, KnownTrial], *, repeat_failures: bool = False) -> Progress:
        """Take over what was begun, and see the sweep through.

        `former` is what the state knows. With `repeat_failures`, trials that failed are tried again. The first error of
        a trial that cannot be started ends the wait, and is raised.
        """
        self._take_over(former, repeat_failures=repeat_failures)
        most = self.most_at_once()
        with ThreadPoolExecutor(most, "trial") as pool, ThreadPoolExecutor(recorded.REMOVALS_AT_ONCE, "end") as side:
            try:
                self._loop(pool, side, most)
            finally:
                self._halt.set()
        if self._problem is not None:
            raise self._problem
        self._progress.is_stopped = self._stop.is_set() or bool(self._begun)
        return self._progress

    def cancel_all(self, reason: str) -> None:
        """End the trials that go on."""
        for number, begun in [*self._begun.items()]:
            if record := self._target.cancel(begun.name, reason):
                trial = self._plan.trial(number, self._progress.trials[number].outcome.point)
                self._progress.trials[number] = self._note(trial, record)

    @property
    def progress(self) -> Progress:
        """How far the sweep has come; also after an error."""
        return self._progress

    def most_at_once(self) -> int:
        """How many trials are begun at once.

        Where the cluster has no room for more than the sweep allows, twice as many as it has room for: then the next
        ones wait in its queue, and no slot is idle while `up` looks elsewhere. Bayesian sampling waits for results.
        """
        declared = self._sweep.concurrent
        room = self._target.room(self._plan.job(self._plan.sample))
        if room is None or room > declared or self._sweep.sampling.algorithm is Algorithm.BAYESIAN:
            return min(declared, MOST_AT_ONCE)
        return min(2 * max(1, room), self._sweep.total, MOST_AT_ONCE)

    # What was begun before.

    def _take_over(self, former: Mapping[int, KnownTrial], *, repeat_failures: bool) -> None:
        records = latest(self._target.owned(self._plan.owner))
        mine, others = recorded.declared(self._plan, records)
        on_delete = OnDelete(self._plan.inputs.get("on_delete") or OnDelete.KEEP)
        recorded.release(self._target, others, self._plan.owner, on_delete)
        kept = {
            trial.number: before for trial, record in mine if (before := _unchanged(former.get(trial.number), record))
        }
        ended = [record for trial, record in mine if record.status.is_terminal and trial.number not in kept]
        whole = read_whole(self._target, ended)
        for trial, record in mine:
            self._own(record, trial)
            now = kept.get(trial.number) or self._note(trial, whole.get(record.name, record))
            self._progress.trials[trial.number] = now
            if not now.has_result(repeat_failures=repeat_failures):
                self._again.append(trial)
            elif now.status.is_terminal:
                self._judge.ended(trial.number, record)
            if not now.status.is_terminal and (began := _seconds(record.created)):
                self._started = min(self._started, began)

    def _own(self, record: Record, trial: Trial) -> None:
        """Own a trial under the present token: an `up` that was killed has begun it under another."""
        if all(owner.token != self._plan.owner.token for owner in record.owners):
            with self._target.exclusive():
                self._target.adopt(record, self._plan.job(trial))

    # The trials.

    def _loop(self, pool: ThreadPoolExecutor, side: ThreadPoolExecutor, most: int) -> None:
        judging: Future[None] | None = None
        while True:
            while len(self._active) < most and (trial := self._next()) is not None:
                self._active[trial.number] = trial
                pool.submit(self._see, trial)
            if not self._active:
                return
            with contextlib.suppress(queue.Empty):
                self._take(*self._ended.get(timeout=LOOK_SECONDS))
            if self._stop.is_set():
                self._halt.set()
            self._keep_time(side)
            if self._judge.is_due and not self._halt.is_set() and (judging is None or judging.done()):
                if judging is not None:
                    judging.result()
                at_work = {number: record for number, record in [*self._begun.items()] if record.status in AT_WORK}
                judging = side.submit(self._judge.judge, at_work)

    def _next(self) -> Trial | None:
        if self._halt.is_set() or self._progress.ran_out:
            return None
        if self._again:
            return self._again.pop(0)
        point = self._next_point()
        if point is None or isinstance(point, Wait):
            return None
        trial = self._plan.trial(sampling.next_number(self._progress.outcomes), point)
        self._progress.trials[trial.number] = KnownTrial(Outcome(trial.number, point, Status.QUEUED), "")
        return trial

    def _next_point(self) -> Point | Wait | None:
        if self._sweep.sampling.algorithm is Algorithm.BAYESIAN:
            point = sampling.next_point(self._sweep, self._progress.outcomes)
            return WAIT if isinstance(point, Wait) else point
        if self._points is None:  # no result decides about them
            self._points = iter(sampling.planned(self._sweep, self._progress.outcomes))
        return next(self._points, None)

    def _see(self, trial: Trial) -> None:
        """See one trial through, in a thread of its own."""
        try:
            job = self._plan.job(trial)
            record = lifecycle.start(self._target, job)
            self._begun[trial.number] = record
            self._ended.put((trial, self._through(job, trial, record)))
        except lifecycle.Interrupted as interrupted:
            self._ended.put((trial, interrupted.record))
        except Exception as error:
            self._ended.put((trial, error))

    def _through(self, job: Job, trial: Trial, record: Record) -> Record:
        if record.status.is_terminal and not record.status.is_failure:
            return self._target.get(record.name) or record  # adopted
        shown = self._reports.listener(trial)

        def status(record: Record) -> None:
            self._begun[trial.number] = record
            shown.status(record)

        return lifecycle.see_through(self._target, job, record, replace(shown, status=status), self._halt)

    def _take(self, trial: Trial, record: Record | Exception) -> None:
        """Note the end of a trial, or of the wait for it."""
        if isinstance(record, Exception):
            self._active.pop(trial.number)
            self._forget_unstarted(trial)
            self._problem = self._problem or record
            self._halt.set()
            return
        now = self._note(trial, record)
        self._progress.trials[trial.number] = now
        if not record.status.is_terminal:
            self._halt.set()  # the wait was given up
        self._active.pop(trial.number)
        if record.status.is_terminal:
            self._begun.pop(trial.number, None)
            self._judge.ended(trial.number, record)
            done = sum(one.status.is_terminal for one in self._progress.trials.values())
            is_best = self._progress.best is not None and self._progress.best.name == record.name
            self._reports.ended(now, is_best, done)

    def _forget_unstarted(self, trial: Trial) -> None:
        if not self._progress.trials[trial.number].name:
            del self._progress.trials[trial.number]

    def _note(self, trial: Trial, record: Record) -> KnownTrial:
        now = known(self._target, self._sweep.objective, trial, record)
        if record.status is Status.COMPLETED:
            self._progress.logged |= record.metrics.keys()
            first = best(self._sweep.objective, [*self._progress.outcomes, now.outcome])
            if first is not None and first.number == now.number:
                self._progress.best = record
        return now

    def _keep_time(self, side: ThreadPoolExecutor) -> None:
        limit = self._sweep.limits.timeout
        if limit is None or time.time() - self._started < limit:
            return
        self._progress.ran_out = True
        for record in [*self._begun.values()]:  # those too whose start took until now
            if record.name not in self._ends:
                reason = f"the sweep used up its timeout of {limit:g} s"
                self._ends[record.name] = side.submit(self._target.cancel, record.name, reason)
        for end in self._ends.values():
            if end.done() and isinstance(problem := end.exception(), Exception):
                self._problem = self._problem or problem  # the trial goes on: whoever waits for it has to know
                self._halt.set()


def _unchanged(before: KnownTrial | None, record: Record) -> KnownTrial | None:
    """What the state knows of a trial, if that is still all; None otherwise."""
    is_same = before is not None and before.name == record.name and before.status is record.status
    return before if is_same and record.status.is_terminal else None


def _seconds(created: str) -> float | None:
    """An ISO 8601 time in seconds since 1970; None where it is none."""
    try:
        return datetime.fromisoformat(created.replace("Z", "+00:00")).timestamp()
    except ValueError:
        return None
