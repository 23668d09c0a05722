"""Jobs that really run."""

import json
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support.waiting import until
from tests.unit.simulator.conftest import Jobs
from trainup.jobs.azure.http.client import AzureClient
from trainup.simulator.cloud import roles
from trainup.simulator.cloud.azure import Azure
from trainup.simulator.cloud.clock import Latency
from trainup.simulator.cloud.faults import Fault
from trainup.simulator.cloud.images import Image
from trainup.simulator.cloud.refusal import Refused
from trainup.simulator.cloud.runs import Run
from trainup.simulator.cloud.sample import assign_role, furnish
from trainup.simulator.machines import images
from trainup.simulator.rehearsal import rehearsal

JOB = images.ENVIRONMENT.replace("environments/versions", "jobs")


def path(run: Run) -> list[str]:
    """The statuses that a run went through."""
    return [status for status, _ in run.moments]


def message(run: Run) -> str:
    """What run history says went wrong."""
    assert run.error is not None
    return str(run.error["error"]["message"])


def test_a_job_goes_from_the_queue_to_its_end(client: AzureClient, jobs: Jobs) -> None:
    run = jobs.run("one", "echo hello; echo trouble >&2")
    assert path(run) == ["NotStarted", "Queued", "Preparing", "Running", "Finalizing", "Completed"]
    assert jobs.log("one") == "hello\ntrouble\n"
    own = client.get(f"{jobs.sample.workspace}/jobs/one")["properties"]
    assert own["status"] == "Completed"
    assert own["properties"]["EndTimeUtc"]


def test_every_step_takes_as_long_as_the_clock_says(azure: Azure, jobs: Jobs) -> None:
    azure.clock.scale = 0.001
    azure.latency = Latency(allocation=100, image_pull=50, start=20, finalizing=30)
    first = jobs.run("first", "true")
    second = jobs.run("second", "true")

    def seconds(run: Run, status: str) -> float:
        times = dict(run.moments)
        names = path(run)
        return (times[names[names.index(status) + 1]] - times[status]).total_seconds()

    assert seconds(first, "Queued") >= 0.1
    assert seconds(first, "Preparing") >= 0.05
    assert seconds(second, "Preparing") >= 0.02
    assert seconds(first, "Finalizing") >= 0.03


def test_a_failing_command_fails_the_job_and_the_error_tells_how(jobs: Jobs) -> None:
    run = jobs.run("one", "echo the last word; exit 3")
    assert run.status == "Failed"
    assert "exited with status code 3" in message(run)
    assert "the last word" in message(run)
    assert path(run)[-2:] == ["Running", "Failed"]


@pytest.mark.parametrize("command", ["no-such-program", "./not-executable"])
def test_a_command_that_cannot_start_is_a_fault_of_the_image(jobs: Jobs, command: str) -> None:
    assert "JobContainerConfigFailed" in message(jobs.run("one", command))


def test_the_code_of_the_job_is_where_it_works(jobs: Jobs) -> None:
    code = jobs.code(main="import helper", helper="print('helped')")
    jobs.run("one", "python main.py", codeId=code)
    assert jobs.log("one") == "helped\n"


def test_code_that_was_never_uploaded_fails_the_job(azure: Azure, jobs: Jobs) -> None:
    uri = f"{azure.endpoints.storage('teamstorage')}/code/nothing"
    code = azure.put(f"{jobs.sample.workspace}/codes/none/versions/1", "2025-12-01", {"properties": {"codeUri": uri}})[
        "id"
    ]
    assert "code of the job cannot be had" in message(jobs.run("one", "true", codeId=code))


def test_literals_stand_in_the_command_as_they_are(jobs: Jobs) -> None:
    inputs = {
        "number": {"jobInputType": "literal", "value": "0.5"},
        "words": {"jobInputType": "literal", "value": "a  b"},
    }
    jobs.run("one", "echo ${{inputs.number}} '${{ inputs.words }}'", inputs=inputs)
    assert jobs.log("one") == "0.5 a  b\n"


