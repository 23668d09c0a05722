"""Rows 11 to 17 of the how-to that trainup descends from: a run on Azure, from its configuration to its metrics.

Row 15, the script that reaches its accuracy there, is the last test of `test_rehearsal.py`.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.support import contract
from tests.support.azure import Cloud, cloud
from tests.support.project import STACK, Project, Result

PREBUILT = {"builder": "prebuilt", "reference": "mcr.microsoft.com/azureml/minimal@sha256:" + "a" * 64}
JOBS = "Microsoft.MachineLearningServices/workspaces/jobs"
SCRIPT = """\
import json, os, time, urllib.request
def log(key, value, step):
    body = {"run_id": os.environ["MLFLOW_RUN_ID"], "key": key, "value": value, "timestamp": step, "step": step}
    headers = {"Content-Type": "application/json", "Authorization": "Bearer " + os.environ["MLFLOW_TRACKING_TOKEN"]}
    address = os.environ["MLFLOW_TRACKING_URI"].replace("azureml://", "https://") + "/api/2.0/mlflow/runs/log-metric"
    urllib.request.urlopen(urllib.request.Request(address, json.dumps(body).encode(), headers)).read()
print("rank", os.environ.get("RANK", "0"), "of", os.environ.get("WORLD_SIZE", "1"), flush=True)
if os.environ.get("RANK", "0") == "0":
    for step, accuracy in enumerate((0.5, 0.99, 0.98)):
        log("accuracy", accuracy, step)
        print("epoch", step, "accuracy", accuracy, flush=True)
    open(os.path.join(os.environ["TRAINUP_OUTPUT_DIR"], "model.bin"), "w").write("weights")
"""
RUN = {"source": "code", "script": "train.py", "experiment_name": "fastai-custom-image"}
RUNS = {"pets": RUN, "wide": {**RUN, "nodes": 2, "distribution": {"process_count_per_node": 1}, "after": ["pets"]}}


@dataclass
class Deployed:
    """A stack with two runs, previewed and deployed."""

    running: Cloud
    project: Project
    preview: Result
    up: Result

    def job(self, run: str) -> dict[str, object]:
        (job,) = [job for job in self.running.azure.resources(JOBS) if job["name"].startswith(f"{run}-")]
        return dict(job["properties"])


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> Iterator[Deployed]:
    folder = tmp_path_factory.mktemp("howto")
    quick = {"AZUREML_RUN_POLLING_INTERVAL_MIN": "0.05", "AZUREML_RUN_POLLING_INTERVAL_MAX": "0.5"}
    with cloud(folder, {**environment, **quick}) as running:
        cluster = {"size": "gpu-small", "max_nodes": 2}
        access = {"users": [running.azure.deployer]}
        project = running.stack("dev", image=PREBUILT, runs=RUNS, cluster=cluster, access=access)
        project.environment.update(quick)
        code = project.folder / "code"
        code.mkdir()
        (code / "train.py").write_text(SCRIPT)
        (code / ".amlignore").write_text("*.pem\n")
        (code / "key.pem").write_text("private")
        yield Deployed(running, project, project.preview(), project.up())


@pytest.mark.engine
def test_row_11_a_run_has_source_script_compute_target_and_environment(deployed: Deployed) -> None:
    assert deployed.up.code == 0, deployed.up.text
    job = deployed.job("pets")
    azure = deployed.running.azure
    assert str(job["computeId"]).endswith("/computes/gpu-cluster")
    assert azure.find(str(job["environmentId"]))["properties"]["image"] == PREBUILT["reference"]  # type: ignore[index]
    assert azure.find(str(job["codeId"])) is not None
    assert "python train.py" in str(job["command"])
    contract.judge(deployed.running.bodies)


@pytest.mark.engine
def test_row_12_it_is_submitted_under_its_experiment_and_its_outputs_are_there(deployed: Deployed) -> None:
    assert deployed.job("pets")["experimentName"] == "fastai-custom-image"
    outputs = json.loads(deployed.project.pulumi("stack", "output", "--json"))["runs"]["pets"]
    assert (outputs["status"], outputs["attempts"]) == ("Completed", 1)
    assert outputs["name"] in outputs["web_url"]


@pytest.mark.engine
def test_row_13_up_waits_for_its_end_and_shows_its_output(deployed: Deployed) -> None:
    text = deployed.up.text
    assert text.index("epoch 0 accuracy 0.5") < text.index("epoch 2 accuracy 0.98")
    assert deployed.project.up("--expect-no-changes").code == 0
    assert deployed.project.refresh("--expect-no-changes").code == 0


@pytest.mark.engine
def test_row_14_the_preview_tells_what_leaves_the_machine_and_nothing_else_does(deployed: Deployed) -> None:
    assert deployed.preview.code == 0, deployed.preview.text
    assert "train.py" in deployed.preview.text
    assert "key.pem" not in deployed.preview.text
    uploaded = [entry.path for entry in deployed.running.azure.journal.entries if "/code/" in entry.path]
    assert any(path.endswith("train.py") for path in uploaded)
    assert not [path for path in uploaded if path.endswith("key.pem")]
    (deployed.project.folder / "code" / "more.py").write_text('aws_secret = "AKIA' + 'IOSFODNN7EXAMPLE"\n')
    try:
        refused = deployed.project.preview()
        assert refused.code != 0
        assert "more.py:1 looks like a secret" in refused.text
    finally:
        (deployed.project.folder / "code" / "more.py").unlink()


@pytest.mark.engine
def test_row_16_several_nodes_train_together(deployed: Deployed) -> None:
    job = deployed.job("wide")
    assert job["distribution"] == {"distributionType": "PyTorch", "processCountPerInstance": 1}
    assert job["resources"]["instanceCount"] == 2  # type: ignore[index]
    assert "[0] rank 0 of 2" in deployed.up.text
    assert "[1] rank 1 of 2" in deployed.up.text


@pytest.mark.engine
def test_row_17_metrics_are_outputs_of_the_stack(deployed: Deployed) -> None:
    runs = json.loads(deployed.project.pulumi("stack", "output", "--json"))["runs"]
    assert runs["pets"]["metrics"] == {"accuracy": 0.98}
    assert runs["pets"]["best"] == {"accuracy": 0.99}


@pytest.mark.engine
def test_the_request_of_a_run_is_printed_as_it_was_sent(deployed: Deployed) -> None:
    command = [sys.executable, "-m", "trainup.cli", "request", "pets", "--stack", STACK]
    before = len(deployed.running.azure.log)
    done = subprocess.run(
        command, cwd=deployed.project.folder, env=deployed.project.environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    printed = json.loads(done.stdout)
    assert (printed["method"], len(deployed.running.azure.log)) == ("PUT", before)
    assert "/jobs/pets-" in printed["url"]
    sent, body = deployed.job("pets"), printed["body"]["properties"]
    for key in ("command", "environmentId", "codeId", "computeId", "inputs", "resources", "identity"):
        assert body[key] == sent[key], key
