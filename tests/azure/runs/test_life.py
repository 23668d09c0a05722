"""The life of a run on Azure ML, over HTTPS."""

from tests.azure.runs.conftest import World
from trainup.core.status import Status
from trainup.jobs import lifecycle
from trainup.simulator.cloud.faults import Fault
from trainup.simulator.cloud.refusal import Refused

SCRIPT = """\
import os, sys, urllib.request
print("hello", sys.argv[1:], flush=True)
open(os.path.join(os.environ["TRAINUP_OUTPUT_DIR"], "model.bin"), "w").write("weights")
open(os.path.join(os.environ["TRAINUP_CHECKPOINT_DIR"], "epoch-1"), "w").write("1")
print("client", os.environ["AZURE_CLIENT_ID"], flush=True)
"""


def test_a_script_is_uploaded_run_and_followed_to_its_end(world: World) -> None:
    world.write(train__py=SCRIPT)
    job = world.job(source="code", script="train.py", arguments=["--name", "it's $HOME"])
    record, heard = world.run(job)
    assert record.status is Status.COMPLETED, (record, heard)
    assert heard.lines[0] == "hello ['--name', \"it's $HOME\"]"
    assert heard.statuses[-1] == "Completed"
    assert world.names() == [job.id]


METRICS = """\
import json, os, time, urllib.request
def post(call, body):
    request = urllib.request.Request(
        os.environ["MLFLOW_TRACKING_URI"].replace("azureml://", "https://") + "/api/2.0/mlflow/" + call,
        json.dumps(body).encode(),
        {"Content-Type": "application/json", "Authorization": "Bearer " + os.environ["MLFLOW_TRACKING_TOKEN"]},
    )
    return urllib.request.urlopen(request).read()
for step, (accuracy, loss) in enumerate([(0.5, 2.0), (0.9, 0.5), (0.8, 0.7)]):
    for key, value in (("accuracy", accuracy), ("valid_loss", loss)):
        metric = {"key": key, "value": value, "timestamp": int(time.time() * 1000), "step": step}
        post("runs/log-metric", {"run_id": os.environ["MLFLOW_RUN_ID"], **metric})
"""


def test_metrics_are_those_that_the_script_logged_with_the_last_and_the_best_value(world: World) -> None:
    world.write(train__py=METRICS)
    record, heard = world.run(world.job(source="code", script="train.py"))
    assert record.status is Status.COMPLETED, heard.lines
    assert record.metrics == {"accuracy": 0.8, "valid_loss": 0.7}
    assert record.best == {"accuracy": 0.9, "valid_loss": 0.5}


def test_a_script_that_does_not_know_mlflow_writes_its_metrics_down(world: World) -> None:
    record, _ = world.run(world.shell('echo \'{"accuracy": 0.9, "note": "x"}\' > "$TRAINUP_OUTPUT_DIR/metrics.json"'))
    assert (record.metrics, record.best) == ({"accuracy": 0.9}, {"accuracy": 0.9})


def test_metrics_that_were_written_down_and_cannot_be_read_are_not_taken_for_none(world: World) -> None:
    text = 'echo \'{"accuracy": 0.9}\' > "$TRAINUP_OUTPUT_DIR/metrics.json"'
    refused = Refused(403, "AuthorizationFailed", "The client does not have authorization")
    world.azure.faults.add(Fault(path="*/contentinfo", error=refused))
    _, heard = world.run(world.shell(text))
    assert "its metrics could not be read" in heard.told[-1].tracking_error
    assert world.run(world.shell(text))[0].metrics == {"accuracy": 0.9}, "whoever looks later has them"


def test_metrics_that_come_in_pieces_are_read_whole(world: World) -> None:
    world.azure.faults.add(Fault(path="*/metrics.json", short=True, times=2))
    record, _ = world.run(world.shell('echo \'{"accuracy": 0.9}\' > "$TRAINUP_OUTPUT_DIR/metrics.json"'))
    assert record.metrics == {"accuracy": 0.9}