@pytest.mark.parametrize("mode", ["ReadOnlyMount", "Download", None])
def test_data_is_there_when_the_command_starts(azure: Azure, jobs: Jobs, mode: str | None) -> None:
    azure.storage.put("teamstorage", "pets", "images/a.txt", b"cat")
    azure.storage.put("teamstorage", "pets", "images/deep/b.txt", b"dog")
    uri = f"{azure.endpoints.storage('teamstorage')}/pets/images"
    given: dict[str, Any] = {"jobInputType": "uri_folder", "uri": uri} | ({"mode": mode} if mode else {})
    jobs.run("one", "cat ${{inputs.data}}/a.txt $AZURE_ML_INPUT_data/deep/b.txt", inputs={"data": given})
    assert jobs.log("one") == "catdog"


def test_direct_data_is_its_address(azure: Azure, jobs: Jobs) -> None:
    given = {"jobInputType": "uri_folder", "uri": "azureml://datastores/workspaceblobstore/paths/x", "mode": "Direct"}
    jobs.run("one", "echo ${{inputs.data}}", inputs={"data": given})
    assert jobs.log("one") == "azureml://datastores/workspaceblobstore/paths/x\n"


def test_data_is_found_by_datastore_by_version_and_as_another_jobs_output(azure: Azure, jobs: Jobs) -> None:
    jobs.run("maker", "echo made > ${{outputs.model}}/m.txt", outputs={"model": {"jobOutputType": "uri_folder"}})
    body = {"dataType": "uri_folder", "dataUri": "azureml://datastores/workspaceblobstore/paths/azureml/maker/model/"}
    version = f"{jobs.sample.workspace}/data/made/versions/1"
    azure.put(version, "2025-12-01", {"properties": body})
    for number, uri in enumerate([body["dataUri"], version, "azureml://jobs/maker/outputs/model/paths/"]):
        given = {"jobInputType": "uri_folder", "uri": uri}
        run = jobs.run(f"user{number}", "cat ${{inputs.data}}/m.txt", inputs={"data": given})
        assert (run.status, jobs.log(f"user{number}")) == ("Completed", "made\n")


def test_a_file_as_input_is_its_path(azure: Azure, jobs: Jobs) -> None:
    azure.storage.put("teamstorage", "pets", "a.txt", b"cat")
    given = {"jobInputType": "uri_file", "uri": f"{azure.endpoints.storage('teamstorage')}/pets/a.txt"}
    jobs.run("one", "cat ${{inputs.data}}", inputs={"data": given})
    assert jobs.log("one") == "cat"


@pytest.mark.parametrize("uri", ["https://elsewhere.example/data", "azureml://datastores/workspaceblobstore/paths/no"])
def test_data_that_is_not_there_fails_the_job_and_nothing_else_is_asked(jobs: Jobs, uri: str) -> None:
    run = jobs.run("one", "true", inputs={"data": {"jobInputType": "uri_folder", "uri": uri}})
    assert "cannot be had" in message(run)
    assert jobs.running.trap.caught == []


def test_data_of_an_account_without_keys_needs_a_role_of_the_nodes(azure: Azure, jobs: Jobs) -> None:
    azure.put(
        jobs.sample.account,
        "2024-01-01",
        azure.patched(jobs.sample.account, {"properties": {"allowSharedKeyAccess": False}}),
    )
    azure.storage.put("teamstorage", "pets", "a.txt", b"cat")
    given = {"jobInputType": "uri_folder", "uri": f"{azure.endpoints.storage('teamstorage')}/pets"}
    assert jobs.run("may", "true", inputs={"data": given}).status == "Completed"
    principal = azure.get(jobs.sample.identity)["properties"]["principalId"]
    name = azure.new_guid(jobs.sample.account, principal, roles.BLOB_CONTRIBUTOR)
    azure.delete(f"{jobs.sample.account}/providers/Microsoft.Authorization/roleAssignments/{name}")
    assert "StreamAccess.Authentication" in message(jobs.run("may-not", "true", inputs={"data": given}))
    as_user = {"identityType": "UserIdentity"}
    assert jobs.run("user", "true", inputs={"data": given}, identity=as_user).status == "Completed"


