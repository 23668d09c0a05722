"""Azure as it is on its bad days: late roles, uploads by identity, reads that lag, clusters that are not ready."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.azure.runs.conftest import Heard, World
from tests.azure.runs.test_faults import SAID, TALK, failure_of, own_image, start
from tests.support.waiting import until
from trainup.core.failure import FailureClass
from trainup.core.status import Status
from trainup.core.values import Secret
from trainup.jobs import lifecycle
from trainup.jobs.target import Job, Polling, Record, TargetError
from trainup.simulator.cloud.clock import Latency
from trainup.simulator.cloud.faults import Fault
from trainup.simulator.cloud.possible import UploadAnswer
from trainup.simulator.cloud.refusal import Refused
from trainup.simulator.cloud.roles import BLOB_CONTRIBUTOR

ASSIGNMENTS = "Microsoft.Authorization/roleAssignments"
SOURCE: dict[str, Any] = {"command": ["bash", "main.sh"], "source": "code"}


def without_keys(world: World) -> None:
    """A workspace as trainup makes it: its storage permits no keys, and is reached by identity."""
    world.azure.amend(world.sample.account, {"properties.allowSharedKeyAccess": False})
    world.azure.amend(world.sample.workspace, {"properties.systemDatastoresAuthMode": "Identity"})


def hold_roles(world: World) -> None:
    """From now on no role is in effect that was assigned in the last hour."""
    world.azure.clock.scale, world.azure.latency = 1.0, Latency(role=3600)


def release_roles(world: World) -> None:
    world.azure.clock.scale = 0.0


def late_job(world: World, kind: str, **inputs: Any) -> Job:
    """A job that cannot begin before a role is in effect."""
    if kind == "pull":
        hold_roles(world)
        return world.shell("echo here", environment=own_image(world), **inputs)
    without_keys(world)
    hold_roles(world)
    if kind == "data":
        world.azure.amend(world.sample.workspace, {"properties.systemDatastoresAuthMode": "AccessKey"})
        world.azure.storage.put("teamstorage", "pets", "one.txt", b"1")
        uri = f"{world.azure.endpoints.storage('teamstorage')}/pets"
        return world.shell("echo here", inputs={"pets": {"uri": uri, "digest": "1"}}, **inputs)
    return world.shell("echo here", **inputs, **({"identity": "user"} if kind == "user" else {}))


def on_second_attempt(world: World, job: Job) -> None:
    """The roles come into effect when the second attempt is started."""
    world.azure.faults.add(Fault("PUT", path=f"*/jobs/{job.id}-a2", call=lambda: release_roles(world)))


def notes(heard: Heard) -> list[str]:
    return [record.note for record in heard.told if "15 minutes" in record.note]


@pytest.mark.parametrize("kind", ["identity", "pull", "data", "user"])
def test_what_fails_for_a_late_role_is_repeated_once_without_counting(world: World, kind: str) -> None:
    job = late_job(world, kind)
    on_second_attempt(world, job)
    record, heard = world.run(job)
    assert (record.status, record.attempt, heard.lines) == (Status.COMPLETED, 2, ["here"])
    assert world.names() == [job.id, f"{job.id}-a2"]
    (note,) = notes(heard)
    assert "does not count as one of its `retries`" in note


@pytest.mark.parametrize("retries", [0, 1])
def test_there_is_one_such_repetition(world: World, retries: int) -> None:
    record, heard = world.run(late_job(world, "identity", retries=retries))
    status, kind, message = failure_of(record)
    assert (status, kind, record.attempt) == (Status.FAILED, FailureClass.SERVICE, 2 + retries)
    assert "Identity of the specified managed compute gpu-cluster is not found" in message
    assert len(notes(heard)) == 1


def test_no_repetition_follows_on_a_role_that_was_assigned_long_ago(world: World) -> None:
    long_ago = (datetime.now(UTC) - timedelta(minutes=16)).isoformat()
    job = late_job(world, "identity")
    for assignment in world.azure.resources(ASSIGNMENTS):
        world.azure.amend(assignment["id"], {"properties.createdOn": long_ago})
    record, _ = world.run(job)
    assert (record.status, world.names()) == (Status.FAILED, [job.id])


def test_the_roles_of_a_user_count_where_the_run_is_that_user(world: World) -> None:
    """The nodes' own roles are old."""
    long_ago = (datetime.now(UTC) - timedelta(minutes=16)).isoformat()
    job = late_job(world, "user")
    for assignment in world.azure.resources(ASSIGNMENTS):
        if assignment["properties"]["principalId"] != world.azure.deployer:
            world.azure.amend(assignment["id"], {"properties.createdOn": long_ago})
    on_second_attempt(world, job)
    record, _ = world.run(job)
    assert (record.status, record.attempt) == (Status.COMPLETED, 2)


def test_a_role_of_somebody_else_is_no_reason_to_repeat(world: World) -> None:
    """Only the roles of the job's own identities count."""
    job = late_job(world, "identity")
    for assignment in world.azure.resources(ASSIGNMENTS):
        if assignment["properties"]["principalId"] != world.azure.deployer:
            world.azure.delete(assignment["id"])
    record, _ = world.run(job)
    assert (record.status, world.names()) == (Status.FAILED, [job.id])


