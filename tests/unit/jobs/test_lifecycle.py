"""The life of a run on a target that does as it is told."""

import threading
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import pytest

from trainup.core.choices import OnDelete, OnPreemption
from trainup.core.failure import Failure, FailureClass
from trainup.core.naming import job_name
from trainup.core.status import Status
from trainup.jobs import lifecycle
from trainup.jobs.lifecycle import Interrupted, Listener
from trainup.jobs.target import Job, Owner, Passing, Polling, Record, TargetError

OTHER = "urn:pulumi:other::trainup::trainup:index:Run::digits"


class Scripted:
    """A target whose runs go through the statuses that a test wrote down."""

    polling = Polling(0.001, 0.001, 0.001)
    has_schedules = False

    def __init__(self, *scripts: list[Status]) -> None:
        self.scripts = list(scripts)
        self.records: dict[str, Record] = {}
        self.ahead: dict[str, list[Status]] = {}
        self.calls: list[str] = []
        self.looks = 0
        self.logs: dict[str, list[str]] = {}
        self.created = ""

    def add(self, job: Job, status: Status, attempt: int = 1, **facts: Any) -> Record:
        name = job_name(job.id, attempt)
        facts = {"owners": (job.owner,), "created": self.created, **facts}
        self.records[name] = Record(name, job.run, job.id, attempt, job.digest, status, **facts)
        return self.records[name]

    def exclusive(self) -> Any:
        return nullcontext()

    def expecting(self, job: Job) -> Any:
        return nullcontext()

    def active_runs(self, job: Job) -> list[Record]:
        return [
            record
            for record in self.records.values()
            if not record.status.is_terminal and any(job.owner.is_same_resource(other) for other in record.owners)
        ]

    def attempts(self, identity: str) -> list[Record]:
        found = [record for record in self.records.values() if record.id == identity]
        return sorted(found, key=lambda record: record.attempt)

    def get(self, name: str) -> Record | None:
        if self.ahead.get(name):
            self.records[name] = replace(self.records[name], status=self.ahead[name].pop(0))
        self.looks += 1
        assert self.looks < 1000, "the script has no end"
        return self.records.get(name)

    def claim(self, job: Job, attempt: int) -> Record:
        record = self.add(job, Status.QUEUED, attempt, abandoned=True)
        self.calls.append(f"claim {attempt}")
        self.ahead[record.name] = self.scripts.pop(0) if self.scripts else []
        return record

    def adopt(self, record: Record, job: Job) -> Record:
        self.calls.append(f"adopt {record.attempt}")
        self.records[record.name] = replace(record, owners=(job.owner,))
        return self.records[record.name]

    def launch(self, record: Record, job: Job) -> Record:
        self.calls.append(f"launch {record.attempt}")
        self.records[record.name] = replace(self.records[record.name], abandoned=False)
        return self.records[record.name]

    def settle(self, record: Record) -> Record:
        self.calls.append(f"settle {record.attempt}")
        return record

    def cancel(self, name: str, reason: str, kind: FailureClass = FailureClass.CANCELED) -> Record | None:
        self.calls.append(f"cancel {name}")
        failure = Failure(kind, reason)
        status = Status.CANCELED if kind is FailureClass.CANCELED else Status.TIMED_OUT
        self.records[name] = replace(self.records[name], status=status, failure=failure)
        return self.records[name]

    def release(self, identity: str, owner: Owner, on_delete: OnDelete) -> None:
        raise NotImplementedError

    def forget_checkpoints(self, run_id: str) -> None:
        self.calls.append("forget")

    def pause(self, name: str, seconds: float, stop: threading.Event) -> bool:
        return stop.wait(seconds)

    def read_log(self, name: str, position: int) -> tuple[list[str], int]:
        lines = self.logs.get(name, [])[position:]
        return lines, position + len(lines)

    def log_tail(self, name: str, lines: int) -> list[str]:
        return self.logs.get(name, [])[-lines:]


Jobs = Callable[..., Job]
RUN = [Status.PREPARING, Status.RUNNING, Status.FINALIZING]
NEVER = threading.Event()


def _run(target: Scripted, job: Job, stop: threading.Event = NEVER) -> tuple[Record, list[str], list[Status]]:
    lines: list[str] = []
    statuses: list[Status] = []
    listener = Listener(lines.extend, lambda record: statuses.append(record.status))
    return lifecycle.run(target, job, listener, stop), lines, statuses