def test_outputs_are_kept_named_ones_and_those_beside_the_code(azure: Azure, jobs: Jobs) -> None:
    command = "echo m > ${{outputs.model}}/m.txt; echo o > outputs/o.txt; echo l > logs/l.txt; echo no > other.txt"
    jobs.run("one", command, outputs={"model": {"jobOutputType": "uri_folder", "mode": "ReadWriteMount"}})
    (model,) = [name for name, _ in azure.storage.list("teamstorage", _default_container(azure, jobs))]
    assert model == "azureml/one/model/m.txt"
    kept = [name for name, _ in azure.storage.list("teamstorage", "azureml", "ExperimentRun/dcid.one/")]
    assert [name.removeprefix("ExperimentRun/dcid.one/") for name in kept] == [
        "logs/l.txt",
        "outputs/o.txt",
        "user_logs/std_log.txt",
    ]


def _default_container(azure: Azure, jobs: Jobs) -> str:
    store = azure.get(f"{jobs.sample.workspace}/datastores/workspaceblobstore")
    return str(store["properties"]["containerName"])


def test_a_rehearsal_in_a_folder_with_a_blank_fills_in_addresses_without_one(tmp_path: Path) -> None:
    with rehearsal(tmp_path / "my project" / "it's a rehearsal") as running:
        sample = furnish(running.azure)
        jobs = Jobs(running, sample)
        text = "mkdir -p ${{outputs.model}}/a && touch ${{outputs.model}}/a/m && cd / && echo one > $OLDPWD/outputs/b"
        run = jobs.run("one", text, outputs={"model": {"jobOutputType": "uri_folder"}})
        assert run.status == "Completed", run.error
        folder = running.machines.folder / "one"
        assert (folder / "outputs" / "model" / "a" / "m").is_file()
        assert (folder / "code-0" / "outputs" / "b").read_text() == "one\n"
    assert [path.name for path in tmp_path.iterdir()] == ["my project"], "and nothing lies beside it"


def test_an_output_goes_where_it_is_told_to_go(azure: Azure, jobs: Jobs) -> None:
    given = {"jobOutputType": "uri_folder", "uri": f"{azure.endpoints.storage('teamstorage')}/models/mine"}
    jobs.run("one", "echo m > ${{outputs.model}}/m.txt", outputs={"model": given})
    assert [name for name, _ in azure.storage.list("teamstorage", "models")] == ["mine/m.txt"]


def test_what_was_written_survives_a_failure(azure: Azure, jobs: Jobs) -> None:
    jobs.run("one", "echo o > outputs/o.txt; exit 1")
    assert azure.storage.get("teamstorage", "azureml", "ExperimentRun/dcid.one/outputs/o.txt") is not None


