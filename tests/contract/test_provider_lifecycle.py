"""Runs on this machine, in real processes, below the plugin."""

import os
import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support import processes
from tests.support.waiting import until
from trainup.core.choices import OnDelete
from trainup.core.spec import RunSpec
from trainup.core.status import Status
from trainup.jobs import lifecycle
from trainup.jobs.lifecycle import Listener
from trainup.jobs.local import cores, ending, environments
from trainup.jobs.local.files import read_json
from trainup.jobs.local.recipe import read_recipe
from trainup.jobs.local.slots import Pool
from trainup.jobs.local.target import LocalTarget
from trainup.jobs.local.workspace import RunFolder, Workspace
from trainup.jobs.target import Job, Owner, Record, TargetError

# Every test starts real processes.
pytestmark = pytest.mark.slow

URN = "urn:pulumi:test::trainup::trainup:index:Run::"
NEVER = threading.Event()


@pytest.fixture
def target(tmp_path: Path) -> Iterator[LocalTarget]:
    made = LocalTarget(Workspace(tmp_path / "w", tmp_path))
    yield made
    for record in made.records():
        made.cancel(record.name, "the test is over")


def _job(script: str, run: str = "digits", **facts: object) -> Job:
    spec = RunSpec(command=("sh", "-c", script))
    return Job(run=run, spec=spec, digest=spec.digest(), owner=Owner(URN + run, f"token of {run}"), **facts)  # type: ignore[arg-type]


def _start(target: LocalTarget, job: Job) -> Record:
    """Start a run and wait for its script to say so."""
    record = lifecycle.start(target, job)
    until(lambda: target.log_tail(record.name, 1))
    return record


def _folder(record: Record, target: LocalTarget) -> Path:
    return target.workspace.runs / record.name


def test_a_cluster_never_runs_more_than_it_has_slots_for(target: LocalTarget, tmp_path: Path) -> None:
    Pool(target.workspace, "gpu").configure(2, ["0", "1"])
    marks = tmp_path / "marks"
    marks.mkdir()
    script = f"cd '{marks}'; touch $TRAINUP_RUN; echo $(ls | wc -l) $CUDA_VISIBLE_DEVICES; rm $TRAINUP_RUN"
    jobs = [_job(script, f"r{index}", cluster="gpu") for index in range(8)]
    with ThreadPoolExecutor(8) as pool:
        records = list(pool.map(lambda job: lifecycle.run(target, job, Listener(), NEVER), jobs))
    assert {record.status for record in records} == {Status.COMPLETED}
    first = [target.log_tail(record.name, 1)[0].split() for record in records]
    assert {int(count) for count, _ in first} <= {1, 2}
    assert {gpu for _, gpu in first} <= {"0", "1"}
    assert list((target.workspace.slots / "gpu").glob("*.ticket")) == []


TELL_PROCESSORS = "echo $(taskset -cp $$ | sed 's/.*: //') ${OMP_NUM_THREADS:-unset}"


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity") or not shutil.which("taskset"), reason="only on Linux")
def test_runs_side_by_side_have_their_own_part_of_the_processors(target: LocalTarget, tmp_path: Path) -> None:
    processors = cores.usable()
    Pool(target.workspace, "gpu").configure(2, [])
    gate = tmp_path / "gate"
    script = f"{TELL_PROCESSORS}; until test -e '{gate}'; do sleep 0.02; done"
    records = [_start(target, _job(script, f"r{index}", cluster="gpu")) for index in range(2)]
    first = [target.log_tail(record.name, 1)[0].split() for record in records]
    gate.touch()
    for record in records:
        until(lambda name=record.name: target.get(name).status is Status.COMPLETED)  # type: ignore[misc,union-attr]
    shares = [cores.share(processors, [slot], 2) for slot in range(2)]
    assert {threads for _, threads in first} == {str(len(own)) for own in shares}
    assert sorted(_numbers(listed) for listed, _ in first) == sorted(map(list, shares))


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity") or not shutil.which("taskset"), reason="only on Linux")
def test_a_run_that_has_the_machine_for_itself_or_counts_its_threads_is_left_alone(target: LocalTarget) -> None:
    Pool(target.workspace, "one").configure(1, [])
    Pool(target.workspace, "two").configure(2, [])
    own = RunSpec(command=("sh", "-c", TELL_PROCESSORS), environment_variables={"OMP_NUM_THREADS": "7"})
    jobs = [
        (_job(TELL_PROCESSORS, "alone", cluster="one"), "unset"),
        (replace(_job(TELL_PROCESSORS, "own", cluster="two"), spec=own, digest=own.digest()), "7"),
    ]
    for job, threads in jobs:
        record = lifecycle.run(target, job, Listener(), NEVER)
        listed, told = target.log_tail(record.name, 1)[0].split()
        assert (_numbers(listed), told) == (list(cores.usable()), threads)