def test_a_new_run_is_claimed_launched_and_followed_to_its_end(job: Jobs) -> None:
    target = Scripted([*RUN, Status.COMPLETED])
    record, _, statuses = _run(target, job())
    assert record.status is Status.COMPLETED
    assert statuses == [*RUN, Status.COMPLETED]
    assert target.calls == ["claim 1", "launch 1", "settle 1"]


def test_a_completed_run_is_adopted_and_never_trained_again(job: Jobs) -> None:
    target = Scripted()
    target.add(job(token="old"), Status.COMPLETED)
    record, _, _ = _run(target, job(token="new"))
    assert [owner.token for owner in record.owners] == ["new"]
    assert "claim 1" not in target.calls
    assert "launch 1" not in target.calls


@pytest.mark.parametrize("status", [Status.QUEUED, *RUN])
def test_an_active_run_of_the_same_inputs_is_attached_to(job: Jobs, status: Status) -> None:
    target = Scripted()
    target.ahead[target.add(job(), status).name] = [Status.COMPLETED]
    assert _run(target, job())[0].status is Status.COMPLETED
    assert not [call for call in target.calls if call.startswith(("claim", "cancel", "launch"))]


def test_an_active_run_of_other_inputs_is_cancelled_first(job: Jobs) -> None:
    target = Scripted([Status.COMPLETED])
    other = target.add(job(nodes=2), Status.RUNNING)
    assert _run(target, job())[0].status is Status.COMPLETED
    assert target.calls[:2] == [f"cancel {other.name}", "claim 1"]


def test_a_run_that_another_stack_waits_for_is_left_alone(job: Jobs) -> None:
    target = Scripted([Status.COMPLETED])
    shared = job(nodes=2)
    target.add(shared, Status.RUNNING, owners=(shared.owner, Owner(OTHER, "t")))
    _run(target, job())
    assert not [call for call in target.calls if call.startswith("cancel")]


@pytest.mark.parametrize("status", [Status.FAILED, Status.CANCELED, Status.TIMED_OUT, Status.NOT_RESPONDING])
def test_after_a_failure_the_next_start_is_a_new_attempt(job: Jobs, status: Status) -> None:
    target = Scripted([Status.COMPLETED])
    target.add(job(), status)
    record, _, _ = _run(target, job())
    assert (record.attempt, record.name) == (2, f"{job().id}-a2")
    assert target.calls[:2] == ["settle 1", "claim 2"]


def test_an_attempt_never_takes_the_name_of_one_that_is_there(job: Jobs) -> None:
    """Somebody removed the folder of the first attempt by hand."""
    target = Scripted([Status.COMPLETED])
    target.add(job(), Status.FAILED, attempt=2)
    assert _run(target, job())[0].attempt == 3


def test_retries_are_new_attempts_and_there_are_as_many_as_were_asked_for(job: Jobs) -> None:
    target = Scripted(*([Status.RUNNING, Status.FAILED] for _ in range(9)))
    record, _, _ = _run(target, job(retries=2))
    assert (record.attempt, record.status) == (3, Status.FAILED)
    assert len(target.records) == 3


def test_no_retry_follows_a_success(job: Jobs) -> None:
    target = Scripted([Status.FAILED], [Status.COMPLETED])
    assert _run(target, job(retries=5))[0].attempt == 2


def test_a_canceled_run_is_not_tried_again(job: Jobs) -> None:
    target = Scripted([Status.RUNNING, Status.CANCELED])
    assert _run(target, job(retries=5))[0].status is Status.CANCELED
    assert len(target.records) == 1


def test_a_run_that_nobody_started_is_launched_again(job: Jobs) -> None:
    target = Scripted()
    record = target.add(job(), Status.PREPARING, abandoned=True)
    target.ahead[record.name] = [Status.PREPARING, Status.RUNNING, Status.COMPLETED]
    assert _run(target, job())[0].status is Status.COMPLETED
    assert "launch 1" in target.calls


def test_giving_up_leaves_the_run_alone(job: Jobs) -> None:
    target, stop = Scripted(RUN), threading.Event()
    stop.set()
    with pytest.raises(Interrupted) as caught:
        _run(target, job(), stop)
    assert not caught.value.record.status.is_terminal
    assert target.calls == ["claim 1", "launch 1"]


