"""A real MLflow server of a workspace, and what scripts log to it."""

import json
import math
import os
import urllib.request
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import psutil
import pytest

from tests.support.records import definition_of
from tests.training.conftest import TIMEOUT, Folder
from trainup.core.status import Status
from trainup.jobs.local import mlflow_server, tracked
from trainup.jobs.local.processes import processes_of
from trainup.jobs.local.run_record import Policy
from trainup.jobs.local.tracking import Tracking, TrackingError
from trainup.jobs.local.workspace import Workspace

pytestmark = [pytest.mark.training, pytest.mark.timeout(1800)]

DEFINITION = definition_of("digits-0123456789ab", policy=Policy(tags={"team": "vision"}))


@pytest.fixture(scope="module")
def workspace(serving: Callable[[], Workspace]) -> Workspace:
    """A workspace whose server runs."""
    made = serving()
    # What a server that was killed while it made its database leaves behind.
    (made.mlflow / ".mlflow.db.new").write_bytes(b"half a database")
    mlflow_server.ensure(made)
    return made


def variables(uri: str, run_id: str) -> dict[str, str]:
    return {"MLFLOW_TRACKING_URI": uri, "MLFLOW_RUN_ID": run_id}


def get(uri: str, headers: dict[str, str] | None = None) -> bytes:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(urllib.request.Request(uri, headers=headers or {}), timeout=15) as answer:
        return bytes(answer.read())


def test_the_script_logs_to_the_run_that_was_made_for_it(workspace: Workspace, folder: Folder) -> None:
    uri = tracked.reachable(workspace)
    made = tracked.create(uri, DEFINITION)
    run_id = made.run_id
    assert made.page.startswith(f"{uri}/#/experiments/")
    ended = folder.train("train.py", "--max-images", "200", "--epochs", "2", **variables(uri, run_id))
    assert (ended.returncode, ended.stderr) == (0, "")

    collected = tracked.collect(workspace, run_id, Status.COMPLETED, {})
    written = json.loads((folder.path / "outputs" / "metrics.json").read_text())
    assert collected.metrics == pytest.approx(written)
    assert set(collected.best) == set(written)
    run = json.loads(get(f"{uri}/api/2.0/mlflow/runs/get?run_id={run_id}"))["run"]
    assert run["info"]["status"] == "FINISHED"
    assert {"key": "epochs", "value": "2"} in run["data"]["params"]
    query = f"run_id={run_id}&metric_key=accuracy"
    points = json.loads(get(f"{uri}/api/2.0/mlflow/metrics/get-history?{query}"))["metrics"]
    assert [point["step"] for point in points] == [1, 2]
    assert list(workspace.mlflow.glob(f"artifacts/*/{run_id}/artifacts/confusion.png"))


def test_a_new_attempt_logs_the_whole_curve_and_the_same_run_gets_no_point_twice(
    workspace: Workspace, folder: Folder
) -> None:
    uri = tracked.reachable(workspace)
    words = ("train.py", "--max-images", "200", "--epochs", "2")
    assert folder.train(*words).returncode == 0
    run_id = tracked.create(uri, DEFINITION).run_id
    for _ in range(2):
        again = folder.train(*words, **variables(uri, run_id))
        assert (again.returncode, again.stderr) == (0, "")
        assert "going on after epoch 2" in again.stdout
    query = f"run_id={run_id}&metric_key=accuracy"
    points = json.loads(get(f"{uri}/api/2.0/mlflow/metrics/get-history?{query}"))["metrics"]
    assert [point["step"] for point in points] == [1, 2]


def test_numbers_that_are_not_finite_arrive(workspace: Workspace, folder: Folder) -> None:
    uri = tracked.reachable(workspace)
    run_id = tracked.create(uri, DEFINITION).run_id
    script = (
        "import mlflow, math\n"
        "with mlflow.start_run():\n"
        "    for step, loss in enumerate((2.0, 1.0, math.nan)): mlflow.log_metric('loss', loss, step=step)\n"
        "    mlflow.log_metric('score', math.inf)\n"
    )
    ended = folder.run("-c", script, **variables(uri, run_id))
    assert ended.returncode == 0, ended.stderr
    collected = tracked.collect(workspace, run_id, Status.COMPLETED, {})
    assert math.isnan(collected.metrics["loss"])
    assert collected.best["loss"] == 1.0
    assert collected.metrics["score"] >= 1.7e308  # as MLflow stores infinity


