"""Run history, MLflow and artifacts, as clients ask for them."""

from typing import Any

import pytest
import requests

from tests.unit.simulator.conftest import Jobs
from trainup.jobs.azure.http.client import AzureClient, AzureError
from trainup.simulator.cloud.azure import Azure
from trainup.simulator.cloud.runs import Runs
from trainup.simulator.cloud.sample import Sample


class Api:
    """The data planes of the sample's workspace."""

    def __init__(self, azure: Azure, client: AzureClient, sample: Sample) -> None:
        self.client, self.workspace = client, sample.workspace
        discovery = str(client.get(sample.workspace)["properties"]["discoveryUrl"])
        self.base = str(requests.get(discovery, timeout=10).json()["api"])  # without a token, as clients do

    def history(self, path: str) -> dict[str, Any]:
        """Something of the run history."""
        return self.client.get(f"{self.base}/history/v1.0{self.workspace}/{path}", version="v1.0")

    def mlflow(self, call: str, body: dict[str, Any] | None = None, **query: str) -> dict[str, Any]:
        """A call of MLflow's API."""
        url = f"{self.base}/mlflow/v2.0{self.workspace}/api/2.0/mlflow/{call}"
        method = "GET" if body is None else "POST"
        answer = self.client.send(method, url, body, version="", query=query)
        return dict(answer.json())


@pytest.fixture
def api(azure: Azure, client: AzureClient, sample: Sample) -> Api:
    return Api(azure, client, sample)


def test_details_tell_status_times_error_and_where_the_logs_are(api: Api, jobs: Jobs) -> None:
    jobs.run("one", "echo hello; exit 1", tags={"a": "b"})
    told = api.history("runs/one/details")
    assert (told["runId"], told["status"], told["tags"]) == ("one", "Failed", {"a": "b"})
    assert told["error"]["error"]["code"] == "UserError"
    assert told["createdTimeUtc"] <= told["startTimeUtc"] <= told["endTimeUtc"]
    assert list(told["logFiles"]) == ["user_logs/std_log.txt"]
    assert requests.get(told["logFiles"]["user_logs/std_log.txt"], timeout=10).text == "hello\n"


def test_a_log_is_read_by_ranges_while_it_grows(api: Api, jobs: Jobs) -> None:
    job = jobs.submit("one", "echo first; while [ ! -f go ]; do sleep 0.01; done; echo second")
    run = jobs.wait_for("one", lambda run: run.status == "Running")
    blob = None
    while blob is None or not blob.size:
        blob = jobs.running.azure.storage.get("teamstorage", "azureml", "ExperimentRun/dcid.one/user_logs/std_log.txt")
    url = api.history("runs/one/details")["logFiles"]["user_logs/std_log.txt"]
    assert requests.get(url, headers={"Range": "bytes=0-"}, timeout=10).text == "first\n"
    assert requests.get(url, headers={"Range": "bytes=6-"}, timeout=10).status_code == 416
    (jobs.running.machines.folder / "one" / "code-0" / "go").touch()
    jobs.running.machines.wait(job)
    assert requests.get(url, headers={"Range": "bytes=6-"}, timeout=10).text == "second\n"
    assert run.status == "Completed"


def test_a_run_that_is_not_there_is_not_found(api: Api) -> None:
    for path in ("runs/none/details", "runs/none"):
        with pytest.raises(AzureError, match="not found"):
            api.history(path)
    with pytest.raises(AzureError, match="404"):
        api.mlflow("runs/get", run_id="none")


def test_outputs_are_found_as_the_official_client_looks_for_them(api: Api, jobs: Jobs) -> None:
    jobs.run("one", "echo m > ${{outputs.model}}/m", outputs={"model": {"jobOutputType": "uri_folder"}})
    url = f"{api.base}/history/v1.0{api.workspace}/rundata"
    outputs = api.client.post(url, {"runId": "one"}, version="v1.0")["runMetadata"]["outputs"]
    assert outputs["model"]["type"] == "UriFolder"
    asset = outputs["model"]["assetId"]
    url = f"{api.base}/data/v1.0{api.workspace}/dataversion/batchGetResolvedUris"
    values = api.client.post(url, {"values": [asset, "unknown"]}, version="1.5.0")["values"]
    assert list(values) == [asset]
    assert values[asset]["uri"].endswith("/datastores/workspaceblobstore/paths/azureml/one/model/")


