"""Jobs in the environment of their image, tracked by MLflow as on Azure ML."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.project import REPOSITORY
from trainup.simulator.cloud.azure import Azure
from trainup.simulator.cloud.images import Image
from trainup.simulator.cloud.sample import Sample, furnish
from trainup.simulator.rehearsal import Rehearsal, rehearsal

pytestmark = pytest.mark.slow

BUILT = REPOSITORY / ".trainup" / "tests" / "images"
"""Outlives the tests: what is built of the training's image takes gigabytes."""

TRACKING = "FROM python:3.11\nRUN pip install mlflow-skinny==3.15.0 azureml-mlflow==1.62.0.post6\n"
SCRIPT = """
import os
import mlflow
from mlflow import MlflowClient
from mlflow.entities import Metric, Param

client, run = MlflowClient(), os.environ["MLFLOW_RUN_ID"]
metrics = [Metric("accuracy", 0.5, 1, 1), Metric("accuracy", 0.75, 2, 2), Metric("loss", float("nan"), 2, 2)]
client.log_batch(run, metrics=metrics, params=[Param("lr", "0.1")])
mlflow.log_metric("more", 1.5, step=3)
open("plot.txt", "w").write("a plot")
client.log_artifact(run, "plot.txt", "plots")
assert client.get_run(run).data.metrics["accuracy"] == 0.75
assert [found.path for found in client.list_artifacts(run, "plots")] == ["plots/plot.txt"]
client.set_terminated(run, "FAILED")
"""


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Rehearsal]:
    with rehearsal(tmp_path / "rehearsal", environments=BUILT) as made:
        yield made


def image(azure: Azure, sample: Sample, dockerfile: str, context: Path) -> str:
    """An environment on an image that the sample's registry has; returns its id."""
    digest = "sha256:" + "1" * 64
    azure.images.push(Image(sample.registry, "fastai2", digest, dockerfile, context))
    reference = f"{azure.get(sample.registry)['properties']['loginServer']}/fastai2@{digest}"
    version = f"{sample.workspace}/environments/own/versions/1"
    return str(azure.put(version, "2025-12-01", {"properties": {"image": reference}})["id"])


def submit(azure: Azure, sample: Sample, environment: str, command: str, source: dict[str, bytes]) -> str:
    """A job with this code; returns its id."""
    for name, data in source.items():
        azure.storage.put("teamstorage", "code", f"snapshot/{name}", data)
    uri = f"{azure.endpoints.storage('teamstorage')}/code/snapshot"
    code = azure.put(f"{sample.workspace}/codes/own/versions/1", "2025-12-01", {"properties": {"codeUri": uri}})
    body = {
        "jobType": "Command",
        "command": command,
        "codeId": code["id"],
        "environmentId": environment,
        "computeId": sample.cluster,
        "experimentName": "pets",
    }
    return str(azure.put(f"{sample.workspace}/jobs/one", "2025-12-01", {"properties": body})["id"])


def test_a_script_with_azures_mlflow_plugin_logs_metrics_parameters_and_files(
    running: Rehearsal, tmp_path: Path
) -> None:
    azure = running.azure
    sample = furnish(azure)
    environment = image(azure, sample, TRACKING, tmp_path)
    job = submit(azure, sample, environment, "python main.py", {"main.py": SCRIPT.encode()})
    run = running.machines.wait(job, 300)
    assert run.error is None
    assert run.status == "Completed"  # that it calls itself failed counts for nothing: the service knows better
    assert {name: [metric.value for metric in run.metrics[name]] for name in ("accuracy", "more")} == {
        "accuracy": [0.5, 0.75],
        "more": [1.5],
    }
    assert run.params == {"lr": "0.1"}
    plot = azure.storage.get("teamstorage", "azureml", "ExperimentRun/dcid.one/plots/plot.txt")
    assert plot is not None
    assert plot.path.read_text() == "a plot"
    log = azure.storage.get("teamstorage", "azureml", "ExperimentRun/dcid.one/user_logs/std_log.txt")
    assert log is not None
    assert "management.azure.com" not in log.path.read_text()  # as where the public cloud would be asked