def test_a_server_of_ones_own_begins_and_ends_a_run_in_one_request_each(
    workspace: Workspace, folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = tracked.reachable(workspace)
    told = []
    for experiment, is_own in (("one by one", False), ("at once", True), ("at once", True)):
        definition = replace(DEFINITION, policy=replace(DEFINITION.policy, experiment_name=experiment))
        calls: list[str] = []
        with monkeypatch.context() as patch:
            patch.setattr(Tracking, "_request", noting(calls, knows_own=is_own))
            made = tracked.create(uri, definition, is_own=True)
            script = (
                "import mlflow, math\n"
                "with mlflow.start_run():\n"
                "    mlflow.log_param('lr', 'mine')\n"
                "    for loss in (3.0, 1.0, 2.0, math.nan): mlflow.log_metric('loss', loss)\n"
            )
            ended = folder.run("-c", script, **variables(uri, made.run_id))
            assert ended.returncode == 0, ended.stderr
            parameters = {"lr": "0.1", **{f"p{number}": "x" for number in range(150)}}
            collected = tracked.collect(workspace, made.run_id, Status.FAILED, parameters)
        assert len(calls) == (2 if is_own else 10), calls
        run = json.loads(get(f"{uri}/api/2.0/mlflow/runs/get?run_id={made.run_id}"))["run"]
        info, data = run["info"], run["data"]
        assert info["start_time"] <= info["end_time"]
        assert info["experiment_id"] == made.experiment_id
        tags = {tag["key"]: tag["value"] for tag in data["tags"] if not tag["key"].startswith("mlflow.source")}
        params = {param["key"]: param["value"] for param in data["params"]}
        told.append((repr(collected), info["run_name"], info["status"], params, tags.keys()))
    assert told[0] == told[1] == told[2]
    assert told[0][2] == "FAILED"
    assert told[0][3] == {**parameters, "lr": "mine"}


def noting(calls: list[str], *, knows_own: bool) -> Callable[..., dict[str, Any]]:
    """Requests that are noted; without `knows_own`, the server refuses those of this version, as an older one does."""
    ask = Tracking._request

    def request(self: Tracking, call: str, body: bytes | None) -> dict[str, Any]:
        if not knows_own and call.endswith(("/trainup/begin", "/trainup/end")):
            call = call.replace("/trainup/", "/trainup/not-yet-")
        calls.append(call)
        return ask(self, call, body)

    return request


def test_runs_inside_of_a_run_and_after_it_land_in_its_experiment(workspace: Workspace, folder: Folder) -> None:
    uri = tracked.reachable(workspace)
    made = tracked.create(uri, replace(DEFINITION, policy=replace(DEFINITION.policy, experiment_name="exp-a")))
    script = (
        "import mlflow\n"
        "with mlflow.start_run() as parent:\n"
        "    with mlflow.start_run(nested=True) as child: pass\n"
        "with mlflow.start_run() as second: pass\n"
        "runs = [mlflow.get_run(run.info.run_id) for run in (parent, child, second)]\n"
        "print(*(run.info.experiment_id for run in runs), runs[1].data.tags.get('mlflow.parentRunId'))\n"
    )
    ended = folder.run("-c", script, **made.variables)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.split("\n")[-2].split() == [made.experiment_id] * 3 + [made.run_id]
    assert json.loads(get(f"{uri}/api/2.0/mlflow/experiments/get-by-name?experiment_name=exp-a"))["experiment"][
        "experiment_id"
    ] == made.experiment_id  # fmt: skip


def test_thousands_of_metrics_and_steps_are_collected_at_once(
    workspace: Workspace, folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = tracked.reachable(workspace)
    run_id = tracked.create(uri, DEFINITION).run_id
    script = (
        "import mlflow\n"
        "from mlflow.entities import Metric\n"
        "def log(metrics): client.log_batch(run.info.run_id, metrics=metrics)\n"
        "client = mlflow.MlflowClient()\n"
        "with mlflow.start_run() as run:\n"
        "    for part in range(3): log([Metric(f'm{part}_{i}', 1.0, 1, 0) for i in range(1000)])\n"
        "    for first in range(0, 5000, 1000):\n"
        "        log([Metric('loss', abs(2500 - step), step, step) for step in range(first, first + 1000)])\n"
    )
    ended = folder.run("-c", script, **variables(uri, run_id))
    assert ended.returncode == 0, ended.stderr
    calls: list[str] = []
    request = Tracking._request
    monkeypatch.setattr(
        Tracking, "_request", lambda self, call, body: (calls.append(call), request(self, call, body))[1]
    )
    collected = tracked.collect(workspace, run_id, Status.COMPLETED, {})
    assert len(collected.metrics) == len(collected.best) == 3001
    assert (collected.metrics["loss"], collected.best["loss"]) == (2499.0, 0.0)
    assert len(calls) <= 3, "whatever their number"


def test_a_server_that_is_not_trainups_is_asked_for_the_histories(
    workspace: Workspace, folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = tracked.reachable(workspace)
    run_id = tracked.create(uri, DEFINITION).run_id
    script = (
        "import mlflow\n"
        "with mlflow.start_run():\n"
        "    for step, loss in enumerate((2.0, 1.0, 3.0)): mlflow.log_metric('loss', loss, step=step)\n"
    )
    assert folder.run("-c", script, **variables(uri, run_id)).returncode == 0

    def unknown(self: Tracking, *question: object) -> NoReturn:
        raise TrackingError("no such page", 404)

    monkeypatch.setattr(Tracking, "extremes", unknown)
    monkeypatch.setattr(Tracking, "_own", unknown)
    assert tracked.collect(workspace, run_id, Status.COMPLETED, {}).best == {"loss": 1.0}
    monkeypatch.setattr(tracked, "HISTORY_SECONDS", 0.0)
    late = tracked.collect(workspace, run_id, Status.COMPLETED, {})
    assert (late.metrics, late.best) == ({"loss": 3.0}, {})
    assert "of 1 metrics were not told" in late.error


def test_arguments_are_parameters_unless_the_script_has_logged_its_own(workspace: Workspace, folder: Folder) -> None:
    uri = tracked.reachable(workspace)
    run_id = tracked.create(uri, DEFINITION).run_id
    script = "import mlflow\nwith mlflow.start_run(): mlflow.log_param('lr', 0.001)\n"
    assert folder.run("-c", script, **variables(uri, run_id)).returncode == 0
    tracked.collect(workspace, run_id, Status.COMPLETED, {"lr": "1e-3", "epochs": "5"})
    params = json.loads(get(f"{uri}/api/2.0/mlflow/runs/get?run_id={run_id}"))["run"]["data"]["params"]
    assert {item["key"]: item["value"] for item in params} == {"lr": "0.001", "epochs": "5"}


def test_outputs_are_shown_among_the_artifacts_without_a_copy(workspace: Workspace, tmp_path: Path) -> None:
    uri = tracked.reachable(workspace)
    made = tracked.create(uri, DEFINITION)
    outputs = workspace.root / "runs" / "x" / "outputs"
    (outputs / "model").mkdir(parents=True)
    (outputs / "model" / "m.bin").write_text("weights")
    (outputs / "elsewhere").symlink_to(tmp_path)
    tracked.show_outputs(outputs, workspace.shown_outputs(made.experiment_id, made.run_id))
    where = f"{uri}/api/2.0/mlflow/artifacts/list?run_id={made.run_id}&path=outputs"
    assert [item["path"] for item in json.loads(get(where))["files"]] == ["outputs/model"]
    assert [item["file_size"] for item in json.loads(get(f"{where}/model"))["files"]] == [7]
    shown = workspace.shown_outputs(made.experiment_id, made.run_id) / "model" / "m.bin"
    assert shown.samefile(outputs / "model" / "m.bin")


def test_the_server_is_one_process_for_this_machine_only(workspace: Workspace) -> None:
    uri = mlflow_server.ensure(workspace)
    (server,) = processes_of(workspace.tracking()["token"])
    addresses = {connection.laddr.ip for connection in server.net_connections("tcp") if connection.status == "LISTEN"}
    assert addresses == {"127.0.0.1"}
    assert b'<div id="root"' in get(uri)
    with pytest.raises(urllib.error.HTTPError, match="403"):  # a page elsewhere cannot rebind its name to this server
        get(f"{uri}/api/2.0/mlflow/experiments/get?experiment_id=0", {"Host": "elsewhere.example"})


def mine() -> list[list[str]]:
    """The command lines of this user's processes."""
    found = []
    for process in psutil.process_iter(["cmdline", "uids"]):
        uids = process.info["uids"]
        if uids and uids.real == os.getuid():
            found.append(process.info["cmdline"] or [])
    return found


def test_a_stopped_server_leaves_no_process_keeps_its_records_and_does_not_stop_the_training(
    serving: Callable[[], Workspace], folder: Folder
) -> None:
    workspace = serving()
    uri = mlflow_server.ensure(workspace)
    run_id = tracked.create(uri, DEFINITION).run_id
    token = workspace.tracking()["token"]
    # Without patience here: how long the client tries is MLflow's own affair.
    impatient = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}
    with folder.start("train.py", "--epochs", "6", **variables(uri, run_id), **impatient) as process:
        assert process.stdout
        lines = []
        for line in process.stdout:
            lines.append(line)
            if line.startswith("epoch   1/"):
                mlflow_server.stop(workspace)
        assert process.stderr
        errors = process.stderr.read()
    assert (process.wait(TIMEOUT), errors) == (0, "")
    assert len([line for line in lines if line.startswith("epoch ")]) == 6
    assert [line.split(":")[0] for line in lines if "MLflow" in line] == ["warning"]
    assert lines[-1].startswith("done: ")

    assert not processes_of(token)
    assert not any(str(workspace.root) in word for process in mine() for word in process)
    assert set(tracked.collect(workspace, run_id, Status.FAILED, {}).metrics) >= {"accuracy"}
    mlflow_server.stop(workspace)