def test_metrics_come_back_as_they_were_logged(api: Api, jobs: Jobs) -> None:
    jobs.run("one", "true")
    metrics = [
        {"key": "accuracy", "value": value, "timestamp": step, "step": step} for step, value in enumerate([0.5, 0.9])
    ]
    odd = [{"key": "odd", "value": value, "timestamp": 0, "step": 0} for value in ("NaN", "Infinity", "-Infinity")]
    api.mlflow(
        "runs/log-batch", {"run_id": "one", "metrics": [*metrics, *odd], "params": [{"key": "lr", "value": "1"}]}
    )
    api.mlflow("runs/log-metric", {"run_id": "one", "key": "accuracy", "value": 0.95, "timestamp": 2, "step": 2})
    run = api.mlflow("runs/get", run_id="one")["run"]
    last = {metric["key"]: metric["value"] for metric in run["data"]["metrics"]}
    assert last["accuracy"] == 0.95
    assert run["data"]["params"] == [{"key": "lr", "value": "1"}]
    assert run["info"]["status"] == "FINISHED"
    history = api.mlflow("metrics/get-history", run_id="one", metric_key="accuracy")["metrics"]
    assert [metric["value"] for metric in history] == [0.5, 0.9, 0.95]
    odd_history = api.mlflow("metrics/get-history", run_id="one", metric_key="odd")["metrics"]
    assert [metric["value"] for metric in odd_history] == ["NaN", "Infinity", "-Infinity"]


def test_a_value_that_is_sent_again_is_kept_once(api: Api, jobs: Jobs) -> None:
    jobs.run("one", "true")
    metric = {"run_id": "one", "key": "a", "value": 1, "timestamp": 1, "step": 1}
    for _ in range(3):
        api.mlflow("runs/log-metric", metric)
    assert len(api.mlflow("metrics/get-history", run_id="one", metric_key="a")["metrics"]) == 1


def test_metric_history_comes_in_pages(api: Api, jobs: Jobs) -> None:
    run = jobs.run("one", "true")
    batch = [{"key": "a", "value": step, "timestamp": step, "step": step} for step in range(10)]
    api.mlflow("runs/log-batch", {"run_id": "one", "metrics": batch})
    assert len(run.metrics["a"]) == 10
    found, token = [], ""
    while True:
        page = api.mlflow("metrics/get-history", run_id="one", metric_key="a", max_results="4", page_token=token)
        found += page["metrics"]
        if not (token := page.get("next_page_token", "")):
            break
    assert [metric["step"] for metric in found] == list(range(10))


def test_a_parameter_cannot_change(api: Api, jobs: Jobs) -> None:
    jobs.run("one", "true")
    api.mlflow("runs/log-parameter", {"run_id": "one", "key": "lr", "value": "1"})
    api.mlflow("runs/log-parameter", {"run_id": "one", "key": "lr", "value": "1"})
    with pytest.raises(AzureError, match="400"):
        api.mlflow("runs/log-parameter", {"run_id": "one", "key": "lr", "value": "2"})


def test_batches_and_runs_have_limits(api: Api, jobs: Jobs) -> None:
    jobs.run("one", "true")
    many = [{"key": f"m{number}", "value": 1, "timestamp": 1, "step": 1} for number in range(1001)]
    with pytest.raises(AzureError, match="400"):
        api.mlflow("runs/log-batch", {"run_id": "one", "metrics": many})
    with pytest.raises(AzureError, match="400"):
        api.mlflow("runs/log-batch", {"run_id": "one", "metrics": many[:51]})