def test_every_line_is_passed_on_once(job: Jobs) -> None:
    target = Scripted([*RUN, Status.COMPLETED])
    wanted = job()
    target.logs[wanted.id] = [f"line {index}" for index in range(5)]
    assert _run(target, wanted)[1] == target.logs[wanted.id]


def test_a_long_log_is_passed_on_to_its_end(job: Jobs) -> None:
    class Slow(Scripted):
        def read_log(self, name: str, position: int) -> tuple[list[str], int]:
            lines = self.logs[name][position : position + 2]
            return lines, position + len(lines)

    target, wanted = Slow([Status.COMPLETED]), job()
    target.logs[wanted.id] = [f"line {index}" for index in range(9)]
    assert _run(target, wanted)[1] == target.logs[wanted.id]


def test_a_piece_of_the_log_without_a_whole_line_is_not_its_end(job: Jobs) -> None:
    class Bars(Scripted):
        """A progress bar fills most of what is read."""

        def read_log(self, name: str, position: int) -> tuple[list[str], int]:
            return [["0%"], [], [], ["end"], []][position], min(position + 1, 4)

    assert _run(Bars([Status.COMPLETED]), job())[1] == ["0%", "end"]


def test_what_is_found_of_a_log_when_its_run_is_given_up_is_told(job: Jobs) -> None:
    class Lost(Scripted):
        """Whatever watched over its run is gone; what the run had printed since is found when that is settled."""

        def settle(self, record: Record) -> Record:
            self.logs[record.name].append("last words")
            return super().settle(record)

    target, wanted = Lost([Status.RUNNING, Status.NOT_RESPONDING]), job()
    target.logs[wanted.id] = ["first words"]
    assert _run(target, wanted)[1] == ["first words", "last words"]


def test_a_record_that_vanishes_is_an_error_that_says_so(job: Jobs) -> None:
    target = Scripted()
    record = target.add(job(), Status.RUNNING)
    target.get = lambda name: None  # type: ignore[method-assign]
    with pytest.raises(TargetError, match=f"{record.name} has vanished"):
        _run(target, job())


def test_a_failure_keeps_its_class(job: Jobs) -> None:
    target = Scripted()
    failure = Failure(FailureClass.QUOTA, "no quota")
    wanted = job()
    target.scripts = [[Status.FAILED]]
    record = lifecycle.start(target, wanted)
    target.records[record.name] = replace(target.records[record.name], failure=failure)
    assert lifecycle.follow(target, wanted, record, Listener(), NEVER).failure == failure


def _preempted(target: Scripted, name: str) -> None:
    failure = Failure(FailureClass.PREEMPTED, "the node was evicted")
    target.records[name] = replace(target.records[name], failure=failure)


class Evicting(Scripted):
    """Each attempt loses its node, but for the last."""

    def __init__(self, evictions: int) -> None:
        super().__init__(*([Status.RUNNING, Status.FAILED] for _ in range(evictions)), [Status.COMPLETED])

    def get(self, name: str) -> Record | None:
        found = super().get(name)
        if found and found.status is Status.FAILED:
            _preempted(self, name)
        return self.records.get(name)


def test_a_preempted_run_is_resumed_and_that_is_no_retry(job: Jobs) -> None:
    record, _, _ = _run(Evicting(3), job(retries=0))
    assert (record.status, record.attempt) == (Status.COMPLETED, 4)


def test_a_preempted_run_fails_where_that_is_wanted(job: Jobs) -> None:
    record, _, _ = _run(Evicting(1), job(on_preemption=OnPreemption.FAIL))
    assert (record.status, record.attempt) == (Status.FAILED, 1)


class Early(Scripted):
    """Each attempt but for the last fails for a cause that passes by itself."""

    def __init__(self, failures: int, seconds: float = 0.0) -> None:
        super().__init__(*([Status.RUNNING, Status.FAILED] for _ in range(failures)), [Status.COMPLETED])
        self.seconds = seconds

    def settle(self, record: Record) -> Record:
        record = super().settle(record)
        passing = Passing("a role is late", self.seconds) if record.status is Status.FAILED else None
        return replace(record, passing=passing)


