"""What goes wrong between trainup and Azure ML, and that nothing is lost or doubled by it."""

import threading
from typing import Any

import pytest

from tests.azure.runs.conftest import Heard, World
from tests.support.waiting import until
from trainup.core.choices import OnDelete
from trainup.core.failure import FailureClass
from trainup.core.status import Status
from trainup.core.values import Secret
from trainup.jobs import lifecycle
from trainup.jobs.azure.job import body
from trainup.jobs.azure.job.log import AGAIN
from trainup.jobs.target import Job, Polling, Record, TargetError
from trainup.simulator.cloud.clock import Latency
from trainup.simulator.cloud.faults import Cut, Fault
from trainup.simulator.cloud.images import Image
from trainup.simulator.cloud.refusal import Refused, throttled, unavailable

CLUSTER = "Microsoft.MachineLearningServices/workspaces/computes"
ENVIRONMENT = "Microsoft.MachineLearningServices/workspaces/environments/versions"
LINES = 60
TALK = f"for n in $(seq {LINES}); do echo line $n; sleep 0.005; done"
SAID = [f"line {number}" for number in range(1, LINES + 1)]


def failure_of(record: Record) -> tuple[Status, FailureClass, str]:
    assert record.failure is not None
    return record.status, record.failure.failure_class, record.failure.message


def start(world: World, job: Job) -> tuple[threading.Thread, Heard, list[Any]]:
    """Follow a run in a thread of its own; the last item gets the record or the error."""
    heard, result = Heard(), []

    def follow() -> None:
        try:
            listener = lifecycle.Listener(heard.lines.extend, heard.told.append)
            result.append(lifecycle.run(world.target(), job, listener, threading.Event()))
        except Exception as error:
            result.append(error)

    thread = threading.Thread(target=follow)
    thread.start()
    return thread, heard, result


