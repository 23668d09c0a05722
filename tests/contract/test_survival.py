"""What a machine can do to a run: full and read-only disks, a clock that jumps, everything killed at once."""

import contextlib
import itertools
import os
import random
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import processes, tracking_server
from tests.support.plugin import Failed, Plugin, plugin, urn
from tests.support.supervising import watched
from tests.support.waiting import until
from trainup.core.spec import RunSpec
from trainup.core.status import Status
from trainup.jobs.local import ledger, mlflow_server
from trainup.jobs.local.files import Lock
from trainup.jobs.local.slots import Pool
from trainup.jobs.local.target import LocalTarget
from trainup.jobs.local.workspace import Workspace
from trainup.jobs.target import Job, Owner

pytestmark = pytest.mark.slow

RUN = urn("Run", "digits")
LINES = 3_000
SUPERVISOR = "trainup.jobs.local.supervisor"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of two megabytes."""
    place = tmp_path / "disk"
    place.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m,nr_inodes=1000", "tmpfs", place], capture_output=True, text=True
    )
    if done.returncode:
        pytest.skip(f"no file system of a known size can be mounted here: {done.stderr.strip()}")
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


def given(disk: Path, command: list[str]) -> dict[str, object]:
    return {"run": "digits", "target": "local", "workspace": str(disk / "ws"), "command": command}


def checked(engine: Plugin, inputs: dict[str, object]) -> dict[str, object]:
    found, failures = engine.check(RUN, inputs)
    assert failures == {}
    return found


def ballast(disk: Path) -> Path:
    """A file that takes all the room there is."""
    path = disk / "ballast"
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(bytes(4096)):
            pass
    return path


def test_a_disk_that_is_full_for_a_while_loses_no_line_and_no_result(small_disk: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "go")
    script = (
        f"echo first; read line < '{tmp_path}/go'; "
        f"i=0; while [ $i -lt {LINES} ]; do echo line $i; i=$((i+1)); done; "
        f"echo '{{\"n\": 1}}' > outputs/metrics.json; touch '{tmp_path}/printed'"
    )
    with plugin(tmp_path) as engine:
        inputs = checked(engine, {**given(small_disk, ["sh", "-c", script]), "wait": False})
        made = engine.create(RUN, inputs)
        target = LocalTarget(Workspace(small_disk / "ws"))
        until(lambda: target.log_tail(made.outputs["name"], 1) == ["first"])
        (supervisor,) = [process for process in processes.of(small_disk) if SUPERVISOR in process.cmdline()]
        supervisor.suspend()  # what the script prints is there; the clean log and the status have to wait
        (tmp_path / "go").write_text("go\n")
        until((tmp_path / "printed").exists)
        full = ballast(small_disk)
        before = supervisor.num_ctx_switches().voluntary
        supervisor.resume()
        until(lambda: supervisor.num_ctx_switches().voluntary >= before + 5)  # it has tried, and tries again
        assert not target.get(made.outputs["name"]).status.is_terminal  # type: ignore[union-attr]
        full.unlink()
        done = engine.update(made, {**inputs, "wait": True})
        assert done.outputs["status"] == "Completed"
        assert done.outputs["metrics"] == {"n": 1}
        lines, _ = target.read_log(made.outputs["name"], 0)
        assert lines == ["first", *(f"line {number}" for number in range(LINES))]


def test_on_a_full_disk_nothing_half_written_is_left_and_the_next_try_works(small_disk: Path, tmp_path: Path) -> None:
    full = ballast(small_disk)
    with plugin(tmp_path) as engine:
        inputs = checked(engine, given(small_disk, ["true"]))
        with pytest.raises(Failed, match="No space left on device") as caught:
            engine.create(RUN, inputs)
        assert "Traceback" not in str(caught.value)
        assert LocalTarget(Workspace(small_disk / "ws")).records() == []
        full.unlink()
        assert engine.create(RUN, inputs).outputs["status"] == "Completed"


def test_a_read_only_folder_is_told_and_nothing_is_lost(small_disk: Path, tmp_path: Path) -> None:
    with plugin(tmp_path) as engine:
        made = engine.create(RUN, checked(engine, given(small_disk, ["true"])))
        assert processes.left(small_disk) == []  # the supervisor's own end comes after the run's
        subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
        again = checked(engine, {**given(small_disk, ["true"]), "rerun": "again"})
        with pytest.raises(Failed, match="Read-only file system") as caught:
            engine.create(RUN, again)
        assert "Traceback" not in str(caught.value)
        read = engine.read(made)
        assert read is not None, "what is there can be read"
        assert read.outputs == made.outputs
        subprocess.run(["mount", "-o", "remount,rw", small_disk], check=True)
        assert engine.create(RUN, again).outputs["status"] == "Completed"


def test_a_clock_that_jumps_neither_times_a_run_out_nor_makes_its_phases_nonsense(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(1)
    monkeypatch.setattr(time, "time", lambda: chance.uniform(0, 2e9))
    monkeypatch.setattr(time, "time_ns", lambda: chance.randrange(2 * 10**18))
    workspace = Workspace(tmp_path / "w", tmp_path)
    target = LocalTarget(workspace)
    spec = RunSpec(command=("sh", "-c", "echo on time"), timeout=60.0)
    job = Job(run="digits", spec=spec, digest=spec.digest(), owner=Owner(RUN, "t"))
    with target.exclusive():
        folder = ledger.claim(workspace, job, 1)
    folder.code.mkdir()
    with Lock(folder.lock):
        watched(workspace, folder, job)
    record = target.get(folder.name)
    assert record is not None
    assert record.status is Status.COMPLETED
    assert all(0 <= seconds < 60 for seconds in record.phases.values())


def test_after_a_power_cut_the_next_up_is_a_new_attempt_on_free_slots(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "go")
    with plugin(tmp_path) as engine:
        pool, _ = engine.check(urn("Pool", "p"), {"workspace": "ws", "name": "p", "max_nodes": 1})
        engine.create(urn("Pool", "p"), pool)
        script = f"echo started; [ $TRAINUP_RUN = ${{TRAINUP_RUN%-a2}} ] && read line < '{tmp_path}/go'; echo done"
        inputs = checked(
            engine, {**given(tmp_path, ["sh", "-c", script]), "workspace": "ws", "cluster": "p", "wait": False}
        )
        made = engine.create(RUN, inputs)
        target = LocalTarget(Workspace(tmp_path / "ws", tmp_path))
        until(lambda: target.log_tail(made.outputs["name"], 1) == ["started"])
        processes.kill(processes.of(tmp_path / "ws"))
    with plugin(tmp_path) as engine:
        with pytest.raises(Failed) as read:
            engine.read(made)
        assert "NotResponding" in str(read.value)
        again = engine.update(made, {**inputs, "wait": True})
    assert (again.outputs["status"], again.outputs["attempts"]) == ("Completed", 2)
    assert [record.status for record in target.attempts(made.id)] == [Status.NOT_RESPONDING, Status.COMPLETED]
    assert target.read_log(made.outputs["name"], 0)[0] == ["started"], "the log of the first one is kept"
    assert Pool(target.workspace, "p").occupied() == []


def test_a_server_whose_keeper_was_killed_is_replaced_and_takes_its_old_process_along(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "w", tmp_path)
    tracking_server.configure(workspace)
    try:
        for victims in itertools.islice(itertools.cycle(["keeper", "server", "both"]), 6):
            uri = mlflow_server.ensure(workspace)
            found = processes.of(workspace.root)
            keepers = [process for process in found if "mlflow_server" in " ".join(process.cmdline())]
            chosen = {"keeper": keepers, "server": [p for p in found if p not in keepers], "both": found}[victims]
            assert chosen
            processes.kill(chosen)
            assert mlflow_server.ensure(workspace) == uri, "the address once told stays"
            assert len(processes.of(workspace.root)) == 2, "one keeper, one server"
    finally:
        mlflow_server.stop(workspace)
    assert processes.left(workspace.root) == []