def test_a_process_sees_its_own_variables_and_nothing_of_ours(
    azure: Azure, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLANTED_SECRET", "planted")
    jobs.run("one", "env", environmentVariables={"MINE": "yes", "MLFLOW_EXTRA": "1"})
    seen = dict(line.split("=", 1) for line in jobs.log("one").splitlines() if "=" in line)
    assert seen["MINE"] == "yes"
    assert "planted" not in jobs.log("one")
    assert seen["MLFLOW_RUN_ID"] == "one"
    assert seen["MLFLOW_EXPERIMENT_NAME"] == "tests"
    assert seen["MLFLOW_TRACKING_URI"].startswith("azureml://localhost:")
    assert seen["MLFLOW_TRACKING_URI"].endswith(jobs.sample.workspace)
    azure.tokens.check(f"Bearer {seen['MLFLOW_TRACKING_TOKEN']}")
    assert not [name for name in seen if "PROXY" in name.upper() and name.upper() != "NO_PROXY"]


def test_numbers_in_variables_are_taken_as_texts_we_believe(azure: Azure, jobs: Jobs) -> None:
    job = jobs.submit("one", 'echo "$WHOLE $PART"', environmentVariables={"WHOLE": 5, "PART": 0.5})
    assert azure.get(job)["properties"]["environmentVariables"] == {"WHOLE": "5", "PART": "0.5"}
    jobs.running.machines.wait(job)
    assert jobs.log("one") == "5 0.5\n"


def test_pytorch_starts_a_process_per_rank_on_every_node_and_each_has_its_log(jobs: Jobs) -> None:
    jobs.run(
        "one",
        "echo $RANK/$WORLD_SIZE $NODE_RANK.$LOCAL_RANK $MASTER_ADDR; test -n $MASTER_PORT",
        distribution={"distributionType": "PyTorch", "processCountPerInstance": 2},
        resources={"instanceCount": 2},
    )
    logs = [jobs.log("one", f"user_logs/std_log_process_{rank:02d}.txt") for rank in range(4)]
    assert logs == [f"{rank}/4 {rank // 2}.{rank % 2} 127.0.0.1\n" for rank in range(4)]


def test_mpi_and_tensorflow_tell_each_process_who_it_is(jobs: Jobs) -> None:
    jobs.run(
        "mpi",
        "echo $OMPI_COMM_WORLD_RANK/$OMPI_COMM_WORLD_SIZE",
        distribution={"distributionType": "Mpi", "processCountPerInstance": 2},
    )
    assert jobs.log("mpi", "user_logs/std_log_process_01.txt") == "1/2\n"
    jobs.run(
        "tf",
        "echo $TF_CONFIG",
        distribution={"distributionType": "TensorFlow", "workerCount": 2, "parameterServerCount": 1},
        resources={"instanceCount": 2},
    )
    told = json.loads(jobs.log("tf", "user_logs/std_log_process_00_ps.txt"))
    assert told["task"] == {"type": "ps", "index": 0}
    assert [len(told["cluster"][role]) for role in ("worker", "ps")] == [2, 1]


def test_when_one_rank_fails_the_others_end_with_it(jobs: Jobs) -> None:
    run = jobs.run(
        "one",
        "if [ $RANK = 1 ]; then exit 7; fi; sleep 600",
        distribution={"distributionType": "PyTorch", "processCountPerInstance": 2},
    )
    assert "status code 7" in message(run)


def test_a_job_without_a_cluster_gets_nodes_of_its_own(azure: Azure, jobs: Jobs) -> None:
    run = jobs.run("one", "true", computeId=None, resources={"instanceType": "Standard_NC4as_T4_v3"})
    assert run.status == "Completed"
    azure.faults.add(Fault("ALLOCATE", error=Refused(409, "AllocationFailed", "none left")))
    assert jobs.run("two", "true", computeId=None, resources={"instanceType": "Standard_NC4as_T4_v3"}).is_over


def test_a_canceled_job_ends_with_everything_it_started(client: AzureClient, jobs: Jobs) -> None:
    marker = _marker()
    job = jobs.submit("one", f"setsid sleep {marker} & sleep {marker}")
    jobs.wait_for("one", lambda run: run.status == "Running")
    until(lambda: len(_processes(marker)) >= 2)
    client.post(f"{job}/cancel")
    run = jobs.running.machines.wait(job)
    assert path(run)[-2:] == ["CancelRequested", "Canceled"]
    assert run.error is None
    assert _processes(marker) == []
    client.post(f"{job}/cancel")
    assert run.status == "Canceled"


LEAVERS = {
    "clears its environment": "env -i sleep MARKER &",
    "leaves its session too": "env -i setsid sleep MARKER &",
    "is a daemon": "(env -i setsid sh -c 'sleep MARKER & sleep MARKER &' &)",
    "ignores requests": "(trap '' TERM; setsid sleep MARKER &)",
}


@pytest.mark.slow
@pytest.mark.parametrize("code", [0, 3])
@pytest.mark.parametrize("leaver", LEAVERS.values(), ids=LEAVERS)
def test_what_a_job_leaves_running_ends_with_it(jobs: Jobs, leaver: str, code: int) -> None:
    marker = _marker()
    run = jobs.run("one", f"{leaver.replace('MARKER', marker)}\nexit {code}")
    assert (run.status, _processes(marker)) == ("Failed" if code else "Completed", [])


@pytest.mark.slow
@pytest.mark.parametrize("leaver", LEAVERS.values(), ids=LEAVERS)
def test_a_job_ends_with_all_that_it_has_started_however_it_is_stopped(jobs: Jobs, leaver: str) -> None:
    marker = _marker()
    limits = {"jobLimitsType": "Command", "timeout": "PT0.5S"}
    run = jobs.run("one", f"{leaver.replace('MARKER', marker)}\nsleep {marker}", limits=limits)
    assert (run.status, _processes(marker)) == ("Canceled", [])


@pytest.mark.slow
@pytest.mark.parametrize("leaver", LEAVERS.values(), ids=LEAVERS)
def test_jobs_end_with_a_rehearsal_that_is_killed(tmp_path: Path, leaver: str) -> None:
    marker = _marker()
    script = (
        "import pathlib, time\n"
        "from trainup.simulator.machines.processes import Group, Start\n"
        f"command = {leaver.replace('MARKER', marker)!r} + '\\nsleep {marker}'\n"
        f"place = pathlib.Path({str(tmp_path)!r})\n"
        "Group([Start(command, place, place / 'log', {'PATH': '/usr/bin:/bin'})])\n"
        "time.sleep(1000)\n"
    )
    rehearsal = subprocess.Popen([sys.executable, "-c", script])
    try:
        until(lambda: len(_processes(marker)) >= 2)
    finally:
        rehearsal.kill()
        rehearsal.wait()
    until(lambda: not _processes(marker))


def _marker() -> str:
    """Seconds to sleep for that no other test on this machine sleeps for."""
    return f"600.{uuid.uuid4().int % 10**9:09}"


def _processes(marker: str) -> list[psutil.Process]:
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if (process.info["cmdline"] or [])[:2] == ["sleep", marker]
    ]


