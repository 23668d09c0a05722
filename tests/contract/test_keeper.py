"""Runs that wait for slots: one process keeps the queue of a cluster, and may be killed at any moment."""

import contextlib
import itertools
import os
import random
import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from tests.support import processes
from tests.support.waiting import until
from trainup.core.failure import FailureClass
from trainup.core.spec import RunSpec
from trainup.core.status import Status
from trainup.jobs import lifecycle
from trainup.jobs.lifecycle import Listener
from trainup.jobs.local import handover
from trainup.jobs.local.slots import Pool
from trainup.jobs.local.target import LocalTarget
from trainup.jobs.local.workspace import Workspace
from trainup.jobs.target import Job, Owner, Record

pytestmark = pytest.mark.slow

KEEPER, SUPERVISOR = "trainup.jobs.local.keeper", "trainup.jobs.local.supervisor"
SECRET = "planted-secret-9917"
NEVER = threading.Event()


@pytest.fixture
def target(tmp_path: Path) -> Iterator[LocalTarget]:
    target = LocalTarget(Workspace(tmp_path / "ws", tmp_path))
    target.workspace.create()
    Pool(target.workspace, "gpu").configure(1, [])
    yield target
    assert processes.left(tmp_path) == []


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "go")
    return tmp_path / "go"


@pytest.fixture
def pool(target: LocalTarget) -> Pool:
    return Pool(target.workspace, "gpu")


def job_of(script: str, run: str, **spec: object) -> Job:
    made = RunSpec(command=("sh", "-c", script), **spec)  # type: ignore[arg-type]
    return Job(run=run, spec=made, digest=made.digest(), owner=Owner(f"urn::{run}", f"token of {run}"), cluster="gpu")


def running(target: LocalTarget, gate: Path) -> Record:
    """A run that has the slot until the gate is opened."""
    record = lifecycle.start(target, job_of(f"echo started; read line < '{gate}'", "first"))
    until(lambda: target.log_tail(record.name, 1))
    return record


def keepers(target: LocalTarget) -> list[psutil.Process]:
    return processes.with_word(target.workspace.root, KEEPER)


def status_of(target: LocalTarget, record: Record) -> Status:
    found = target.get(record.name)
    assert found
    return found.status


def noting(tmp_path: Path, name: str) -> str:
    return f"echo {name} >> '{tmp_path}/starts'"


def starts(tmp_path: Path) -> list[str]:
    path = tmp_path / "starts"
    return path.read_text().split() if path.exists() else []


def test_runs_that_wait_cost_no_process(target: LocalTarget, gate: Path, tmp_path: Path) -> None:
    first = running(target, gate)
    names = [f"r{number}" for number in range(20)]
    waiting = [lifecycle.start(target, job_of(noting(tmp_path, name), name)) for name in names]
    assert (len(keepers(target)), len(processes.with_word(target.workspace.root, SUPERVISOR))) == (1, 1)
    assert {status_of(target, record) for record in waiting} == {Status.QUEUED}
    assert not any((target.get(record.name) or record).abandoned for record in waiting)
    gate.write_text("go\n")
    until(lambda: all(status_of(target, record) is Status.COMPLETED for record in [first, *waiting]))
    assert starts(tmp_path) == names, "first come, first served"
    record = target.get(waiting[-1].name)
    assert record
    assert record.phases["queued"] >= record.phases["running"]


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="here a process that is no child cannot be waited for")
def test_a_pause_of_any_length_ends_with_the_run(target: LocalTarget, gate: Path) -> None:
    record = running(target, gate)
    with ThreadPoolExecutor(1) as pool:
        pause = pool.submit(target.pause, record.name, 300.0, NEVER)
        gate.write_text("go\n")
        assert pause.result(timeout=100) is False
    assert status_of(target, record) is Status.COMPLETED
    stop = threading.Event()
    stop.set()
    assert target.pause(record.name, 300.0, stop), "the run has ended, and whoever waits is told to stop"


def test_runs_go_on_without_anybody_after_their_keeper_was_killed(
    target: LocalTarget, gate: Path, tmp_path: Path
) -> None:
    running(target, gate)
    waiting = [lifecycle.start(target, job_of(noting(tmp_path, name), name)) for name in "abc"]
    processes.kill(keepers(target))
    assert all((target.get(record.name) or record).abandoned for record in waiting)
    gate.write_text("go\n")  # the supervisor that ends finds that nobody keeps the queue
    until(lambda: all(status_of(target, record) is Status.COMPLETED for record in waiting))
    assert starts(tmp_path) == list("abc")


def test_a_run_with_secrets_keeps_its_place_and_waits_for_who_knows_them(
    target: LocalTarget, gate: Path, tmp_path: Path
) -> None:
    first = running(target, gate)
    knowing = LocalTarget(target.workspace, {"TOKEN": SECRET})
    secret_job = job_of(f'echo "$TOKEN" | wc -c; {noting(tmp_path, "secret")}', "secret", secrets=("TOKEN",))
    secret = lifecycle.start(knowing, secret_job)
    plain = lifecycle.start(target, job_of(noting(tmp_path, "plain"), "plain"))
    processes.kill(keepers(target))
    last = lifecycle.start(target, job_of(noting(tmp_path, "last"), "last"))
    assert (target.get(secret.name) or secret).abandoned
    assert not (target.get(plain.name) or plain).abandoned, "another launch has it taken over"
    lifecycle.start(knowing, secret_job)
    gate.write_text("go\n")
    until(lambda: all(status_of(target, record) is Status.COMPLETED for record in (first, secret, plain, last)))
    assert starts(tmp_path) == ["secret", "plain", "last"]
    assert target.log_tail(secret.name, 1) == [str(len(SECRET) + 1)]
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path for path in files if SECRET in path.read_text(errors="replace")] == []