@pytest.fixture
def quick_node(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nodes that do not wait for a quarter of a minute before they ask for a secret again."""
    text = body.BOOTSTRAP_TEXT.replace("60, 15.0", "9, 0.01")
    assert text != body.BOOTSTRAP_TEXT
    monkeypatch.setattr(body, "BOOTSTRAP_TEXT", text)


def until_said(heard: Heard, text: str) -> None:
    until(lambda: any(text in line for line in heard.lines))


# Requests.

FAULTS: dict[str, dict[str, Any]] = {
    "throttled": {"error": throttled(0.01), "times": 2},
    "broken": {"error": unavailable(503), "times": 3},
    "gone wrong": {"error": unavailable(500)},
    "timed out": {"error": unavailable(408)},
    "cut before": {"cut": Cut.BEFORE, "times": 2},
    "cut in the middle": {"cut": Cut.MIDDLE},
    "cut after": {"cut": Cut.AFTER},
}


APART = 5


@pytest.mark.parametrize("kind", FAULTS)
def test_any_request_may_fail_and_there_is_one_job_and_every_line_once(
    world: World, kind: str, quick_node: None
) -> None:
    """Every fifth request fails, wherever that begins: of a training from upload to end, a start and two releases."""
    vault, token = world.open_vault(), {"TOKEN": Secret("12345678")}
    for number in range(APART):
        world.write(main__sh=f"seq 12; echo $TOKEN in run {number}")
        faults = [Fault(path="*", skip=number + APART * place, **FAULTS[kind]) for place in range(40)]
        world.azure.faults.add(*faults)
        target = world.target({"TOKEN": "12345678"})
        target.polling = Polling(0.1, 0.1, 0.1)
        job = world.job(f"r{number}", command=["bash", "main.sh"], source="code", secrets=token)
        record, heard = world.run(job, target)
        assert (record.status, record.name) == (Status.COMPLETED, job.id)
        assert heard.lines == [*(str(line) for line in range(1, 13)), f"*** in run {number}"]
        endless = world.shell("sleep 600", f"e{number}", secrets=token)
        assert lifecycle.start(target, endless).name == endless.id
        assert world.names() == sorted([job.id, endless.id])
        target.release(endless.id, endless.owner, OnDelete.DELETE)
        target.release(job.id, job.owner, OnDelete.DELETE)
        assert (world.names(), world.azure.vaults.names(vault)) == ([], [])
        assert len(world.azure.faults.unused()) < len(faults) - 5
        world.azure.faults.clear()


def test_ranges_that_are_cut_short_lose_nothing(world: World) -> None:
    world.azure.faults.add(*(Fault(path="*std_log.txt", short=True, skip=2 * index) for index in range(4)))
    record, heard = world.run(world.shell(TALK))
    assert (record.status, heard.lines) == (Status.COMPLETED, SAID)
    assert len(world.azure.faults.unused()) < 4, "how often a log is read depends on the machine; once it is for sure"
    world.azure.faults.clear()


def test_tokens_that_live_shortly_are_renewed_while_a_run_is_waited_for(world: World) -> None:
    world.azure.tokens.lifetime = 30  # shorter than any client keeps a token for
    record, heard = world.run(world.shell(TALK))
    assert (record.status, heard.lines) == (Status.COMPLETED, SAID)
    assert world.azure.tokens.issued > 2


def test_a_service_that_stays_down_is_an_error_that_says_so(world: World) -> None:
    world.azure.faults.add(Fault(path="*/details", error=unavailable(503), times=1000))
    with pytest.raises(TargetError, match="503"):
        world.run(world.shell("true"))
    assert len(world.jobs()) == 1, "the run goes on, and the next `up` attaches"
    world.azure.faults.clear()
    assert world.run(world.shell("true"))[0].status is Status.COMPLETED
    assert len(world.jobs()) == 1


def test_a_training_is_not_lost_for_its_metrics(world: World) -> None:
    world.azure.faults.add(Fault(path="*/mlflow/*", error=unavailable(500), times=9))
    record, heard = world.run(world.shell("true"))
    assert record.status is Status.COMPLETED
    assert "its metrics could not be read" in heard.told[-1].tracking_error


# Names and owners.


@pytest.mark.parametrize("timeouts", [["1h", "2h", "3h", "4h"], ["1h"] * 4], ids=["other policy", "same policy"])
def test_all_who_start_the_same_run_at_once_share_one_job(world: World, timeouts: list[str]) -> None:
    world.write(main__sh=TALK)
    job: dict[str, Any] = {"command": ["bash", "main.sh"], "source": "code"}
    threads = [
        start(world, world.job(token=f"t{n}", stack=f"s{n}", timeout=timeout, **job))
        for n, timeout in enumerate(timeouts)
    ]
    for thread, _, _ in threads:
        thread.join()
    records = [result[0] for _, _, result in threads]
    assert [getattr(record, "status", record) for record in records] == [Status.COMPLETED] * 4
    assert all(heard.lines == SAID for _, heard, _ in threads)
    (job,) = world.jobs()
    assert len([tag for tag in job["properties"]["tags"] if tag.startswith("trainup.owner.")]) == 4


def test_a_name_that_somebody_else_has_taken_is_left_alone_and_told(world: World) -> None:
    job = world.shell("true")
    place = {"environmentId": world.sample.environment, "computeId": world.sample.cluster}
    foreign = {"jobType": "Command", "command": "sleep 60", **place}
    world.azure.put(f"{world.sample.workspace}/jobs/{job.id}", "2025-12-01", {"properties": foreign})
    with pytest.raises(TargetError, match=r"has a job .* that is not this run.*set `rerun`"):
        world.run(job)
    assert world.jobs()[0]["properties"]["command"] == "sleep 60"


def test_an_attempt_that_was_deleted_is_not_counted_again(world: World) -> None:
    job = world.shell("exit 1")
    world.run(job)
    second, _ = world.run(job)
    world.azure.delete(f"{world.sample.workspace}/jobs/{job.id}")
    third, _ = world.run(job)
    assert (second.attempt, third.attempt) == (2, 3)


# The studio.


def test_a_run_that_is_canceled_in_the_studio_is_canceled_and_says_where(world: World) -> None:
    job = world.shell("echo started; sleep 600", retries=3)
    thread, heard, result = start(world, job)
    until_said(heard, "started")
    world.client().post(f"{world.sample.workspace}/jobs/{job.id}/cancel")
    thread.join()
    status, kind, message = failure_of(result[0])
    assert (status, kind) == (Status.CANCELED, FailureClass.CANCELED)
    assert "canceled in Azure ML" in message
    assert len(world.jobs()) == 1, "what somebody stopped is not tried again"


def test_a_run_that_is_deleted_in_the_studio_has_vanished(world: World) -> None:
    job = world.shell("echo started; sleep 600")
    thread, heard, result = start(world, job)
    until_said(heard, "started")
    world.azure.delete(f"{world.sample.workspace}/jobs/{job.id}")
    thread.join()
    assert isinstance(result[0], TargetError)
    assert "has vanished" in str(result[0])
    assert world.target().attempts(job.id) == []


def unseen(world: World, job: Job, looks: int) -> None:
    """The service takes the job, and for some looks says that it knows no such job."""
    missing = Refused(404, "UserError", "The job was not found.")

    def hide() -> None:
        world.azure.faults.add(
            Fault("GET", path=f"*/jobs/{job.id}", error=missing, times=looks),
            Fault("GET", path=f"*/runs/{job.id}/details", error=missing, times=looks),
        )

    world.azure.faults.add(Fault("PUT", path=f"*/jobs/{job.id}", call=hide))


def test_a_job_that_cannot_be_read_right_after_it_was_accepted_has_not_vanished(world: World) -> None:
    job = world.shell(TALK)
    unseen(world, job, 3)
    record, heard = world.run(job)
    assert record.status is Status.COMPLETED
    assert heard.lines == SAID
    assert len(world.jobs()) == 1
    assert world.azure.faults.unused() == []


def test_a_job_that_cannot_be_read_yet_can_be_canceled(world: World) -> None:
    job = world.shell("sleep 600")
    unseen(world, job, 1)
    target = world.target()
    record = lifecycle.start(target, job)
    canceled = target.cancel(record.name, "somebody wants it")
    assert canceled is not None
    assert canceled.status is Status.CANCELED
    assert target.attempts(job.id)[-1].status is Status.CANCELED


# Nodes.


def evicted(world: World, text: str, last: str) -> tuple[Record, list[str]]:
    """A run whose node is taken away once it has said its last word there, and every line that was heard of it."""
    job = world.shell(f'cd "$TRAINUP_CHECKPOINT_DIR"; {text}')
    thread, heard, result = start(world, job)
    until_said(heard, last)
    world.running.machines.evict(f"{world.sample.workspace}/jobs/{job.id}")
    thread.join()
    assert len(world.jobs()) == 1
    return result[0], heard.lines


def test_the_log_of_an_evicted_run_is_told_from_the_beginning_again(world: World) -> None:
    record, lines = evicted(
        world,
        "say() { for n in $(seq 20); do echo $1 life, line $n; done; }; "
        "if [ -e been ]; then say second; else touch been; say first; exec sleep 600; fi",
        "first life, line 20",
    )
    assert record.status is Status.COMPLETED
    first, second = ([f"{life} life, line {n}" for n in range(1, 21)] for life in ("first", "second"))
    assert lines == [*first, AGAIN, *second]


def test_an_evicted_run_resumes_from_its_checkpoint(world: World) -> None:
    record, lines = evicted(
        world,
        "for n in $(seq 20); do [ -e $n ] && continue; touch $n; echo did $n; [ $n != 10 ] || exec sleep 600; done",
        "did 10",
    )
    assert record.status is Status.COMPLETED
    assert lines == [*(f"did {n}" for n in range(1, 11)), AGAIN, *(f"did {n}" for n in range(11, 21))]


@pytest.mark.parametrize("word", ["NotResponding", "Paused"])
def test_a_run_that_nobody_hears_of_has_ended_before_it_is_tried_again(world: World, word: str) -> None:
    text = 'cd "$TRAINUP_CHECKPOINT_DIR"; [ -e life ] && exit; touch life; echo first life; sleep 600'
    job = world.shell(text, retries=1)
    thread, heard, result = start(world, job)
    until_said(heard, "first life")
    second: list[str] = []
    ended = lambda: second.append(world.jobs()[0]["properties"]["status"])  # noqa: E731
    world.azure.faults.add(Fault("PUT", path=f"*/jobs/{job.id}-a2", call=ended))
    world.running.machines.stall(f"{world.sample.workspace}/jobs/{job.id}", word)
    thread.join()
    assert (result[0].status, result[0].attempt, second) == (Status.COMPLETED, 2, ["Canceled"])
    first, _ = world.target().attempts(job.id)
    assert failure_of(first)[:2] == (Status.NOT_RESPONDING, FailureClass.SERVICE)


def paused(world: World, job: Job) -> Record:
    """The run, started and then stopped half-way by somebody who may go on with it."""
    record = lifecycle.start(world.target(), job)
    until(lambda: world.jobs()[0]["properties"]["status"] == "Running")
    world.running.machines.stall(f"{world.sample.workspace}/jobs/{record.name}", "Paused")
    return record


def test_a_paused_run_does_not_survive_its_resource(world: World) -> None:
    job = world.shell("sleep 600")
    paused(world, job)
    world.target().release(job.id, job.owner, OnDelete.KEEP)
    assert [found["properties"]["status"] for found in world.jobs()] == ["Canceled"]


def test_a_paused_run_with_other_inputs_is_ended_before_the_next_begins(world: World) -> None:
    old = paused(world, world.shell("sleep 600"))
    ended: list[str] = []
    strike = lambda: ended.append(world.jobs()[0]["properties"]["status"])  # noqa: E731
    world.azure.faults.add(Fault("PUT", path="*/jobs/*", skip=1, call=strike))  # the first PUT is of the old one
    record, _ = world.run(world.shell("true"))
    assert (record.status, ended) == (Status.COMPLETED, ["Canceled"])
    assert old.name != record.name


def test_a_cluster_without_quota_is_told_while_the_run_waits(world: World) -> None:
    quota = Refused(
        400,
        "ClusterMinNodesExceedCoreQuota",
        "The specified subscription has a standard NCASv3_T4 Family vCPU quota of 0 and cannot accomodate for at least "
        "1 requested managed compute nodes which maps to 4 vCPUs",
    )
    world.azure.faults.add(Fault("ALLOCATE", CLUSTER, error=quota, times=10_000))
    target, job, heard = world.target(), world.shell("true", queue_timeout="0.5s"), Heard()
    started = lifecycle.start(target, job)
    until(lambda: world.azure.get(world.sample.cluster)["properties"]["properties"]["errors"])
    listener = lifecycle.Listener(heard.lines.extend, heard.told.append)
    record = lifecycle.see_through(target, job, started, listener, threading.Event())
    told = next(one for one in heard.told if "quota" in one.waiting)
    assert told.status is Status.QUEUED
    assert "vCPU quota of 0" in told.waiting
    assert "ask for more quota" in told.waiting
    status, kind, message = failure_of(record)
    assert (status, kind) == (Status.TIMED_OUT, FailureClass.QUOTA)
    assert "queue_timeout of 0.5 s" in message
    (again,) = world.target().attempts(record.id)
    assert failure_of(again) == failure_of(record), "whoever reads it later is told the same"
    world.azure.faults.clear()


def test_a_size_without_spot_nodes_ends_the_run_at_once_and_says_what_to_do(world: World) -> None:
    body = {"computeType": "AmlCompute", "properties": {"vmSize": "Standard_ND96isr_H100_v5"}}
    body["properties"] |= {"vmPriority": "LowPriority", "scaleSettings": {"maxNodeCount": 1}}
    address = f"{world.sample.workspace}/computes/spot-h100"
    world.azure.put(address, "2025-12-01", {"location": "westeurope", "properties": body})
    record, _ = world.run(world.shell("true", cluster=address, retries=2))
    status, kind, message = failure_of(record)
    assert (status, kind) == (Status.FAILED, FailureClass.SIZE)
    assert "UnsupportedVMSizeForLowPriority" in message
    assert "`spot: false`" in (record.failure.remedy if record.failure else "")
    assert len(world.jobs()) == 1


def test_an_allocation_that_fails_for_a_while_is_waited_for(world: World) -> None:
    full = Refused(409, "AllocationFailed", "Allocation failed: not enough capacity for Standard_NC4as_T4_v3")
    world.azure.faults.add(Fault("ALLOCATE", CLUSTER, error=full, times=5))
    record, _ = world.run(world.shell("true"))
    assert record.status is Status.COMPLETED


def test_an_image_that_cannot_be_pulled_has_its_own_class(world: World) -> None:
    denied = Refused(403, "Forbidden", "unauthorized: authentication required: 403 Forbidden")
    world.azure.faults.add(Fault("PULL", ENVIRONMENT, error=denied, times=2))  # a new role may explain the first
    record, _ = world.run(world.shell("true"))
    assert failure_of(record)[:2] == (Status.FAILED, FailureClass.IMAGE_PULL)


def test_an_image_that_cannot_be_built_has_its_own_class_and_its_log_is_shown(world: World) -> None:
    broken = Refused(400, "BuildFailed", "Solving environment: failed: no such package fastai=99")
    world.azure.faults.add(Fault("BUILD", ENVIRONMENT, error=broken))
    record, heard = world.run(world.shell("true"))
    assert failure_of(record)[:2] == (Status.FAILED, FailureClass.IMAGE_BUILD)
    assert any(line.startswith("[image build] ") and "no such package" in line for line in heard.lines)


def test_a_command_that_is_not_in_the_image_has_its_own_class(world: World) -> None:
    record, _ = world.run(world.job(command=["no-such-program"]))
    assert failure_of(record)[:2] == (Status.FAILED, FailureClass.ENVIRONMENT)


def test_a_script_that_speaks_of_evictions_is_not_resumed(world: World) -> None:
    record, _ = world.run(world.shell("echo 'RuntimeError: entry was evicted from the cache'; exit 1"))
    assert failure_of(record)[:2] == (Status.FAILED, FailureClass.USER_CODE)
    assert len(world.jobs()) == 1


def test_a_run_that_uses_up_its_timeout_has_timed_out(world: World) -> None:
    record, _ = world.run(world.shell("sleep 600", timeout="1s"))
    assert failure_of(record)[:2] == (Status.TIMED_OUT, FailureClass.TIMEOUT)


def test_all_ranks_are_heard_each_with_its_number(world: World) -> None:
    job = world.shell("echo rank $RANK of $WORLD_SIZE", distribution={"process_count_per_node": 2})
    record, heard = world.run(job)
    assert record.status is Status.COMPLETED
    assert sorted(heard.lines) == ["[0] rank 0 of 2", "[1] rank 1 of 2"]


# Roles and secrets.


def test_a_role_that_has_not_arrived_yet_is_waited_for(world: World) -> None:
    missing = Refused(
        403, "AuthorizationPermissionMismatch", "This request is not authorized to perform this operation"
    )
    world.azure.faults.add(Fault("PUT", path="*/code/main.sh", error=missing, times=3))
    world.write(main__sh="echo here")
    record, heard = world.run(world.job(command=["bash", "main.sh"], source="code"))
    assert (record.status, heard.lines) == (Status.COMPLETED, ["here"])


def own_image(world: World) -> str:
    """An environment whose image is in the workspace's registry, and needs a role to be pulled."""
    azure, digest = world.azure, "sha256:" + "1" * 64
    azure.images.push(Image(world.sample.registry, "fastai2", digest, "FROM scratch\n", azure.storage.folder))
    server = azure.get(world.sample.registry)["properties"]["loginServer"]
    environment = f"{world.sample.workspace}/environments/own/versions/1"
    azure.put(environment, "2025-12-01", {"properties": {"image": f"{server}/fastai2@{digest}"}})
    return environment


def test_a_role_on_the_registry_that_has_not_arrived_yet_fails_the_run_and_says_so(world: World) -> None:
    azure, environment = world.azure, own_image(world)
    azure.clock.scale, azure.latency = 1.0, Latency(role=600)
    job = world.shell("true", environment=environment)
    record, _ = world.run(job)
    assert failure_of(record)[:2] == (Status.FAILED, FailureClass.IMAGE_PULL)
    assert record.failure is not None
    assert "AcrPull" in record.failure.remedy
    assert "minutes" in record.failure.remedy
    azure.clock.scale = 0.0  # they have passed
    again, _ = world.run(job)
    assert (again.status, world.names()) == (Status.COMPLETED, [job.id, f"{job.id}-a2", f"{job.id}-a3"])


def test_storage_that_takes_nothing_from_here_says_what_to_do(world: World) -> None:
    forbidden = Refused(403, "KeyBasedAuthenticationNotPermitted", "Key based authentication is not permitted")
    world.azure.faults.add(Fault("PUT", path="*/code/main.sh", error=forbidden, times=1000))
    world.write(main__sh="echo here")
    with pytest.raises(TargetError, match="Storage Blob Data Contributor"):
        world.run(world.job(command=["bash", "main.sh"], source="code"))
    world.azure.faults.clear()
    assert world.jobs() == []


def test_a_workspace_without_signatures_is_used_by_token(world: World) -> None:
    world.azure.signs = False
    world.write(main__sh=TALK)
    record, heard = world.run(world.job(command=["bash", "main.sh"], source="code"))
    assert record.status is Status.COMPLETED
    assert heard.lines == SAID
    assert world.target().log_tail(record.name, 3) == SAID[-3:]


def test_a_log_whose_address_is_refused_is_read_by_token(world: World) -> None:
    refused = Refused(403, "KeyBasedAuthenticationNotPermitted", "Key based authentication is not permitted")
    world.azure.faults.add(Fault("GET", path="*/std_log.txt", error=refused))
    record, heard = world.run(world.shell(TALK))
    assert record.status is Status.COMPLETED
    assert heard.lines == SAID


def test_an_upload_that_may_not_begin_before_a_role_has_arrived_is_waited_for(world: World) -> None:
    early = Refused(403, "AuthorizationPermissionMismatch", "The workspace's identity has no role on the storage.")
    world.azure.faults.add(Fault("POST", path="*/startPendingUpload", error=early, times=3))
    world.write(main__sh=TALK)
    record, _ = world.run(world.job(command=["bash", "main.sh"], source="code"))
    assert record.status is Status.COMPLETED


def test_a_secret_whose_name_was_used_before_is_recovered(world: World) -> None:
    world.open_vault()
    job = world.shell('echo "${#TOKEN}"', secrets={"TOKEN": Secret("12345678")}, on_failure="keep")
    world.run(job)
    world.target().release(job.id, job.owner, OnDelete.DELETE)
    record, heard = world.run(job)
    assert (record.status, heard.lines[-1]) == (Status.COMPLETED, "8")


def test_a_node_without_the_role_on_the_vault_says_so_in_its_log(world: World, quick_node: None) -> None:
    world.open_vault()
    principal = world.azure.get(world.sample.identity)["properties"]["principalId"]
    for role in list(world.azure.each("Microsoft.Authorization/roleAssignments")):
        if role["properties"]["principalId"] == principal and role["properties"]["roleDefinitionId"].endswith("b69e6"):
            world.azure.delete(role["id"])
    record, heard = world.run(world.shell("echo never", secrets={"TOKEN": Secret("12345678")}))
    assert failure_of(record)[:2] == (Status.FAILED, FailureClass.ENVIRONMENT)
    assert any("needs the role Key Vault Secrets User" in line for line in heard.lines)
    assert "never" not in heard.lines