@pytest.mark.parametrize("steps", range(6))
def test_a_job_that_is_canceled_as_it_ends_tells_one_status_everywhere(azure: Azure, jobs: Jobs, steps: int) -> None:
    for number in range(4):
        job = jobs.submit(f"job{number}", "true")
        run = jobs.wait_for(f"job{number}", lambda run: len(run.moments) > steps)
        jobs.running.machines.cancel(job)
        jobs.running.machines.wait(job)
        assert azure.get(job)["properties"]["status"] == run.status
        assert run.status in ("Completed", "Canceled")


def test_a_job_can_be_canceled_while_it_queues(azure: Azure, jobs: Jobs) -> None:
    azure.quota["standard NCASv3_T4 Family"] = 0
    job = jobs.submit("one", "true")
    jobs.wait_for("one", lambda run: run.status == "Queued")
    jobs.running.machines.cancel(job)
    assert path(jobs.running.machines.wait(job)) == ["NotStarted", "Queued", "CancelRequested", "Canceled"]


def test_a_job_that_is_deleted_ends_and_is_not_there(client: AzureClient, jobs: Jobs) -> None:
    job = jobs.submit("one", "sleep 600")
    run = jobs.wait_for("one", lambda run: run.status == "Running")
    client.delete(job)
    assert client.find(job) is None
    until(lambda: run.status == "Canceled")


def test_a_job_that_runs_too_long_is_canceled_with_a_message_we_believe(jobs: Jobs) -> None:
    run = jobs.run("one", "sleep 600", limits={"jobLimitsType": "Command", "timeout": "PT0.2S"})
    assert run.status == "Canceled"
    assert "timeout" in message(run)


def test_an_evicted_job_queues_again_and_starts_from_scratch_with_what_was_kept(azure: Azure, jobs: Jobs) -> None:
    azure.faults.add(Fault("RUN", JOB, line=1))
    command = (
        "if [ -f ${{outputs.state}}/begun ]; then echo resumed; test ! -f outputs/first; else "
        "touch ${{outputs.state}}/begun; touch outputs/first; echo begun; sleep 600; fi"
    )
    run = jobs.run("one", command, outputs={"state": {"jobOutputType": "uri_folder", "mode": "ReadWriteMount"}})
    again = ["Queued", "Preparing", "Running"]
    assert path(run) == ["NotStarted", *again, *again, "Finalizing", "Completed"]
    assert jobs.log("one") == "resumed\n"
    assert run.starts == 2
    assert azure.storage.get("teamstorage", "azureml", "ExperimentRun/dcid.one/outputs/first") is not None
    counts = azure.get(jobs.sample.cluster)["properties"]["properties"]["nodeStateCounts"]
    assert counts["preemptedNodeCount"] == 1