def test_a_waiting_run_is_canceled_at_once_and_by_hand(target: LocalTarget, gate: Path, tmp_path: Path) -> None:
    running(target, gate)
    asked, by_hand, removed, last = (
        lifecycle.start(target, job_of(noting(tmp_path, name), name)) for name in ("asked", "hand", "removed", "last")
    )
    canceled = target.cancel(asked.name, "changed my mind")
    assert canceled
    assert (canceled.status, canceled.phases.keys()) == (Status.CANCELED, {"queued"})
    (target.workspace.runs / by_hand.name / "cancel").touch()
    shutil.rmtree(target.workspace.runs / removed.name)
    until(lambda: status_of(target, by_hand) is Status.CANCELED)
    processes.kill(keepers(target))
    ended = target.cancel(last.name, "no more")
    assert ended
    assert ended.status is Status.CANCELED
    gate.write_text("go\n")
    assert processes.left(tmp_path) == []
    assert starts(tmp_path) == []
    assert Pool(target.workspace, "gpu").tickets() == []


def test_a_cluster_that_shrinks_grows_or_goes_is_heard_of(
    target: LocalTarget, gate: Path, pool: Pool, tmp_path: Path
) -> None:
    pool.configure(2, [])
    first = running(target, gate)
    second = lifecycle.start(target, job_of(f"read line < '{gate}'", "second"))
    until(lambda: status_of(target, second) is Status.RUNNING)
    large = lifecycle.start(target, job_of(noting(tmp_path, "large"), "large", nodes=2))
    small = lifecycle.start(target, job_of(noting(tmp_path, "small"), "small"))
    pool.configure(1, [])
    handover.wake(target.workspace, pool)
    until(lambda: status_of(target, large) is Status.FAILED)
    record = target.get(large.name)
    assert record
    assert record.failure
    assert record.failure.failure_class is FailureClass.CAPACITY
    assert "2 nodes are asked for; cluster 'gpu' has max_nodes 1" in record.failure.message
    assert status_of(target, small) is Status.QUEUED
    pool.configure(3, [])
    handover.wake(target.workspace, pool)
    until(lambda: status_of(target, small) is Status.COMPLETED)
    pool.configure(1, [])
    left = lifecycle.start(target, job_of(noting(tmp_path, "left"), "left"))
    shutil.rmtree(pool.folder)
    until(lambda: status_of(target, left) is Status.FAILED)
    assert "was removed while the run waited" in ((target.get(left.name) or left).failure or record.failure).message
    with gate.open("r+b", buffering=0) as opened:  # closed after one line, the pipe would be at its end for both
        opened.write(b"\n\n")
        until(lambda: status_of(target, first).is_terminal and status_of(target, second).is_terminal)


def test_many_launches_at_once_start_one_keeper_and_each_run_once(target: LocalTarget, tmp_path: Path) -> None:
    jobs = [job_of(noting(tmp_path, f"r{number}"), f"r{number}") for number in range(12)]
    with ThreadPoolExecutor(12) as threads:
        records = list(threads.map(lambda job: lifecycle.run(target, job, Listener(), NEVER), jobs))
    assert {record.status for record in records} == {Status.COMPLETED}
    assert sorted(starts(tmp_path)) == sorted(job.run for job in jobs)


@pytest.mark.parametrize("seed", [1, 2])
def test_keepers_killed_at_any_moment_lose_and_double_nothing(
    target: LocalTarget, pool: Pool, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    pool.configure(2, [])
    jobs = [job_of(noting(tmp_path, f"r{number}"), f"r{number}") for number in range(30)]
    done = threading.Event()
    kills = 0

    def kill() -> None:
        nonlocal kills
        while not done.wait(chance.uniform(0.0, 0.3)):
            # One that cannot even begin to work shows nothing, and on a busy machine that takes its time.
            if handover.poke(pool):
                for keeper in keepers(target):
                    with contextlib.suppress(psutil.Error):
                        keeper.kill()
                        kills += 1

    with ThreadPoolExecutor(9) as threads:
        killing = threads.submit(kill)
        try:
            records = list(threads.map(lambda job: lifecycle.run(target, job, Listener(), NEVER), jobs))
        finally:
            done.set()
        killing.result()
    assert kills
    assert {record.status for record in records} == {Status.COMPLETED}
    assert sorted(starts(tmp_path)) == sorted(job.run for job in jobs), f"{kills} kills"
    assert {record.attempt for record in target.records()} == {1}


def test_a_workspace_may_lie_deep(tmp_path: Path) -> None:
    folder = tmp_path.joinpath(*itertools.repeat("a-folder-with-a-long-name", 5))
    target = LocalTarget(Workspace(folder / "ws", tmp_path))
    job = replace(job_of("true", "r"), cluster=None)
    assert lifecycle.run(target, job, Listener(), NEVER).status is Status.COMPLETED
    assert processes.left(tmp_path) == []


def test_nobody_else_reaches_the_keeper(target: LocalTarget, gate: Path, pool: Pool) -> None:
    running(target, gate)
    lifecycle.start(target, job_of("true", "waiting"))
    assert pool.keeper.stat().st_mode & 0o077 == 0
    assert (pool.keeper / "socket").stat().st_mode & 0o077 == 0
    gate.write_text("go\n")