def _numbers(listed: str) -> list[int]:
    """`0-2,5` → 0, 1, 2, 5."""
    ends = [part.split("-") for part in listed.split(",")]
    return [number for first, *last in ends for number in range(int(first), int((last or [first])[0]) + 1)]


def test_cancel_ends_the_script_and_its_children(target: LocalTarget) -> None:
    record = _start(target, _job("sleep 1000 & echo started; wait"))
    ended = target.cancel(record.name, "because")
    assert ended
    assert ended.failure
    assert (ended.status, "because" in ended.failure.message) == (Status.CANCELED, True)
    assert processes.left(_folder(record, target)) == []


def test_a_run_canceled_before_it_started_is_never_started(target: LocalTarget) -> None:
    job = _job("echo started")
    with target.exclusive():
        claimed = target.claim(job, 1)
    target.cancel(claimed.name, "too late")
    assert target.launch(claimed, job).status is Status.CANCELED
    assert not RunFolder(target.workspace.runs / claimed.name).code.exists()


def test_a_killed_supervisor_takes_its_script_along_and_the_log_stays_whole(target: LocalTarget) -> None:
    job = _job("echo one; echo two; sleep 1000")
    record = _start(target, job)
    until(lambda: target.log_tail(record.name, 2) == ["one", "two"])
    watching = processes.of(_folder(record, target))
    processes.kill(process for process in watching if "trainup.jobs.local.supervisor" in process.cmdline())
    until(lambda: (target.get(record.name) or record).status is Status.NOT_RESPONDING)
    ended = target.settle(target.get(record.name) or record)
    assert ended.status is Status.NOT_RESPONDING
    assert processes.of(_folder(record, target)) == []
    assert target.log_tail(record.name, 9) == ["one", "two"]
    again = lifecycle.start(target, job)
    assert again.attempt == 2


def test_a_kill_before_the_outputs_were_linked_loses_no_output(target: LocalTarget) -> None:
    job = _job("echo result > outputs/result")
    with target.exclusive():
        claimed = target.claim(job, 1)
    RunFolder(target.workspace.runs / claimed.name).code.mkdir()
    record = lifecycle.run(target, job, Listener(), NEVER)
    assert record.status is Status.COMPLETED
    assert (target.workspace.runs / record.name / "outputs" / "result").read_text() == "result\n"


def test_every_line_reaches_the_listener_once(target: LocalTarget) -> None:
    lines: list[str] = []
    record = lifecycle.run(target, _job("seq 1 20000; printf end"), Listener(lines.extend), NEVER)
    assert record.status is Status.COMPLETED
    assert lines == [*map(str, range(1, 20001)), "end"]


def test_two_who_start_the_same_run_at_once_start_one(target: LocalTarget, tmp_path: Path) -> None:
    job = _job(f"echo x >> '{tmp_path}/count'")
    with ThreadPoolExecutor(6) as pool:
        done = list(pool.map(lambda _: lifecycle.run(target, job, Listener(), NEVER), range(6)))
    assert {record.name for record in done} == {job.id}
    assert (tmp_path / "count").read_text() == "x\n"


@pytest.mark.parametrize("on_delete", list(OnDelete))
def test_releasing_cancels_and_then_does_as_it_is_told(target: LocalTarget, on_delete: OnDelete) -> None:
    job = _job("echo started; sleep 1000")
    record = _start(target, job)
    target.release(job.id, Owner(job.owner.urn, "somebody else's"), on_delete)
    assert not (target.get(record.name) or record).status.is_terminal
    target.release(job.id, job.owner, on_delete)
    assert processes.left(_folder(record, target)) == []
    left = target.get(record.name)
    assert (left is None) == (on_delete is OnDelete.DELETE)
    assert (target.workspace.runs / ".checkpoints" / record.id).exists() == (on_delete is not OnDelete.DELETE)
    definition = read_json(RunFolder(target.workspace.runs / record.name).definition) or {}
    assert definition.get("archived", False) == (on_delete is OnDelete.ARCHIVE)


