"""What a command leaves running ends with it, whatever it has done to hide from us."""

import shlex
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from tests.support import processes
from tests.support.waiting import until
from trainup.core.choices import OnDelete
from trainup.core.spec import RunSpec
from trainup.core.status import Status
from trainup.jobs import lifecycle
from trainup.jobs.lifecycle import Listener
from trainup.jobs.local.processes import children, kill_children
from trainup.jobs.local.slots import Pool
from trainup.jobs.local.target import LocalTarget
from trainup.jobs.local.workspace import RunFolder, Workspace
from trainup.jobs.target import Job, Owner, Record

pytestmark = [
    pytest.mark.slow,  # every test starts real processes
    pytest.mark.skipif(sys.platform != "linux", reason="elsewhere processes are known by their token alone"),
]

OVERWRITING = """
import ctypes, os, time
if not os.fork():
    os.setsid()
    if os.fork():
        os._exit(0)
    start, end = (int(word) for word in open('/proc/self/stat').read().rpartition(')')[2].split()[47:49])
    ctypes.memset(start, 0, end - start)  # as setproctitle does, to have room for a long title
    open('overwritten', 'w').close()
    time.sleep(1000)
while not os.path.exists('overwritten'):
    time.sleep(0.01)
"""
LEAVERS = {
    "clears its environment": "env -i sleep 1000 &",
    "leaves its session too": "env -i setsid sleep 1000 &",
    "is a daemon": "(env -i setsid sh -c 'sleep 1000 & sleep 1000 &' &)",
    "overwrites its environment": f"{shlex.quote(sys.executable)} -c {shlex.quote(OVERWRITING)}",
    "takes every limit away": "(ulimit -S -m unlimited; env -i setsid sleep 1000 &)",
}
"""What a script starts, in words of the shell."""
OUTLIVING = {name: words for name, words in LEAVERS.items() if "limit" not in name}
"""Those that are found when nobody is left who saw them start."""


@pytest.fixture
def target(tmp_path: Path) -> Iterator[LocalTarget]:
    made = LocalTarget(Workspace(tmp_path / "w", tmp_path))
    yield made
    left = processes.left(made.workspace.root)
    processes.kill(left)
    assert left == []


def job_of(script: str, **facts: object) -> Job:
    spec = RunSpec(command=("sh", "-c", script), **facts)  # type: ignore[arg-type]
    return Job(run="digits", spec=spec, digest=spec.digest(), owner=Owner("urn", "t1"), cluster="gpu")


def started(target: LocalTarget, job: Job) -> tuple[Record, RunFolder]:
    """A run whose script has printed its last line."""
    Pool(target.workspace, "gpu").configure(1, [])
    record = lifecycle.start(target, job)
    until(lambda: target.log_tail(record.name, 1) == ["started"])
    return record, RunFolder(target.workspace.runs / record.name)


def commands_of(folder: RunFolder) -> list[processes.Process]:
    """What a run's command has started; its supervisor works elsewhere."""
    return processes.of(folder.code)


@pytest.mark.parametrize("code", [0, 3])
@pytest.mark.parametrize("leaver", LEAVERS.values(), ids=LEAVERS)
def test_what_a_command_leaves_behind_ends_before_its_last_status(target: LocalTarget, leaver: str, code: int) -> None:
    record, folder = started(target, job_of(f"{leaver}\necho started; exit {code}"))
    until(lambda: (target.get(record.name) or record).status.is_terminal)
    assert commands_of(folder) == []
    assert (target.get(record.name) or record).status is (Status.FAILED if code else Status.COMPLETED)


@pytest.mark.parametrize("leaver", LEAVERS.values(), ids=LEAVERS)
def test_a_canceled_run_ends_with_all_that_it_has_started(target: LocalTarget, leaver: str) -> None:
    record, folder = started(target, job_of(f"{leaver}\necho started; sleep 1000"))
    canceled = target.cancel(record.name, "changed my mind")
    assert canceled
    assert canceled.status is Status.CANCELED
    assert commands_of(folder) == []


@pytest.mark.parametrize("leaver", LEAVERS.values(), ids=LEAVERS)
def test_a_run_beyond_its_timeout_ends_with_all_that_it_has_started(target: LocalTarget, leaver: str) -> None:
    record, folder = started(target, job_of(f"{leaver}\necho started; sleep 1000", timeout=2.0))
    until(lambda: (target.get(record.name) or record).status is Status.TIMED_OUT)
    assert commands_of(folder) == []


@pytest.mark.parametrize("leaver", OUTLIVING.values(), ids=OUTLIVING)
@pytest.mark.parametrize("next_command", ["up", "destroy", "another run's"])
def test_what_outlives_a_killed_supervisor_ends_with_the_next_command(
    target: LocalTarget, leaver: str, next_command: str
) -> None:
    job = job_of(f"{leaver}\necho started; [ $TRAINUP_RUN = ${{TRAINUP_RUN%-a2}} ] || exit 0; sleep 1000")
    _, folder = started(target, job)
    processes.kill(set(processes.of(folder.path)) - set(commands_of(folder)))
    if next_command == "up":
        again = lifecycle.run(target, job, Listener(), threading.Event())
        assert (again.status, again.attempt) == (Status.COMPLETED, 2)
    elif next_command == "destroy":
        target.release(job.id, job.owner, OnDelete.KEEP)
    else:
        later = replace(job_of("true"), run="later")
        assert lifecycle.run(target, later, Listener(), threading.Event()).status is Status.COMPLETED
    assert commands_of(folder) == []


def test_a_child_that_was_there_before_the_command_goes_on() -> None:
    """The keeper of the MLflow server is one: the supervisor that first needs it is its parent."""
    before = subprocess.Popen(["sleep", "1000"], start_new_session=True)
    try:
        spared = children()
        command = subprocess.Popen(["sh", "-c", "sleep 1000"], start_new_session=True)
        kill_children(spared)
        assert before.poll() is None
        assert not psutil.pid_exists(command.pid)
    finally:
        before.kill()
        before.wait()