def test_metrics_that_were_written_down_take_no_role_on_the_storage(world: World) -> None:
    for role in list(world.azure.each("Microsoft.Authorization/roleAssignments")):
        if role["properties"]["principalId"] == world.azure.deployer:
            world.azure.delete(role["id"])
    record, _ = world.run(world.shell('echo \'{"accuracy": 0.9}\' > "$TRAINUP_OUTPUT_DIR/metrics.json"'))
    assert record.metrics == {"accuracy": 0.9}


def test_a_record_tells_where_everything_is(world: World) -> None:
    record, _ = world.run(world.shell("true"))
    assert record.outputs_uri.endswith(f"/ExperimentRun/dcid.{record.name}/outputs/")
    assert record.log_uri.endswith(f"/ExperimentRun/dcid.{record.name}/user_logs/std_log.txt")
    assert record.name in record.web_url
    assert "running" in record.phases, "however fast it was"


def test_a_later_reader_sees_the_phases_that_were_watched(world: World) -> None:
    record, _ = world.run(world.shell("true"))
    (again,) = world.target().attempts(record.id)
    assert again == record


def test_cost_is_nodes_times_their_time_times_the_price(world: World) -> None:
    record, _ = world.run(world.shell("true", node_price=3600.0))
    paid = sum(seconds for phase, seconds in record.phases.items() if phase != "queued")
    assert abs(record.cost - paid) < 0.001
    assert world.run(world.shell("true", run="free", node_price=0.0))[0].cost == 0.0


def test_without_a_price_of_its_own_cost_counts_with_azures(world: World) -> None:
    record, _ = world.run(world.shell("sleep 0.4", tags={"team": "vision"}))
    assert (record.node_price, record.nodes, record.tags) == (1.14, 1, {"team": "vision"})
    hours = sum(seconds for phase, seconds in record.phases.items() if phase != "queued") / 3600
    assert record.cost == round(hours * 1.14, 4) > 0
    assert world.jobs()[0]["properties"]["properties"]["trainup.node_price"] == "1.14"


def test_a_completed_run_is_adopted_and_never_trained_again(world: World) -> None:
    first, _ = world.run(world.shell("true"))
    second, _ = world.run(world.shell("true", stack="prod", token="t2"))
    assert (second.name, second.attempt, second.status) == (first.name, 1, Status.COMPLETED)
    assert {owner.token for owner in second.owners} == {"t1", "t2"}
    assert len(world.jobs()) == 1


def test_a_failed_run_is_followed_by_another_attempt(world: World) -> None:
    job = world.shell(
        'echo broken; test -e "$TRAINUP_CHECKPOINT_DIR/done" || { touch "$TRAINUP_CHECKPOINT_DIR/done"; exit 3; }'
    )
    first, heard = world.run(job)
    assert (first.status, first.failure and first.failure.exit_code) == (Status.FAILED, 3), heard.lines
    second, _ = world.run(job)
    assert (second.status, second.name) == (Status.COMPLETED, f"{job.id}-a2")
    assert [record.attempt for record in world.target().attempts(job.id)] == [1, 2]


def test_retries_are_attempts_of_one_run(world: World) -> None:
    job = world.shell(
        'echo x >> "$TRAINUP_CHECKPOINT_DIR/n"; test $(wc -l < "$TRAINUP_CHECKPOINT_DIR/n") = 3', retries=5
    )
    record, _ = world.run(job)
    assert (record.status, record.attempt) == (Status.COMPLETED, 3)


def test_an_active_run_with_other_inputs_is_cancelled_first(world: World) -> None:
    target = world.target()
    old = lifecycle.start(target, world.shell("sleep 600"))
    record, _ = world.run(world.shell("true"))
    assert record.status is Status.COMPLETED
    ended = world.target().get(old.name)
    assert ended is not None
    assert ended.failure is not None
    assert (ended.status, "replaced by a run" in ended.failure.message) == (Status.CANCELED, True)


def test_named_outputs_and_inputs_are_where_the_command_says(world: World) -> None:
    inputs = {"epochs": {"value": "5"}}
    command = ["bash", "-c", 'echo "$0 $1"; echo w > "$1/weights"', "${{inputs.epochs}}", "${{outputs.model}}"]
    record, heard = world.run(world.job(command=command, inputs=inputs))
    assert record.status is Status.COMPLETED, heard.lines
    assert heard.lines[0].startswith("5 /")
