"""What goes wrong around a run on this machine while it goes on, below the plugin and in real processes."""

import json
import os
import shutil
import signal
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support import processes, tracking_server
from tests.support.supervising import watched
from tests.support.waiting import until
from trainup.core.failure import FailureClass
from trainup.core.spec import RunSpec
from trainup.core.status import Status
from trainup.jobs import lifecycle
from trainup.jobs.lifecycle import Listener
from trainup.jobs.local import ledger, mlflow_server
from trainup.jobs.local.files import Lock, UnreadableRecord
from trainup.jobs.local.slots import Pool
from trainup.jobs.local.supervisor import Supervisor
from trainup.jobs.local.target import LocalTarget
from trainup.jobs.local.workspace import RunFolder, Workspace
from trainup.jobs.target import Job, Owner, Record, TargetError

# Every test starts real processes.
pytestmark = pytest.mark.slow

NEVER = threading.Event()
SECRET = "pl4nted-s3cret"
SUPERVISOR = "trainup.jobs.local.supervisor"
KEEPER = "trainup.jobs.local.keeper"


@pytest.fixture
def target(tmp_path: Path) -> Iterator[LocalTarget]:
    made = LocalTarget(Workspace(tmp_path / "w", tmp_path))
    yield made
    left = processes.left(made.workspace.root)
    processes.kill(left)
    assert left == []


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """A pipe that a script reads from until somebody opens it."""
    os.mkfifo(tmp_path / "gate")
    return tmp_path / "gate"


def job_of(script: str, **facts: object) -> Job:
    spec = RunSpec(command=("sh", "-c", script))
    return Job(run="digits", spec=spec, digest=spec.digest(), owner=Owner("urn", "t1"), **facts)  # type: ignore[arg-type]


def started(target: LocalTarget, job: Job) -> tuple[Record, RunFolder]:
    """A run whose script has printed something."""
    record = lifecycle.start(target, job)
    until(lambda: target.log_tail(record.name, 1))
    return record, RunFolder(target.workspace.runs / record.name)


def followed(target: LocalTarget, job: Job, record: Record, lines: list[str] | None = None) -> Record:
    listener = Listener(lines.extend) if lines is not None else Listener()
    return lifecycle.follow(target, job, record, listener, NEVER)


def supervisor_of(folder: RunFolder) -> processes.Process:
    (found,) = [process for process in processes.of(folder.path) if SUPERVISOR in process.cmdline()]
    return found


def by_hand(target: LocalTarget, job: Job, kind: type[Supervisor]) -> RunFolder:
    """The attempt, watched over in this very process."""
    with target.exclusive():
        folder = ledger.claim(target.workspace, job, 1)
    folder.code.mkdir()
    with Lock(folder.lock):
        watched(target.workspace, folder, job, kind)
    return folder


def test_a_damaged_record_does_not_end_what_goes_on(target: LocalTarget, gate: Path) -> None:
    job = job_of(f"echo started; read line < '{gate}'; echo done")
    record, folder = started(target, job)
    sound = folder.definition.read_text()
    (folder.path / "damaged").write_text("{")
    (folder.path / "damaged").replace(folder.definition)
    with pytest.raises(UnreadableRecord):
        target.get(record.name)
    gate.write_text("go\n")
    until(lambda: json.loads(folder.status.read_text())["status"] == Status.COMPLETED)
    folder.definition.write_text(sound)
    assert followed(target, job, record).status is Status.COMPLETED


def test_a_run_whose_folder_is_removed_ends_and_its_slot_is_free_only_then(target: LocalTarget, gate: Path) -> None:
    Pool(target.workspace, "gpu").configure(1, [])
    _, folder = started(target, job_of("echo started; sleep 1000", cluster="gpu"))
    until(lambda: processes.with_word(folder.path, "sleep"))  # it begins after its shell has printed
    (command,) = processes.with_word(folder.path, "sleep")
    shutil.rmtree(folder.path)
    look = f"! grep -q sleep /proc/{command.pid}/cmdline"  # one that has ended, and is not reaped yet, has no words
    later = replace(job_of(look, cluster="gpu"), run="later")
    assert lifecycle.run(target, later, Listener(), NEVER).status is Status.COMPLETED
    assert processes.left(folder.path) == []