def test_runs_are_searched_by_experiment_and_filter(api: Api, jobs: Jobs) -> None:
    for number in range(3):
        jobs.run(f"run{number}", "true", experimentName="pets" if number else "digits")
        api.mlflow(
            "runs/log-metric", {"run_id": f"run{number}", "key": "a", "value": number, "timestamp": 1, "step": 0}
        )
    pets = api.mlflow("experiments/get-by-name", experiment_name="pets")["experiment"]["experiment_id"]
    assert pets == Runs.experiment_id(api.workspace, "pets")

    def found(text: str = "") -> list[str]:
        page = api.mlflow("runs/search", {"experiment_ids": [pets], "filter": text, "max_results": 10})
        return [run["info"]["run_id"] for run in page["runs"]]

    assert found() == ["run2", "run1"]
    assert found("metrics.a >= 2") == ["run2"]
    assert found("attributes.run_id = 'run1' and metrics.a < 2") == ["run1"]
    with pytest.raises(AzureError, match="400"):
        found("nonsense")


def test_a_client_can_make_runs_of_its_own_but_not_end_those_of_jobs(api: Api, jobs: Jobs) -> None:
    experiment = api.mlflow("experiments/create", {"name": "notebook"})["experiment_id"]
    run = api.mlflow("runs/create", {"experiment_id": experiment, "run_name": "mine"})["run"]["info"]
    assert run["status"] == "RUNNING"
    ended = api.mlflow("runs/update", {"run_id": run["run_id"], "status": "FINISHED"})["run_info"]
    assert ended["status"] == "FINISHED"
    job = jobs.submit("one", "sleep 600")
    jobs.wait_for("one", lambda run: run.status == "Running")
    assert api.mlflow("runs/update", {"run_id": "one", "status": "FAILED"})["run_info"]["status"] == "RUNNING"
    jobs.running.machines.cancel(job)
    assert jobs.running.machines.wait(job).status == "Canceled"
    assert api.mlflow("runs/get", run_id="one")["run"]["info"]["status"] == "KILLED"


def test_files_of_a_run_are_listed_and_opened(api: Api, jobs: Jobs) -> None:
    jobs.run("one", "mkdir -p outputs/deep; echo m > outputs/m.json; echo d > outputs/deep/d", experimentName="pets")
    run = f"{api.base}/history/v1.0{api.workspace}/experiments/pets/runs/one/artifacts"
    names = [item["path"] for item in api.client.pages(run, version="")]
    assert names == ["outputs/deep/d", "outputs/m.json", "user_logs/std_log.txt"]
    opened = api.client.get(f"{run}/contentinfo", version="", path="outputs/m.json")
    assert requests.get(opened["contentUri"], timeout=10).text == "m\n"
    by_prefix = f"{api.base}/artifact/v2.0{api.workspace}/artifacts/ExperimentRun/dcid.one/prefix/contentinfo"
    found = list(api.client.pages(by_prefix, version="", path="outputs/"))
    assert [item["path"] for item in found] == ["outputs/deep/d", "outputs/m.json"]
    top = api.mlflow("artifacts/list", run_id="one")["files"]
    assert {item["path"]: item["is_dir"] for item in top} == {"outputs": True, "user_logs": True}
    with pytest.raises(AzureError, match="404"):
        api.client.get(f"{run}/contentinfo", version="", path="none")


def test_room_is_made_for_a_file_before_it_is_uploaded(api: Api, jobs: Jobs) -> None:
    jobs.run("one", "true", experimentName="pets")
    url = f"{api.base}/history/v1.0{api.workspace}/experiments/pets/runs/one/artifacts/batch/metadata"
    told = api.client.post(url, {"paths": [{"path": "plots/a.png"}]}, version="")
    address = told["artifactContentInformation"]["plots/a.png"]["contentUri"]
    answer = requests.put(address, data=b"png", headers={"x-ms-blob-type": "BlockBlob"}, timeout=10)
    assert answer.status_code == 201
    assert api.mlflow("artifacts/list", run_id="one", path="plots")["files"] == [
        {"path": "plots/a.png", "is_dir": False, "file_size": 3}
    ]