@pytest.mark.parametrize("fault", ["PULL", "role", "image"])
def test_an_image_that_cannot_be_pulled_fails_the_job(azure: Azure, jobs: Jobs, fault: str) -> None:
    server = azure.get(jobs.sample.registry)["properties"]["loginServer"]
    digest = "sha256:" + "1" * 64
    context = azure.storage.folder
    azure.images.push(Image(jobs.sample.registry, "fastai2", digest, "FROM scratch\n", context, tags={"x"}))
    reference = f"{server}/fastai2@{digest if fault != 'image' else 'sha256:' + '2' * 64}"
    version = f"{jobs.sample.workspace}/environments/own/versions/1"
    azure.put(version, "2025-12-01", {"properties": {"image": reference}})
    principal = azure.get(jobs.sample.identity)["properties"]["principalId"]
    name = azure.new_guid(jobs.sample.registry, principal, roles.ACR_PULL)
    if fault == "PULL":
        azure.faults.add(Fault("PULL", error=Refused(403, "Forbidden", "403 Forbidden")))
    elif fault == "role":
        azure.delete(f"{jobs.sample.registry}/providers/Microsoft.Authorization/roleAssignments/{name}")
    told = message(jobs.run("one", "true", environmentId=version))
    assert "Job environment preparation failed" in told
    assert ("manifest unknown" if fault == "image" else "403 Forbidden") in told
    if fault == "role":
        assign_role(azure, roles.ACR_PULL, jobs.sample.registry, principal)
    if fault != "image":
        assert jobs.run("two", "true", environmentId=version).status == "Completed"


def test_a_role_counts_only_after_a_while(azure: Azure, jobs: Jobs) -> None:
    server = azure.get(jobs.sample.registry)["properties"]["loginServer"]
    digest = "sha256:" + "1" * 64
    azure.images.push(Image(jobs.sample.registry, "fastai2", digest, "FROM scratch\n", azure.storage.folder))
    version = f"{jobs.sample.workspace}/environments/own/versions/1"
    azure.put(version, "2025-12-01", {"properties": {"image": f"{server}/fastai2@{digest}"}})
    azure.latency, azure.clock.scale = Latency(role=3600), 1
    assert "403 Forbidden" in message(jobs.run("soon", "true", environmentId=version))
    azure.clock.scale = 0
    assert jobs.run("later", "true", environmentId=version).status == "Completed"


def test_an_image_that_azure_ml_cannot_build_fails_the_job_and_the_log_tells_why(azure: Azure, jobs: Jobs) -> None:
    version = f"{jobs.sample.workspace}/environments/own/versions/1"
    uri = f"{azure.endpoints.storage('teamstorage')}/contexts/own"
    azure.storage.put("teamstorage", "contexts", "own/Dockerfile", b"FROM python:3.11\nCOPY missing.txt /\n")
    azure.put(version, "2025-12-01", {"properties": {"build": {"contextUri": uri, "dockerfilePath": "Dockerfile"}}})
    run = jobs.run("one", "true", environmentId=version)
    assert path(run) == ["NotStarted", "Preparing", "Failed"]
    assert "Image build failed" in message(run)
    assert "missing.txt" in jobs.log("one", images.BUILD_LOG)
    azure.faults.add(Fault("BUILD", error=Refused(400, "x", "pip said no")))
    assert "Image build failed" in message(jobs.run("two", "true"))
    assert "pip said no" in jobs.log("two", images.BUILD_LOG)


def test_a_job_finds_tokens_of_its_clusters_identity(azure: Azure, jobs: Jobs) -> None:
    script = (
        "import json, os, urllib.request as u\n"
        "url = os.environ['MSI_ENDPOINT'] + '?api-version=2017-09-01&resource=https://vault.azure.net&clientid='\n"
        "url += os.environ['DEFAULT_IDENTITY_CLIENT_ID']\n"
        "ask = u.Request(url, headers={'secret': os.environ['MSI_SECRET']})\n"
        "print(json.load(u.urlopen(ask))['access_token'])\n"
    )
    assert jobs.run("one", "python main.py", codeId=jobs.code(main=script)).status == "Completed"
    claims = azure.tokens.check(f"Bearer {jobs.log('one').strip()}")
    assert claims["oid"] == azure.get(jobs.sample.identity)["properties"]["principalId"]
    assert claims["aud"] == "https://vault.azure.net"
    assert azure.node_identities == {}


def test_nothing_runs_on_when_the_rehearsal_is_over(jobs: Jobs) -> None:
    marker = _marker()
    jobs.submit("one", f"sleep {marker}")
    jobs.wait_for("one", lambda run: run.status == "Running")
    until(lambda: bool(_processes(marker)))
    jobs.running.machines.stop()
    assert _processes(marker) == []