def test_a_script_that_is_denied_something_is_not_repeated(world: World) -> None:
    job = world.shell("echo 'PermissionDenied: Identity of the specified managed compute x is not found'; exit 3")
    record, _ = world.run(job)
    assert failure_of(record)[:2] == (Status.FAILED, FailureClass.USER_CODE)
    assert world.names() == [job.id]


def test_who_may_not_read_roles_is_told_the_failure(world: World) -> None:
    job = late_job(world, "identity")
    denied = Refused(403, "AuthorizationFailed", "The client does not have authorization to perform the action")
    world.azure.faults.add(Fault("GET", path="*/roleAssignments", error=denied, times=9))
    record, _ = world.run(job)
    world.azure.faults.clear()
    assert (record.status, world.names()) == (Status.FAILED, [job.id])


def test_a_command_that_ends_while_it_waits_for_a_role_neither_loses_nor_doubles_the_run(world: World) -> None:
    job, target, stop, heard = late_job(world, "identity"), world.target(), threading.Event(), Heard()
    target.polling = lifecycle_polling(600)

    def told(record: Record) -> None:
        heard.told.append(record)
        if notes(heard):
            stop.set()

    listener = lifecycle.Listener(heard.lines.extend, told)
    record = lifecycle.run(target, job, listener, stop)
    assert (record.status, world.names()) == (Status.FAILED, [job.id])
    release_roles(world)
    again, heard = world.run(job)
    assert (again.status, again.attempt, heard.lines) == (Status.COMPLETED, 2, ["here"])
    assert world.run(job)[0].name == again.name
    assert world.names() == [job.id, f"{job.id}-a2"]


def lifecycle_polling(queued: float) -> Polling:
    """Looks that are quick, and a wait for roles that is long."""
    return Polling(0.01, queued, 0.05)


def details_read(world: World) -> int:
    """How often the details of a run were read."""
    return len([entry for entry in world.azure.journal.entries if entry.path.endswith("/details")])


# Uploads.


@pytest.mark.parametrize("status", [400, 403])
def test_an_upload_waits_until_the_workspace_may_use_its_storage(world: World, status: int) -> None:
    world.azure.possible.upload_needs_role = status
    hold_roles(world)
    world.azure.faults.add(Fault("POST", path="*/startPendingUpload", skip=2, call=lambda: release_roles(world)))
    world.write(main__sh=TALK)
    target, said = world.target(), []
    target.submission.progress = said.append
    record, heard = world.run(world.job(**SOURCE), target)
    assert (record.status, heard.lines) == (Status.COMPLETED, SAID)
    assert any("waiting for the role" in line for line in said)


def test_an_upload_that_may_never_begin_says_which_role_is_missing(world: World) -> None:
    world.azure.possible.upload_needs_role = 400
    hold_roles(world)
    world.write(main__sh=TALK)
    with pytest.raises(TargetError, match="Storage Blob Data Contributor"):
        world.run(world.job(**SOURCE))


@pytest.mark.parametrize("answer", UploadAnswer)
@pytest.mark.parametrize("keys", [True, False])
def test_whatever_the_upload_is_answered_the_code_arrives(world: World, answer: UploadAnswer, keys: bool) -> None:
    if not keys:
        without_keys(world)
    world.azure.possible.upload_answer = answer
    world.write(main__sh="echo here")
    record, heard = world.run(world.job(**SOURCE))
    assert (record.status, heard.lines) == (Status.COMPLETED, ["here"])
    (code,) = world.azure.resources("Microsoft.MachineLearningServices/workspaces/codes/versions")
    store = world.azure.get(f"{world.sample.workspace}/datastores/workspaceblobstore")["properties"]
    by_identity = f"/{store['containerName']}/" in code["properties"]["codeUri"]
    assert by_identity is (answer is not UploadAnswer.SIGNED)


# Reads that lag behind writes.


@pytest.mark.parametrize("requests", [1, 3, 6])
def test_what_was_accepted_and_cannot_be_read_yet_is_waited_for(world: World, requests: int) -> None:
    world.azure.possible.unread = requests
    world.write(main__sh=TALK)
    job = world.job(**SOURCE, environment=None, image="mcr.microsoft.com/own/image:1")
    record, heard = world.run(job)
    assert (record.status, heard.lines) == (Status.COMPLETED, SAID)
    assert world.names() == [job.id]


def test_two_who_start_a_run_that_cannot_be_read_yet_share_it(world: World) -> None:
    world.azure.possible.unread = 6
    threads = [start(world, world.shell(TALK, token=f"t{n}", stack=f"s{n}")) for n in range(2)]
    for thread, _, _ in threads:
        thread.join()
    results = [result[0] for _, _, result in threads]
    assert [getattr(result, "status", result) for result in results] == [Status.COMPLETED] * 2
    assert len(world.names()) == 1


