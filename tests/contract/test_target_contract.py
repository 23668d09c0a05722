"""What `Target` promises holds on every target: on this machine, and on Azure, which is simulated on it."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.waiting import until
from tests.support.worlds import NEVER, STACK, WORLDS, World
from trainup.cli.runs import lookup, masking, recorded
from trainup.cli.stack import RUN_TYPE, Stack
from trainup.core.choices import OnDelete
from trainup.core.errors import UserError
from trainup.core.failure import Failure, FailureClass
from trainup.core.status import Status
from trainup.core.targets import TARGETS
from trainup.core.trials import Trial, tag_of
from trainup.core.values import UNKNOWN, Secret
from trainup.jobs import comparing, lifecycle
from trainup.jobs.azure.http.client import API_VERSION
from trainup.jobs.azure.job.observation import Observer
from trainup.jobs.azure.job.request import request_of
from trainup.jobs.azure.target import AzureTarget
from trainup.jobs.lifecycle import Interrupted, Listener
from trainup.jobs.snapshot import StatCache, take
from trainup.jobs.target import Job, Owner, Record, StackUrns, Target, TargetError

# Every test starts real processes.
pytestmark = pytest.mark.slow

UNHEARD = "pets-000000000000"
LINES = [f"line {number}" for number in range(200)]
TALK = 'for n in $(seq 0 199); do echo "line $n"; done'
SECRET = "pl4nted-s3cret"
START = """\
import json, sys
from pathlib import Path
from trainup.jobs import lifecycle
from trainup.jobs.job_inputs import job_of
from trainup.jobs.target import Owner
from trainup.jobs.targets import target_of