@pytest.mark.parametrize(("failures", "retries", "attempts"), [(1, 0, 2), (2, 0, 2), (2, 1, 3), (3, 1, 3)])
def test_the_first_repetition_after_a_cause_that_passes_is_no_retry(
    job: Jobs, failures: int, retries: int, attempts: int
) -> None:
    record, _, _ = _run(Early(failures), job(retries=retries))
    assert (record.status.is_failure, record.attempt) == (failures == attempts, attempts)


def test_a_wait_for_a_cause_to_pass_is_told_and_ends_with_the_command(job: Jobs) -> None:
    target, stop, told = Early(1, seconds=600.0), threading.Event(), []
    target.polling = Polling(0.001, 1000.0, 0.001)

    def status(record: Record) -> None:
        told.append(record.note)
        if record.note:
            stop.set()

    record = lifecycle.run(target, job(), Listener(status=status), stop)
    assert (record.status, record.attempt) == (Status.FAILED, 1)
    assert told[-1] == "a role is late: it starts again in 10 minutes, which does not count as one of its `retries`"
    assert "claim 2" not in target.calls


def test_a_time_of_the_schedule_that_comes_before_a_retry_makes_nothing_train_anew(job: Jobs) -> None:
    target = Scripted([Status.RUNNING, Status.FAILED], [Status.RUNNING, Status.COMPLETED])
    target.created = "2026-01-01T00:00:00+00:00"
    every_minute = {"expression": "* * * * *", "time_zone": "UTC"}
    record, _, _ = _run(target, job(retries=1, schedule=every_minute))
    assert (record.status, record.attempt) == (Status.COMPLETED, 2)
    assert "forget" not in target.calls
    assert lifecycle.start(target, job(schedule=every_minute)).attempt == 3, "the next `up` trains what is due"
    assert target.calls[-3:] == ["forget", "claim 3", "launch 3"]


def test_a_run_that_waits_in_vain_is_given_up_after_its_queue_timeout_and_says_why(job: Jobs) -> None:
    target, wanted = Scripted(), job(queue_timeout=0.01)
    record = lifecycle.start(target, wanted)
    target.records[record.name] = replace(record, waiting="no nodes", in_vain=FailureClass.QUOTA)
    ended = lifecycle.follow(target, wanted, target.records[record.name], Listener(), NEVER)
    assert ended.status is Status.TIMED_OUT
    assert ended.failure
    assert ended.failure.failure_class is FailureClass.QUOTA
    assert "queue_timeout of 0.01 s: no nodes" in ended.failure.message


def test_a_run_that_can_never_get_nodes_ends_at_once_and_is_not_tried_again(job: Jobs) -> None:
    target, wanted = Scripted(), job(retries=3)
    record = lifecycle.start(target, wanted)
    target.records[record.name] = replace(record, waiting="H100 has no spot nodes", in_vain=FailureClass.SIZE)
    ended = lifecycle.see_through(target, wanted, target.records[record.name], Listener(), NEVER)
    assert ended.failure
    assert ended.failure.failure_class is FailureClass.SIZE
    assert "H100 has no spot nodes" in ended.failure.message
    assert ended.attempt == 1


def test_the_end_of_an_attempt_that_another_follows_is_told_once(job: Jobs) -> None:
    target, told = Scripted([Status.RUNNING, Status.FAILED], [Status.RUNNING, Status.COMPLETED]), []
    lifecycle.run(
        target, job(retries=1), Listener(status=lambda record: told.append((record.attempt, record.status))), NEVER
    )
    assert told == [
        (1, Status.RUNNING),
        (1, Status.FAILED),
        (2, Status.RUNNING),
        (2, Status.COMPLETED),
    ]


def test_what_a_run_waits_for_is_told_each_time_it_changes(job: Jobs) -> None:
    reasons = iter(["", "Azure allocates nodes", "Azure allocates nodes", "no quota"])

    class Waiting(Scripted):
        def get(self, name: str) -> Record | None:
            found = super().get(name)
            return replace(found, waiting=next(reasons, "")) if found else None

    target, told = Waiting([*[Status.QUEUED] * 4, Status.COMPLETED]), []
    lifecycle.run(target, job(), Listener(status=lambda record: told.append(record.waiting)), NEVER)
    assert told == ["", "Azure allocates nodes", "no quota", ""]