@pytest.mark.parametrize("on_delete", list(OnDelete))
def test_a_release_that_was_broken_off_is_made_good_by_the_next(
    target: LocalTarget, on_delete: OnDelete, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = _job("echo started; sleep 1000")
    record = _start(target, job)
    with monkeypatch.context() as patch:
        patch.setattr(ending, "CANCEL_SECONDS", -1.0)
        with pytest.raises(TargetError, match="did not end"):
            target.release(job.id, job.owner, on_delete)
    assert [owner.token for owner in (target.get(record.name) or record).owners] == [job.owner.token]
    target.release(job.id, job.owner, on_delete)
    left = target.get(record.name)
    assert (left is None) == (on_delete is OnDelete.DELETE)
    assert left is None or (left.status, left.owners) == (Status.CANCELED, ())
    assert (target.workspace.runs / ".checkpoints" / record.id).exists() == (on_delete is not OnDelete.DELETE)


def test_requirements_that_do_not_resolve_give_the_resolvers_own_message(target: LocalTarget, tmp_path: Path) -> None:
    (tmp_path / "r.txt").write_text("--no-index\nno-such-package-of-ours==1\n")
    wanted, problems = read_recipe(tmp_path / "r.txt")
    assert problems == []
    with pytest.raises(environments.BuildError, match="no-such-package-of-ours") as caught:
        environments.build(target.workspace, wanted)
    assert "exit code" in str(caught.value)
    assert [path.name for path in target.workspace.environments.iterdir() if path.is_dir()] == []


@pytest.fixture
def uv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stands for uv, whose downloads take long: writes down what it is asked for, and does nothing."""
    program = tmp_path / "path" / "uv"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\necho \"$@\" >> '{tmp_path}/asked'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    return program


def test_an_interrupted_build_ends_at_once_and_leaves_nothing(target: LocalTarget, tmp_path: Path, uv: Path) -> None:
    os.mkfifo(tmp_path / "gate")
    uv.write_text(f"#!/bin/sh\necho building\nread line < '{tmp_path}/gate'\n")
    stop, said = threading.Event(), threading.Event()
    wanted, _ = read_recipe(None)
    with ThreadPoolExecutor(2) as pool:
        building = pool.submit(environments.build, target.workspace, wanted, lambda line: said.set(), stop)
        assert said.wait(60)
        waiting = pool.submit(environments.build, target.workspace, wanted, lambda line: None, stop)
        stop.set()
        for build in (building, waiting):
            with pytest.raises(environments.BuildError, match="the next `pulumi up` builds it"):
                build.result()
    assert processes.left(tmp_path / "gate") == []
    assert [path for path in target.workspace.environments.iterdir() if path.is_dir()] == []


def test_a_second_build_is_no_build_and_the_oldest_are_pruned_but_none_in_use(
    target: LocalTarget, tmp_path: Path, uv: Path
) -> None:
    for index in range(6):
        (tmp_path / "r.txt").write_text(f"package=={index}\n")
        wanted, _ = read_recipe(tmp_path / "r.txt")
        folder = environments.build(target.workspace, wanted)
        os.utime(folder, (10 - index, 10 - index))  # the clock is set back after each of them
        if index == 0:
            environments.owners(target.workspace, wanted.reference).join(Owner(URN, "t"))
            first = wanted
    asked = (tmp_path / "asked").read_text()
    assert asked.count("pip install") == 6
    environments.build(target.workspace, wanted)
    assert (tmp_path / "asked").read_text() == asked
    assert environments.is_built(target.workspace, first.reference)
    environments.owners(target.workspace, first.reference).leave(Owner(URN, "t"))
    environments.prune(target.workspace)
    assert not environments.is_built(target.workspace, first.reference)
    assert environments.is_built(target.workspace, wanted.reference)


def test_a_folder_that_is_no_whole_environment_is_built_again(target: LocalTarget) -> None:
    wanted, _ = read_recipe(None)
    folder = environments.build(target.workspace, wanted)
    (folder / "environment.json").unlink()
    assert environments.build(target.workspace, wanted) == folder
    assert environments.is_built(target.workspace, wanted.reference)