def test_a_command_that_was_killed_after_the_start_attaches_though_the_job_cannot_be_read_yet(world: World) -> None:
    job = world.shell(TALK)
    first = lifecycle.start(world.target(), job)
    world.azure.unread.begin(f"{world.sample.workspace}/jobs/{job.id}", 8)
    record, heard = world.run(job)
    assert (record.status, record.name, heard.lines) == (Status.COMPLETED, first.name, SAID)
    assert world.names() == [job.id]


def test_the_reason_of_a_failure_is_waited_for_where_the_run_history_lags(world: World) -> None:
    job = world.job(command=["no-such-program"])
    unheard = Refused(404, "UserError", "Run was not found.")
    world.azure.faults.add(Fault("GET", path=f"*/runs/{job.id}/details", error=unheard, times=100))
    ended = lambda: world.jobs() and world.jobs()[0]["properties"]["status"] == "Failed"  # noqa: E731
    thread, _, result = start(world, job)
    until(ended)
    looks = details_read(world)
    until(lambda: details_read(world) > looks + 2 or not thread.is_alive())
    world.azure.faults.clear()
    thread.join()
    assert failure_of(result[0])[:2] == (Status.FAILED, FailureClass.ENVIRONMENT)
    assert "JobContainerConfigFailed" in failure_of(result[0])[2]


def test_data_that_does_not_exist_is_still_told(world: World) -> None:
    missing = {"pets": {"uri": "azureml:pets:1", "digest": "pets:1"}}
    with pytest.raises(TargetError, match=r"pets.*does not exist"):
        world.run(world.shell("true", inputs=missing))


# Logs.


def test_a_log_whose_signature_is_refused_is_read_by_token_while_it_grows(world: World) -> None:
    without_keys(world)
    world.azure.possible.refuses_signatures = True
    thread, heard, result = start(world, world.shell(f"{TALK}; until [ -e go ]; do sleep 0.05; done"))
    until(lambda: heard.lines == SAID)
    (folder,) = world.running.machines.folder.glob("*/code-0")
    (folder / "go").touch()
    thread.join()
    assert (result[0].status, heard.lines) == (Status.COMPLETED, SAID)
    assert world.target().log_tail(result[0].name, 3) == SAID[-3:]


def test_a_log_that_can_be_read_in_no_way_is_told_once_and_the_run_goes_on(world: World) -> None:
    without_keys(world)
    world.azure.possible.refuses_signatures = True
    job = world.shell("until [ -e go ]; do sleep 0.05; done; echo never heard")
    mine = world.azure.new_guid(world.sample.account, world.azure.deployer, BLOB_CONTRIBUTOR)
    world.azure.delete(f"{world.sample.account}/providers/{ASSIGNMENTS}/{mine}")
    thread, heard, result = start(world, job)
    until(lambda: any("log cannot be read" in line for line in heard.lines))
    looks = details_read(world)
    until(lambda: details_read(world) > looks + 3)
    (folder,) = world.running.machines.folder.glob("*/code-0")
    (folder / "go").touch()
    thread.join()
    assert result[0].status is Status.COMPLETED
    (line,) = [line for line in heard.lines if "log cannot be read" in line]
    assert "Storage Blob Data Reader" in line
    assert "goes on" in line
    assert not any("never heard" in line for line in heard.lines)


def test_metrics_in_a_file_are_read_by_token_too(world: World) -> None:
    without_keys(world)
    world.azure.possible.refuses_signatures = True
    record, _ = world.run(world.shell("""echo '{"accuracy": 0.5}' > outputs/metrics.json"""))
    assert (record.tracking_error, record.metrics) == ("", {"accuracy": 0.5})


# Clusters.


def test_a_cluster_that_is_not_ready_is_waited_for(world: World) -> None:
    world.azure.possible.refuses_busy_clusters = True
    world.azure.clock.scale = 1.0
    world.azure.operations.begin(world.sample.cluster, "Updating", 3600)
    ready = lambda: world.azure.operations.end(world.sample.cluster)  # noqa: E731
    world.azure.faults.add(Fault("PUT", path="*/jobs/*", skip=3, call=ready))
    target, said = world.target(), []
    target.submission.progress = said.append
    record, _ = world.run(world.shell("true"), target)
    assert record.status is Status.COMPLETED
    assert any("not ready" in line for line in said)
    assert len(world.names()) == 1


def test_a_cluster_that_never_gets_ready_is_told_in_azures_words(world: World) -> None:
    world.azure.possible.refuses_busy_clusters = True
    world.azure.clock.scale = 1.0
    world.azure.operations.begin(world.sample.cluster, "Updating", 3600)
    with pytest.raises(TargetError, match="not ready for jobs"):
        world.run(world.shell("true"))
    assert world.names() == []


# Secrets.


def test_secrets_reach_a_node_that_takes_one_line_of_a_variable(world: World) -> None:
    world.open_vault()
    world.azure.possible.cuts_variables = True
    job = world.shell('echo "${#TOKEN}"', secrets={"TOKEN": Secret("two\nlines")})
    record, heard = world.run(job)
    assert (record.status, heard.lines[-1]) == (Status.COMPLETED, "9")