def test_a_request_to_cancel_that_was_made_by_hand_needs_no_words(target: LocalTarget) -> None:
    job = job_of("echo started; sleep 1000")
    record, folder = started(target, job)
    folder.cancel.touch()
    assert followed(target, job, record).status is Status.CANCELED


def test_a_run_ends_though_somebody_has_stopped_its_supervisor(target: LocalTarget) -> None:
    record, folder = started(target, job_of("echo started; sleep 1000"))
    supervisor_of(folder).suspend()
    ended = target.cancel(record.name, "the test wants it")
    assert ended
    assert ended.status is Status.CANCELED


def test_a_command_that_somebody_has_stopped_can_still_put_its_things_in_order(target: LocalTarget) -> None:
    in_order = "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(print('in order')))"
    script = f'exec "{sys.executable}" -u -c "{in_order}; print(\'started\'); signal.pause()"'
    record, folder = started(target, job_of(script))
    (command,) = processes.of(folder.code)
    command.suspend()
    ended = target.cancel(record.name, "the test wants it")
    assert ended
    assert (ended.status, target.log_tail(record.name, 9)) == (Status.CANCELED, ["started", "in order"])


def test_a_run_that_waits_ends_though_somebody_has_stopped_the_keeper_of_its_queue(target: LocalTarget) -> None:
    Pool(target.workspace, "gpu").configure(1, [])
    first, _ = started(target, job_of("echo started; sleep 1000", cluster="gpu"))
    later = replace(job_of("true", cluster="gpu"), run="later", owner=Owner("urn of another", "t2"))
    waiting = lifecycle.start(target, later)
    (keeper,) = [one for one in processes.of(target.workspace.root) if KEEPER in one.cmdline()]
    keeper.suspend()
    ended = target.cancel(waiting.name, "the test wants it")
    assert ended
    assert ended.status is Status.CANCELED
    target.cancel(first.name, "the test is over")


def test_a_tracking_server_ends_though_somebody_has_stopped_it_and_what_keeps_it(target: LocalTarget) -> None:
    tracking_server.configure(target.workspace)
    mlflow_server.ensure(target.workspace)
    for process in processes.of(target.workspace.root):
        process.suspend()
    mlflow_server.stop(target.workspace)
    assert not mlflow_server.is_running(target.workspace)


def test_nothing_of_a_command_goes_on_when_its_supervisor_fails(target: LocalTarget) -> None:
    class Failing(Supervisor):
        def stop_request(self, seconds: float) -> None:
            if "ready" in self.folder.raw_log.read_text():
                raise RuntimeError("the supervisor has a mistake")

    folder = by_hand(target, job_of("setsid sleep 1000 & echo ready; sleep 1000"), Failing)
    assert processes.left(folder.path) == []
    record = target.get(folder.name)
    assert record
    assert record.failure
    assert (record.status, record.failure.failure_class) == (Status.FAILED, FailureClass.SERVICE)
    assert "the supervisor has a mistake" in record.failure.message
    assert target.log_tail(folder.name, 9) == ["ready"]
    assert not folder.raw_log.exists()


def test_who_sees_that_a_run_has_ended_finds_its_slots_free(target: LocalTarget) -> None:
    Pool(target.workspace, "gpu").configure(1, [])
    seen: dict[Status, int] = {}

    class Told(Supervisor):
        def enter(self, status: Status, **facts: object) -> None:
            seen[status] = self.pool.in_use()
            super().enter(status, **facts)

    by_hand(target, job_of("true", cluster="gpu"), Told)
    assert seen == {Status.PREPARING: 1, Status.RUNNING: 1, Status.FINALIZING: 1, Status.COMPLETED: 0}