inputs, project, urn = json.loads(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
target, job = target_of(inputs, project), job_of(inputs, project, Owner(urn, "t-pets"))
print("ready", flush=True)
sys.stdin.readline()
print(lifecycle.start(target, job).name, flush=True)
"""


@pytest.fixture(params=TARGETS)
def world(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with WORLDS[request.param](tmp_path, monkeypatch) as made:
        yield made


@contextmanager
def starter(world: World, text: str) -> Iterator["subprocess.Popen[str]"]:
    """A process that is about to start a run."""
    job = world.job(text)
    world.started.append(job.id)
    words = [sys.executable, "-c", START, json.dumps(world.inputs(text)), str(world.project), job.owner.urn]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert next_line(process) == "ready"
        yield process


def go_on(process: "subprocess.Popen[str]") -> None:
    assert process.stdin
    process.stdin.write("\n")
    process.stdin.flush()


def next_line(process: "subprocess.Popen[str]") -> str:
    """The next line that the process prints."""
    assert process.stdout
    return process.stdout.readline().strip()


def failure_of(record: Record | None) -> Failure:
    assert record is not None
    assert record.failure is not None, record
    return record.failure


def get(target: Target, name: str) -> Record:
    record = target.get(name)
    assert record is not None
    return record


# From the start to the end.


def test_a_run_is_started_followed_and_leaves_its_log_its_files_and_its_metrics(world: World) -> None:
    metrics = """printf '{"accuracy": 0.9}' > "$TRAINUP_OUTPUT_DIR/metrics.json" """
    job = world.job(f'echo hello; echo weights > "$TRAINUP_OUTPUT_DIR/model.bin"; {metrics}; echo bye')
    target = world.target()
    record, lines = world.run(job, target)
    assert (record.status, record.failure, record.attempt) == (Status.COMPLETED, None, 1), lines
    assert (record.name, record.id, record.run, record.digest) == (job.id, job.id, "pets", job.digest)
    assert lines == target.log_tail(record.name, 5) == ["hello", "bye"]
    files = {file.path: b"".join(file.pieces()) for file in target.files(record.name)}
    assert files["model.bin"] == b"weights\n"
    assert (record.metrics, record.best) == ({"accuracy": 0.9}, {"accuracy": 0.9})


def test_whoever_looks_later_sees_the_same_record(world: World) -> None:
    job = world.job("exit 3")
    record, _ = world.run(job)
    assert world.target().get(record.name) == record
    assert world.target().attempts(job.id) == [record]


def test_a_record_tells_where_a_run_stands_and_whose_it_is(world: World) -> None:
    job, started = world.running()
    record = get(world.target(), started.name)
    assert (record.status, record.abandoned, record.owners) == (Status.RUNNING, False, (job.owner,))
    assert [other.name for other in world.target().active_runs(job)] == [started.name]
    world.target().cancel(started.name, "enough")
    assert world.target().active_runs(job) == []


def test_named_outputs_are_apart_from_the_others(world: World) -> None:
    job = world.job(
        "echo model > ${{outputs.best}}/model.bin; echo rest > $TRAINUP_OUTPUT_DIR/rest", outputs={"best": {}}
    )
    target = world.target()
    record, lines = world.run(job, target)
    assert record.status is Status.COMPLETED, lines
    assert [file.path for file in target.files(record.name, "best")] == ["model.bin"]
    with pytest.raises(TargetError, match="has no output 'worst'"):
        target.files(record.name, "worst")


# Starting once.


def test_a_run_that_goes_on_is_attached_to(world: World) -> None:
    job, first = world.running()
    second = world.start(job)
    assert (second.name, world.count("began")) == (first.name, 1)
    assert len(world.target().attempts(job.id)) == 1


def test_a_completed_run_is_never_started_again(world: World) -> None:
    job = world.job(f"echo x >> {world.project}/starts")
    first, _ = world.run(job)
    second, _ = world.run(job)
    assert (second.name, second.attempt, world.count("starts")) == (first.name, 1, 1)


def test_launching_twice_starts_once(world: World) -> None:
    target = world.target()
    job = world.job(f"echo x >> {world.project}/starts; sleep 600")
    record = world.start(job, target)
    until(lambda: world.count("starts"))
    for again in (target, world.target()):
        assert again.launch(record, job).name == record.name
    assert world.count("starts") == 1
    assert len(target.attempts(job.id)) == 1


def test_a_claim_whose_process_was_killed_is_started_by_the_next(world: World) -> None:
    target, job = world.target(), world.job(f"echo x >> {world.project}/starts")
    with target.exclusive():
        claim = target.claim(job, 1)
    assert (claim.name, claim.abandoned) == (job.id, True)
    record, _ = world.run(job)
    assert (record.name, record.status, world.count("starts")) == (claim.name, Status.COMPLETED, 1)


def test_threads_that_start_at_once_start_one(world: World) -> None:
    job = world.job(f"echo x >> {world.project}/starts; sleep 600")
    gate = threading.Barrier(4)

    def start(target: Target) -> str:
        gate.wait()
        return world.start(job, target).name

    with ThreadPoolExecutor(4) as pool:
        names = set(pool.map(start, [world.target() for _ in range(4)]))
    until(lambda: world.count("starts"))
    assert (names, world.count("starts")) == ({job.id}, 1)


def test_processes_that_start_at_once_start_one(world: World) -> None:
    text = f"echo x >> {world.project}/starts; sleep 600"
    job = world.job(text)
    with starter(world, text) as first, starter(world, text) as second:
        for process in (first, second):
            go_on(process)
        assert [next_line(process) for process in (first, second)] == [job.id] * 2
    until(lambda: world.count("starts"))
    assert world.count("starts") == 1
    assert len(world.target().attempts(job.id)) == 1


def test_a_run_outlives_the_process_that_started_it(world: World) -> None:
    text = f"echo x >> {world.project}/starts; until test -e {world.project}/gate; do sleep 0.05; done"
    with starter(world, text) as process:
        go_on(process)
        name = next_line(process)
        process.kill()
    (world.project / "gate").touch()
    record, _ = world.run(world.job(text))
    assert (record.name, record.status, world.count("starts")) == (name, Status.COMPLETED, 1)


def test_one_instance_serves_threads_with_different_runs(world: World) -> None:
    target, names = world.target(), ("birds", "cats", "dogs")
    with ThreadPoolExecutor(3) as pool:
        ends = list(pool.map(lambda name: world.run(world.job(f"echo {name}", name), target), names))
    assert [(record.run, record.status, lines) for record, lines in ends] == [
        (name, Status.COMPLETED, [name]) for name in names
    ]


def test_a_failed_run_is_followed_by_another_attempt(world: World) -> None:
    job = world.job(f"echo x >> {world.project}/starts; test $(wc -l < {world.project}/starts) = 2")
    first, _ = world.run(job)
    second, _ = world.run(job)
    assert (first.name, first.status) == (job.id, Status.FAILED)
    assert (second.name, second.status, second.attempt) == (f"{job.id}-a2", Status.COMPLETED, 2)
    assert [record.attempt for record in world.target().attempts(job.id)] == [1, 2]


def test_retries_are_attempts_of_one_run(world: World) -> None:
    job = world.job(f"echo x >> {world.project}/starts; test $(wc -l < {world.project}/starts) = 3", retries=5)
    record, _ = world.run(job)
    assert (record.status, record.attempt, world.count("starts")) == (Status.COMPLETED, 3, 3)


def test_an_active_run_of_the_same_resource_with_other_inputs_ends_first(world: World) -> None:
    _, old = world.running()
    record, _ = world.run(world.job("true"))
    assert record.status is Status.COMPLETED
    ended = get(world.target(), old.name)
    assert (ended.status, "replaced by a run" in failure_of(ended).message) == (Status.CANCELED, True)


def test_whoever_stops_waiting_leaves_the_run_going(world: World) -> None:
    job, record = world.running(f"until test -e {world.project}/gate; do sleep 0.05; done")
    stop = threading.Event()
    stop.set()
    with pytest.raises(Interrupted):
        lifecycle.follow(world.target(), job, record, Listener(), stop)
    (world.project / "gate").touch()
    assert world.run(job)[0].status is Status.COMPLETED
    assert world.count("began") == 1


# Policy and owners.


def test_policy_is_changed_in_place(world: World) -> None:
    _, record = world.running(timeout="1h", tags={"team": "a"})
    job = world.job(f"echo began >> {world.project}/began; sleep 600", token="t2", timeout="2h", tags={"team": "b"})
    adopted = world.start(job)
    assert (adopted.name, adopted.digest, world.count("began")) == (record.name, record.digest, 1)
    assert [owner.token for owner in get(world.target(), record.name).owners] == ["t2"]
    assert world.start(job).name == record.name, "and once more"


def test_two_stacks_share_a_run_until_both_have_given_it_up(world: World) -> None:
    first, record = world.running()
    second = replace(first, owner=Owner(STACK.format("prod", "pets"), "t2"))
    assert {owner.token for owner in world.start(second).owners} == {"t-pets", "t2"}
    for _ in range(2):  # a repetition does nothing
        world.target().release(first.id, first.owner, OnDelete.DELETE)
        assert get(world.target(), record.name).status is Status.RUNNING
    world.target().release(second.id, second.owner, OnDelete.KEEP)
    now = get(world.target(), record.name)
    assert (now.status, now.owners) == (Status.CANCELED, ())


@pytest.mark.parametrize("on_delete", list(OnDelete))
def test_what_nobody_owns_is_kept_or_deleted_as_it_was_said(world: World, on_delete: OnDelete) -> None:
    job = world.job("true")
    record, _ = world.run(job)
    for _ in range(2):
        world.target().release(job.id, job.owner, on_delete)
        assert (world.target().get(record.name) is None) == (on_delete is OnDelete.DELETE)


def test_a_run_that_was_deleted_meanwhile_cannot_be_adopted(world: World) -> None:
    job = world.job("true")
    record, _ = world.run(job)
    world.target().release(job.id, job.owner, OnDelete.DELETE)
    target = world.target()
    with target.exclusive(), pytest.raises(TargetError, match=record.name):
        target.adopt(record, job)
    assert target.get(record.name) is None


def test_the_metrics_and_parameters_of_many_runs_are_told_at_once(world: World) -> None:
    write = """echo '{"accuracy": 0.%d}' > "$TRAINUP_OUTPUT_DIR/metrics.json\""""
    shell = ["bash", "-c", write % 5, "--lr", "0.1"], ["bash", "-c", write % 7, "--lr", "0.2", "--smoke"]
    for command in shell:
        assert world.run(world.job("", command=command))[0].status is Status.COMPLETED
    target = world.target()
    records, _ = target.history(StackUrns("dev", "trainup", urns={"pets": world.job("").owner.urn}))
    told = [(one.parameters["lr"], one.parameters.get("smoke"), one.metrics) for one in target.measured(records)]
    assert told == [("0.1", None, {"accuracy": 0.5}), ("0.2", "true", {"accuracy": 0.7})]


def test_a_stack_finds_its_former_runs_and_none_of_others(world: World) -> None:
    former, now = world.job("echo 1"), world.job("echo 2")
    gone, others = world.job("echo 3", run="gone"), world.job("echo 4", run="others", stack="prod")
    names = {job.id: world.run(job)[0].name for job in (former, now, gone, others)}
    world.target().release(former.id, former.owner, OnDelete.KEEP)
    world.target().release(gone.id, gone.owner, OnDelete.KEEP)
    world.target().release(others.id, others.owner, OnDelete.KEEP)
    stack = StackUrns("dev", "trainup", urns={"pets": now.owner.urn})
    target = world.target()
    records, problems = target.history(stack)
    assert ([record.name for record in records], problems) == ([names[job.id] for job in (former, now, gone)], [])
    assert [record.name for record in target.history(stack, "go")[0]] == [names[gone.id]]
    record = target.get(names[others.id])
    assert record
    assert not target.is_of(record, stack)
    record = target.get(names[former.id])
    assert record
    assert target.is_of(record, stack)


def test_a_run_at_work_is_found_with_its_seconds_and_metrics(world: World) -> None:
    text = """printf '{"loss": 0.5}' > "$TRAINUP_OUTPUT_DIR/metrics.json"; echo began >> %s/began; sleep 600"""
    job, record = world.running(text % world.project)
    stack, target = StackUrns("dev", "trainup", urns={"pets": job.owner.urn}), world.target()
    if isinstance(target, AzureTarget):  # whose nodes upload files when a run ends
        metric = {"run_id": record.name, "key": "loss", "value": 0.5, "timestamp": 1, "step": 1}
        target.workspace.client.post(f"{target.workspace.mlflow}/runs/log-metric", metric, version="")
    until(lambda: get(target, record.name).status is Status.RUNNING)
    (active,) = target.at_work("pets", stack)
    assert active.name == record.name
    until(lambda: target.live(get(target, record.name)).metrics == {"loss": 0.5})
    assert target.live(get(target, record.name)).phases["running"] > 0
    assert target.log_position(record.name, 0) == 0
    ended = target.cancel(record.name, "enough")
    assert ended
    assert target.live(ended) == ended
    assert world.target().at_work("pets", stack) == []
    assert world.target().at_work("other", stack) == []


def test_who_does_not_own_a_run_gives_nothing_up(world: World) -> None:
    job, record = world.running()
    world.target().release(job.id, replace(job.owner, token="an older one"), OnDelete.DELETE)
    assert get(world.target(), record.name).status is Status.RUNNING


# What there is not.


def test_names_that_nobody_gave_stand_for_nothing(world: World) -> None:
    target = world.target()
    assert target.get(UNHEARD) is None
    assert target.attempts(UNHEARD) == []
    assert target.active_runs(world.job("true")) == []
    assert target.cancel(UNHEARD, "enough") is None
    target.release(UNHEARD, Owner("urn", "t1"), OnDelete.DELETE)
    assert (target.read_log(UNHEARD, 0)[0], target.log_tail(UNHEARD, 5)) == ([], [])
    with pytest.raises(TargetError, match=UNHEARD):
        target.files(UNHEARD)


def test_inputs_that_are_not_known_yet_start_nothing(world: World) -> None:
    with pytest.raises(TargetError, match="not complete"):
        world.job("true", inputs={"pets": {"uri": UNKNOWN, "digest": UNKNOWN}})


def test_a_run_whose_data_is_not_there_is_refused_and_leaves_no_record(world: World) -> None:
    job = world.job("ls ${{inputs.pets}}", inputs={"pets": {"uri": world.missing, "digest": "v1"}})
    with pytest.raises(TargetError, match="pets"):
        lifecycle.start(world.target(), job)
    assert world.target().attempts(job.id) == []


# Cancellation.


def end_of(record: Record | None) -> tuple[Status, FailureClass, bool]:
    failure = failure_of(record)
    assert record is not None
    return record.status, failure.failure_class, "no longer wanted" in failure.message


CANCELED = (Status.CANCELED, FailureClass.CANCELED, True)


def test_a_run_that_goes_on_is_canceled_and_that_can_be_repeated(world: World) -> None:
    _, record = world.running()
    for target in (world.target(), world.target()):
        assert end_of(target.cancel(record.name, "no longer wanted")) == CANCELED
        assert end_of(target.get(record.name)) == CANCELED
    assert end_of(world.target().cancel(record.name, "another reason")) == CANCELED, "the first reason counts"


def test_a_run_that_waits_in_the_queue_is_canceled_and_never_begins(world: World) -> None:
    world.running()
    record = world.start(world.job(f"echo x >> {world.project}/starts", "birds"))
    assert get(world.target(), record.name).status is Status.QUEUED
    assert end_of(world.target().cancel(record.name, "no longer wanted")) == CANCELED
    assert world.count("starts") == 0


def test_a_run_that_was_claimed_and_never_launched_does_not_outlive_its_cancellation(world: World) -> None:
    target, job = world.target(), world.job(f"echo x >> {world.project}/starts")
    with target.exclusive():
        claim = target.claim(job, 1)
    target.cancel(claim.name, "no longer wanted")
    assert target.active_runs(job) == []
    assert world.count("starts") == 0


def test_a_run_whose_node_is_taken_away_resumes_from_its_checkpoints(world: World) -> None:
    text = f"""cd "$TRAINUP_CHECKPOINT_DIR"; [ -e half ] && echo resumed && exit
        touch half; echo began >> {world.project}/began; exec sleep 600"""
    job, lines = world.job(text), list[str]()
    with ThreadPoolExecutor(1) as pool:
        end = pool.submit(lifecycle.run, world.target(), job, Listener(lines.extend), NEVER)
        until(lambda: world.count("began") > 0)
        (active,) = world.target().active_runs(job)
        world.target().evict(active.name, "a drill")
        record = end.result()
    assert record.status is Status.COMPLETED
    assert lines[-1] == "resumed"
    former = [one for one in world.target().attempts(job.id) if one.name != record.name]
    assert all(one.failure is not None and one.failure.failure_class is FailureClass.PREEMPTED for one in former)


def test_a_run_that_has_no_nodes_loses_none(world: World) -> None:
    record, _ = world.run(world.job("true"))
    world.target().evict(record.name, "a drill")
    assert world.target().get(record.name) == record
    world.target().evict(UNHEARD, "a drill")


def test_the_cancellation_of_a_run_that_has_ended_changes_nothing(world: World) -> None:
    record, _ = world.run(world.job("true"))
    again = world.target().cancel(record.name, "no longer wanted")
    assert (again and again.status) is Status.COMPLETED
    assert get(world.target(), record.name).status is Status.COMPLETED


def test_whoever_looks_at_a_job_of_azure_while_another_thread_cancels_it_does_not_miss_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with WORLDS["azure"](tmp_path, monkeypatch) as world:
        _, record = world.running()
        target = world.target()
        get(target, record.name)
        read, end = Observer.details, Observer.wait

        def meanwhile(self: Observer, name: str) -> Any:
            monkeypatch.setattr(Observer, "details", read)
            monkeypatch.setattr(Observer, "wait", lambda *rest: None)  # the other thread comes no further
            target.cancel(name, "enough")
            monkeypatch.setattr(Observer, "wait", end)
            return self.details(name)

        monkeypatch.setattr(Observer, "details", meanwhile)
        assert target.get(record.name) is not None


def test_threads_that_cancel_at_once_see_the_same_end(world: World) -> None:
    _, record = world.running()
    with ThreadPoolExecutor(3) as pool:
        ends = list(
            pool.map(lambda target: target.cancel(record.name, "no longer wanted"), [world.target() for _ in range(3)])
        )
    assert [end_of(end) for end in ends] == [CANCELED] * 3


# Failures.


@pytest.mark.parametrize(
    ("text", "inputs", "status", "kind", "exit_code"),
    [
        ("echo broken; exit 3", {}, Status.FAILED, FailureClass.USER_CODE, 3),
        ("no-such-program", {}, Status.FAILED, FailureClass.ENVIRONMENT, 127),
        ("sleep 600", {"timeout": "1s"}, Status.TIMED_OUT, FailureClass.TIMEOUT, None),
    ],
)
def test_failures_have_the_same_class_everywhere(
    world: World, text: str, inputs: dict[str, Any], status: Status, kind: FailureClass, exit_code: int | None
) -> None:
    record, _ = world.run(world.job(text, **inputs))
    failure = failure_of(record)
    assert (record.status, failure.failure_class, failure.exit_code) == (status, kind, exit_code)


def test_a_run_that_waits_for_too_long_has_failed_for_want_of_capacity(world: World) -> None:
    world.running()
    record, _ = world.run(world.job("true", "birds", queue_timeout="1s"))
    assert (record.status, failure_of(record).failure_class) == (Status.TIMED_OUT, FailureClass.CAPACITY)


@pytest.mark.parametrize("text", ["true", "exit 3"])
def test_a_run_that_has_ended_is_settled_as_often_as_anybody_likes(world: World, text: str) -> None:
    record, _ = world.run(world.job(text))
    for target in (world.target(), world.target()):
        assert target.settle(get(target, record.name)) == record
    assert world.target().get(record.name) == record


# Logs.


def test_a_log_is_read_on_from_a_position_without_loss_or_repetition(world: World) -> None:
    text = f"{TALK.replace('done', f'test $n != 99 || until test -e {world.project}/gate; do sleep 0.05; done; done')}"
    job = world.job(text)
    target = world.target()
    record = world.start(job, target)
    lines: list[str] = []
    position = 0

    def read() -> int:
        nonlocal position
        get(target, record.name)
        position = lifecycle.read_on(target, record.name, position, lines.extend)
        return len(lines)

    until(lambda: read() >= 100)
    assert lines == LINES[:100]
    (world.project / "gate").touch()
    until(lambda: get(target, record.name).status.is_terminal)
    target.settle(get(target, record.name))
    read()
    assert lines == LINES
    assert target.read_log(record.name, position) == ([], position), "nothing is new"
    again: list[str] = []
    lifecycle.read_on(target, record.name, 0, again.extend)
    assert again == LINES, "0 is the beginning"
    assert world.target().log_tail(record.name, 3) == LINES[-3:]


def test_a_later_reader_gets_the_whole_log(world: World) -> None:
    record, lines = world.run(world.job(TALK))
    later: list[str] = []
    target = world.target()
    get(target, record.name)
    lifecycle.read_on(target, record.name, 0, later.extend)
    assert later == lines == LINES


def test_secrets_reach_the_command_and_no_log(world: World) -> None:
    secrets = {"TOKEN": Secret(SECRET)}
    job = world.job(f"echo $TOKEN; test $TOKEN = {SECRET[:4]}$(echo {SECRET[4:]})", secrets=secrets)
    record, lines = world.run(job, world.target(secrets=secrets))
    assert (record.status, lines) == (Status.COMPLETED, ["***"])


def test_a_log_whose_secrets_no_state_has_is_shown_where_it_was_masked_when_it_was_written(world: World) -> None:
    job = world.job("echo $TOKEN", secrets={"TOKEN": Secret(SECRET)})
    target = world.target(secrets={"TOKEN": Secret(SECRET)})
    record, _ = world.run(job, target)
    without = Stack("dev", "trainup", [])
    inputs = {"run": "pets", "secrets": {"TOKEN": SECRET}}
    masking.check_log(Stack("dev", "trainup", [{"type": RUN_TYPE, "inputs": inputs}]), target, record)
    if world.cloud is None:
        masking.check_log(without, target, record)
        return
    with pytest.raises(UserError, match=f"{record.name} has the secrets TOKEN, whose values the state of stack 'dev'"):
        masking.check_log(without, target, record)


def test_the_code_and_the_definition_of_an_attempt_are_read_from_its_record(world: World) -> None:
    (world.project / "src").mkdir(exist_ok=True)
    files = {"main.py": "print(1)\n", "sub/größe.txt": "1\n", "empty": ""}
    for name, text in files.items():
        (world.project / "src" / name).parent.mkdir(exist_ok=True)
        (world.project / "src" / name).write_text(text)
    content = take(world.project / "src", cache=StatCache(world.project / "cache.json"))
    snapshot = {"source": "src", "snapshot_digest": content.digest, "manifest": content.manifest}
    variables = {"LEVEL": "one"}
    job = world.job("echo stray > stray.txt", environment_variables=variables, rerun="1", **snapshot)
    record, lines = world.run(job)
    assert record.status is Status.COMPLETED, lines
    target = world.target()
    code = {file.path: b"".join(file.pieces()).decode() for file in target.code(record.name)}
    assert code == files, "the files that it got, and none that it wrote"
    definition = target.definition(record.name)
    assert definition.inputs["environment_variables"] == variables
    assert "echo stray" in str(definition.inputs["command"])
    assert "mkdir" not in str(definition.inputs["command"])
    assert definition.inputs.get("rerun") == "1" or "rerun" in definition.unknown
    for ask in (target.code, target.definition):
        with pytest.raises(TargetError):
            ask("nobody-0123456789ab")


# Schedules. A target that has none takes every one for kept.

SCHEDULES = "Microsoft.MachineLearningServices/workspaces/schedules"
WEEKLY = {"expression": "0 3 * * 1", "time_zone": "Europe/Berlin"}


def test_a_schedule_is_kept_until_it_is_removed(world: World) -> None:
    job, target = world.job("true", schedule=WEEKLY), world.target()
    always = not target.has_schedules
    assert target.keeps_schedule(job) is always
    for _ in range(2):
        target.keep_schedule(job)
        assert world.target().keeps_schedule(job)
    for _ in range(2):
        target.remove_schedule(job.id, job.owner)
        assert world.target().keeps_schedule(job) is always
    assert target.attempts(job.id) == [], "a schedule is no attempt"


@pytest.mark.parametrize("now", [{"schedule": {**WEEKLY, "expression": "0 4 * * 1"}}, {"text": "ls"}, {}])
def test_a_resource_has_one_schedule_that_starts_what_it_declares_now(world: World, now: dict[str, Any]) -> None:
    before = world.job("true", schedule={**WEEKLY, "end_time": "2099-01-01T00:00:00"})
    after = world.job(**{"text": "true", "schedule": WEEKLY, **now})
    target = world.target()
    always = not target.has_schedules
    target.keep_schedule(before)
    assert target.keeps_schedule(after) is always
    target.keep_schedule(after)
    assert world.target().keeps_schedule(after)
    assert world.target().keeps_schedule(before) is always
    if before.id != after.id:
        target.remove_schedule(before.id, before.owner)
        assert target.keeps_schedule(after), "whoever removes the former inputs leaves the schedule of others"


def test_a_resource_that_declares_no_schedule_has_none_left(world: World) -> None:
    job, target = world.job("true", schedule=WEEKLY), world.target()
    target.keep_schedule(job)
    without = world.job("true")
    assert target.keeps_schedule(without) is not target.has_schedules
    for _ in range(2):
        target.keep_schedule(without)
        assert world.target().keeps_schedule(without)
        assert world.target().keeps_schedule(job) is not target.has_schedules


def test_a_schedule_moves_with_its_resource(world: World) -> None:
    job, target = world.job("true", schedule=WEEKLY), world.target()
    moved = replace(job, owner=replace(job.owner, urn=STACK.format("dev", "moved")))
    target.keep_schedule(job)
    if world.cloud:  # somebody disabled it in the studio, and may enable it again
        (schedule,) = world.cloud.azure.resources(SCHEDULES)
        kept = {key: value for key, value in schedule["properties"].items() if key != "provisioningState"}
        disabled = {"properties": {**kept, "isEnabled": False}}
        world.cloud.azure.put(schedule["id"], API_VERSION, disabled)
        assert not target.keeps_schedule(job)
    target.keep_schedule(moved)
    assert world.target().keeps_schedule(moved)
    assert world.target().keeps_schedule(job) is not target.has_schedules, "nothing trains twice"
    assert not world.cloud or len(world.cloud.azure.resources(SCHEDULES)) == 1


def test_each_stack_has_its_own_schedule_of_a_run_that_they_share(world: World) -> None:
    dev, prod = (world.job("true", token=stack, stack=stack, schedule=WEEKLY) for stack in ("dev", "prod"))
    target = world.target()
    for job in (dev, prod):
        target.keep_schedule(job)
    target.remove_schedule(dev.id, dev.owner)
    assert world.target().keeps_schedule(prod)


ANEW = """cd "$TRAINUP_CHECKPOINT_DIR"; [ -e last ] && exit 3; echo trained > last; echo x >> {}/starts"""


def test_what_is_due_by_its_schedule_is_another_attempt_that_trains_anew(world: World) -> None:
    job, target = world.job(ANEW.format(world.project), schedule=WEEKLY), world.target()
    first, _ = world.run(job)
    target.keep_schedule(job)
    assert world.run(job)[0].name == first.name, "nothing is due yet"
    world.come_due(job)
    again, lines = world.run(job)
    assert (again.status, again.name != first.name, world.count("starts")) == (Status.COMPLETED, True, 2), lines
    assert [one.name for one in world.target().attempts(job.id)] == [first.name, again.name]
    assert {one.token for one in again.owners} == {job.owner.token}
    assert world.run(job)[0].name == again.name, "once for each time"
    assert world.count("starts") == 2


def test_what_a_schedule_started_is_named_as_any_other_attempt(world: World) -> None:
    text = f"echo x >> {world.project}/starts; test $(wc -l < {world.project}/starts) -lt 3 || sleep 600"
    job, target = world.job(text, schedule=WEEKLY), world.target()
    first, _ = world.run(job)
    target.keep_schedule(job)
    world.come_due(job)
    again, _ = world.run(job)
    resource = {"type": RUN_TYPE, "urn": job.owner.urn, "id": job.id, "inputs": world.inputs(text)}
    stack = Stack("dev", "trainup", [resource])
    (world.project / "Pulumi.yaml").write_text("name: trainup\nruntime: python\n")
    for name in ("pets", "pets-", job.id[:-2], again.name, *([again.name[:7]] if again.attempt == 0 else [])):
        assert lookup.find(stack, world.project, name).record.name == again.name, name
    assert lookup.find(stack, world.project, first.name).record.name == first.name
    urns = StackUrns("dev", "trainup", urns={"pets": job.owner.urn})
    for beginning in ("", "pets-", job.id):
        names = [record.name for record in world.target().history(urns, beginning)[0]]
        assert names == [first.name, again.name], beginning
    everything = recorded.attempts(stack, world.project)
    assert [(one.record.name, one.current) for one in everything] == [(first.name, False), (again.name, True)]
    assert [row.record.name for row in comparing.of((one.record, one.current) for one in everything)] == [again.name]
    if world.cloud:
        assert isinstance(target, AzureTarget)
        request = request_of(job, target.submission)
        assert request["url"].partition("?")[0].endswith(f"/jobs/{job.id}-a2"), "the next name that is free"
    world.come_due(job)
    if not target.has_schedules:
        world.start(job)
    until(lambda: world.count("starts") == 3)
    (active,) = world.target().at_work("pets", urns)
    assert end_of(world.target().cancel(active.name, "no longer wanted")) == CANCELED
    assert lookup.find(stack, world.project, "pets").record.name == active.name


def test_an_attempt_after_its_checkpoints_were_forgotten_trains_anew(world: World) -> None:
    text = ANEW.format(world.project) + f"; test $(wc -l < {world.project}/starts) -ge 2"
    job, other = world.job(text), world.job(text.replace("/starts", "/others"), "birds")
    assert [world.run(one)[0].status for one in (job, other)] == [Status.FAILED] * 2
    target = world.target()
    with target.exclusive():
        for run_id in (job.id, job.id, UNHEARD):
            target.forget_checkpoints(run_id)
    again, lines = world.run(job)
    assert (again.status, again.attempt) == (Status.COMPLETED, 2), lines
    resumed, _ = world.run(other)
    assert failure_of(resumed).exit_code == 3, "those of others stay"


# Trials of sweeps.

SWEEP = "urn:pulumi:{}::trainup::trainup:index:TrainingSweep$trainup:index:Sweep::{}-job"


def trial(world: World, number: int, sweep: str = "rates", text: str = "sleep 600", **inputs: Any) -> Job:
    job = world.job(f"echo {number} >> {world.project}/began; {text}", "trial", **inputs)
    owner = Owner(SWEEP.format("dev", sweep), f"t-{sweep}")
    return replace(job, owner=owner, trial=Trial(sweep, number, {"rate": number / 10}))


def test_the_trials_of_a_sweep_do_not_end_each_other(world: World) -> None:
    first, second = trial(world, 1), trial(world, 2)
    records = [world.start(first), world.start(second)]
    target = world.target()
    assert not any(get(target, record.name).status.is_terminal for record in records)
    assert {record.name for record in target.owned(first.owner)} == {record.name for record in records}
    target.cancel(records[1].name, "enough")
    assert not get(target, records[0].name).status.is_terminal


def test_a_trial_is_released_without_the_others(world: World) -> None:
    first, second = trial(world, 1), trial(world, 2)
    records = [world.start(first), world.start(second)]
    world.target().release(second.id, second.owner, OnDelete.KEEP)
    target = world.target()
    assert not get(target, records[0].name).status.is_terminal
    assert get(target, records[1].name).status is Status.CANCELED
    assert [record.name for record in target.owned(first.owner)] == [records[0].name]


def test_a_record_tells_its_number_and_point_in_each_sweep_that_has_it(world: World) -> None:
    job = trial(world, 1, text="true")
    done, _ = world.run(job)
    other = replace(job, owner=Owner(SWEEP.format("dev", "wider"), "t-wider"), trial=Trial("wider", 7, {"rate": 0.1}))
    assert world.start(other).name == done.name
    record = get(world.target(), done.name)
    assert {(one.sweep, one.number, one.point["rate"]) for one in record.trials.values()} == {
        ("rates", 1, 0.1),
        ("wider", 7, 0.1),
    }
    assert record.trials[tag_of(other.owner.urn)].number == 7
    assert not any(name.startswith("trainup.") for name in record.tags)
    assert [one.name for one in world.target().owned(other.owner)] == [done.name]
    world.target().release(job.id, job.owner, OnDelete.DELETE)
    assert get(world.target(), done.name).owners == (other.owner,)


def test_a_trial_that_its_sweep_ended_early_stays_ended_also_when_the_sweep_comes_back_and_others_train_it(
    world: World,
) -> None:
    job, other = trial(world, 1), trial(world, 1, "another")
    ended, canceled = world.start(job), world.start(trial(world, 2))
    target = world.target()
    target.cancel(ended.name, "ended early: accuracy 0.1 by step 9 is below the median 0.8 of 3 trials")
    target.cancel(canceled.name, "enough")
    assert target.trained([ended.id, canceled.id], tag_of(job.owner.urn)) == {ended.id}
    assert target.trained([ended.id, canceled.id], tag_of(other.owner.urn)) == set()
    target.release(job.id, job.owner, OnDelete.KEEP)

    again = replace(job, owner=replace(job.owner, token="t-later"))
    assert target.trained([job.id], tag_of(again.owner.urn)) == {job.id}
    taken = world.start(again)
    assert (taken.name, taken.status) == (ended.name, Status.CANCELED)
    assert {one.name for one in world.target().owned(again.owner)} == {ended.name, canceled.name}
    assert world.start(other).attempt == 2