def test_what_the_ranks_of_a_run_printed_is_kept_without_its_secrets(target: LocalTarget, tmp_path: Path) -> None:
    """A launcher of our own in the place of torchrun: what is tested is what becomes of what it leaves."""
    source = tmp_path / "code"
    launcher = source / "torch" / "distributed" / "run.py"
    launcher.parent.mkdir(parents=True)
    launcher.write_text(
        "import os, pathlib, sys\n"
        "(folder,) = (word.partition('=')[2] for word in sys.argv if word.startswith('--log-dir='))\n"
        "rank = pathlib.Path(folder, 'none', 'attempt_0', '0')\n"
        "rank.mkdir(parents=True)\n"
        "(rank / 'stdout.log').write_text(os.environ['TOKEN'])\n"
        "print('[rank0]:', os.environ['TOKEN'])\n"
    )
    from trainup.jobs import snapshot

    taken = snapshot.take(source, cache=snapshot.StatCache.load(tmp_path / "none"), allow_secrets=())
    spec = RunSpec(command=("python", "main.py"), nodes=2, secrets=("TOKEN",), snapshot=taken.digest)
    job = Job(run="digits", spec=spec, digest=spec.digest(), owner=Owner("urn", "t1"), source=source, cluster="gpu")
    target = LocalTarget(target.workspace, {"TOKEN": SECRET})
    Pool(target.workspace, "gpu").configure(2, [])
    record = lifecycle.run(target, job, Listener(), NEVER)
    assert (record.status, target.log_tail(record.name, 9)) == (Status.COMPLETED, ["[rank0]: ***"])
    files = [path for path in target.workspace.root.rglob("*") if path.is_file()]
    assert [path for path in files if SECRET in path.read_text(errors="replace")] == []


def test_a_run_never_starts_without_its_secrets(target: LocalTarget) -> None:
    spec = RunSpec(command=("sh", "-c", "echo ${TOKEN:-nothing} | wc -c"), secrets=("TOKEN",))
    job = Job(run="digits", spec=spec, digest=spec.digest(), owner=Owner("urn", "t1"))
    with pytest.raises(TargetError, match="could not be queued: the values of its secrets TOKEN did not come with it"):
        lifecycle.start(target, job)
    (record,) = target.attempts(job.id)
    assert record.abandoned
    done = lifecycle.run(LocalTarget(target.workspace, {"TOKEN": SECRET}), job, Listener(), NEVER)
    assert (done.name, done.status) == (record.name, Status.COMPLETED)
    assert target.log_tail(done.name, 1) == [str(len(SECRET) + 1)]


def test_every_line_is_heard_of_a_run_whose_supervisor_was_killed(
    target: LocalTarget, gate: Path, tmp_path: Path
) -> None:
    job = job_of(f"echo started; read line < '{gate}'; seq 1 2000; touch '{tmp_path}/printed'; sleep 1000")
    record, folder = started(target, job)
    lines: list[str] = []
    with ThreadPoolExecutor(1) as pool:
        following = pool.submit(followed, target, job, record, lines)
        until(lambda: lines == ["started"])
        supervisor = supervisor_of(folder)
        supervisor.suspend()
        gate.write_text("go\n")
        until((tmp_path / "printed").exists)
        supervisor.kill()
        assert following.result().status is Status.NOT_RESPONDING
    assert lines == ["started", *map(str, range(1, 2001))] == target.read_log(record.name, 0)[0]


def test_what_outlives_a_killed_supervisor_is_ended_before_another_gets_its_slots(target: LocalTarget) -> None:
    Pool(target.workspace, "gpu").configure(1, [])
    _, folder = started(target, job_of("setsid sleep 1000 & echo started; wait", cluster="gpu"))
    supervisor_of(folder).send_signal(signal.SIGKILL)
    later = replace(job_of("true", cluster="gpu"), run="later")
    assert lifecycle.run(target, later, Listener(), NEVER).status is Status.COMPLETED
    assert processes.of(folder.path) == []


def test_a_run_is_canceled_while_it_waits_for_the_mlflow_server(target: LocalTarget) -> None:
    tracking_server.configure(target.workspace, tracking_server.NEVER_ANSWERS)
    try:
        record = lifecycle.start(target, job_of("echo never"))
        until(lambda: (target.get(record.name) or record).status is Status.PREPARING)
        until(lambda: mlflow_server.is_running(target.workspace))
        canceled = target.cancel(record.name, "changed my mind")
        assert canceled
        assert canceled.status is Status.CANCELED
    finally:
        mlflow_server.stop(target.workspace)


def test_neither_a_run_nor_its_supervisor_sees_the_credentials_of_who_deploys(
    target: LocalTarget, gate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_CLIENT_SECRET", SECRET)
    job = job_of(f"echo started; read line < '{gate}'")
    record, folder = started(target, job)
    assert len(processes.of(folder.path)) == 2
    for process in processes.of(folder.path):
        assert SECRET not in str(process.environ())
    gate.write_text("go\n")
    assert followed(target, job, record).status is Status.COMPLETED
