"""A stack whose runs are job files as people have them: from a request before anything exists to an empty up."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support import browser, contract
from tests.support.azure import Cloud, cloud
from tests.support.project import STACK, Project, Result

pytestmark = pytest.mark.engine

SHARED = "azureml://registries/azureml/environments/sklearn/labels/latest"
BUILT = """\
$schema: https://azuremlschemas.azureedge.net/latest/commandJob.schema.json
command: cat ${{inputs.pets}}/a.txt && python main.py
code: src
environment:
  build:
    path: docker-context
inputs:
  pets:
    path: data
services:
  my_vscode:
    type: vs_code
"""
LABELED = f"command: python main.py\ncode: src\nenvironment: {SHARED}\n"
LOGGED = """\
import json, os, urllib.request
address = os.environ["MLFLOW_TRACKING_URI"].replace("azureml://", "https://") + "/api/2.0/mlflow/runs/log-metric"
headers = {"Content-Type": "application/json", "Authorization": "Bearer " + os.environ["MLFLOW_TRACKING_TOKEN"]}
for step, value in enumerate((0.5, 1.0, 0.75)):
    metric = {"run_id": os.environ["MLFLOW_RUN_ID"], "key": "accuracy", "value": value, "step": step, "timestamp": step}
    urllib.request.urlopen(urllib.request.Request(address, json.dumps(metric).encode(), headers)).read()
"""
MAIN = "import logged\nprint('trained')\n"
STEPS = """\
import json, os, pathlib, time, urllib.request
last = pathlib.Path(os.environ["TRAINUP_CHECKPOINT_DIR"]) / "last"
address = os.environ["MLFLOW_TRACKING_URI"].replace("azureml://", "https://") + "/api/2.0/mlflow/runs/log-metric"
headers = {"Content-Type": "application/json", "Authorization": "Bearer " + os.environ["MLFLOW_TRACKING_TOKEN"]}
for epoch in range(int(last.read_text()) + 1 if last.exists() else 0, 6):
    time.sleep(0.6)  # an epoch
    body = {"run_id": os.environ["MLFLOW_RUN_ID"], "key": "loss", "value": 1 / (epoch + 1), "step": epoch,
            "timestamp": time.time_ns() // 1_000_000}
    urllib.request.urlopen(urllib.request.Request(address, json.dumps(body).encode(), headers)).close()
    last.write_text(str(epoch))
    print("epoch", epoch, flush=True)
"""
SCHEDULE = "$schema: https://azuremlschemas.azureedge.net/latest/schedule.schema.json\ncreate_job: file:./built.yml\n"
WORKSPACES = "Microsoft.MachineLearningServices/workspaces"
JOBS = "Microsoft.MachineLearningServices/workspaces/jobs"


@dataclass
class Deployed:
    """The stack, and what became of each command."""

    running: Cloud
    project: Project
    draft: dict[str, Any]
    up: Result

    def job(self, run: str) -> dict[str, Any]:
        (job,) = [job for job in self.running.azure.resources(JOBS) if job["name"].startswith(f"{run}-")]
        return dict(job["properties"])


def request(project: Project, run: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "trainup.cli", "request", run, "--stack", STACK]
    done = subprocess.run(command, cwd=project.folder, env=project.environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> Iterator[Deployed]:
    folder = tmp_path_factory.mktemp("jobs")
    quick = {"AZUREML_RUN_POLLING_INTERVAL_MIN": "0.05", "AZUREML_RUN_POLLING_INTERVAL_MAX": "0.5"}
    with cloud(folder, {**environment, **quick}) as running:
        running.azure.shared.share("azureml", "environments", "sklearn", "7", image="mcr.microsoft.com/x:1")
        runs = {"built": {"job": "jobs/built.yml"}, "labeled": {"job": "jobs/labeled.yml", "after": ["built"]}}
        access = {"users": [running.azure.deployer]}
        project = running.stack("dev", image={"context": "image"}, runs=runs, access=access)
        project.environment.update(quick)
        jobs = project.folder / "jobs"
        for part in ("src", "data", "docker-context"):
            (jobs / part).mkdir(parents=True)
        (project.folder / "image").mkdir()
        (project.folder / "image" / "Dockerfile").write_text("FROM scratch\n")
        (jobs / "built.yml").write_text(BUILT)
        (jobs / "labeled.yml").write_text(LABELED)
        (jobs / "src" / "logged.py").write_text(LOGGED)
        (jobs / "src" / "main.py").write_text(MAIN)
        (jobs / "data" / "a.txt").write_text("cats and dogs\n")
        (jobs / "docker-context" / "Dockerfile").write_text("FROM scratch\nLABEL a=b\n")
        draft = request(project, "built")
        yield Deployed(running, project, draft, project.up())


def test_the_request_is_known_before_anything_exists(deployed: Deployed) -> None:
    body = deployed.draft["body"]["properties"]
    assert body["command"] == deployed.job("built")["command"]
    assert body["services"] == {"my_vscode": {"jobServiceType": "VSCode"}}
    assert "known after up" in body["environmentId"]


def test_a_file_builds_its_image_by_the_builder_of_the_stack(deployed: Deployed) -> None:
    assert deployed.up.code == 0, deployed.up.text
    job, azure = deployed.job("built"), deployed.running.azure
    image = azure.find(job["environmentId"])["properties"]["image"]  # type: ignore[index]
    assert "/fastai2-jobs-docker-context-" in image
    assert deployed.running.azure.images.find(image.split("/", 1)[1].split("@")[0], image.split("@")[1])
    contract.judge(deployed.running.bodies)


def test_data_of_this_machine_is_there_and_the_label_is_a_version(deployed: Deployed) -> None:
    assert "cats and dogs" in deployed.up.text
    assert deployed.job("labeled")["environmentId"] == SHARED.replace("labels/latest", "versions/7")
    assert "jobs/built.yml names no compute, and runs on the stack's cluster" in deployed.up.text


def test_a_newer_version_behind_the_label_changes_nothing(deployed: Deployed) -> None:
    deployed.running.azure.shared.share("azureml", "environments", "sklearn", "8", image="mcr.microsoft.com/x:2")
    assert deployed.project.up("--expect-no-changes").code == 0


def test_the_mistakes_of_all_files_are_in_one_preview(deployed: Deployed) -> None:
    jobs = deployed.project.folder / "jobs"
    try:
        (jobs / "built.yml").write_text(SCHEDULE)
        (jobs / "labeled.yml").write_text("command: x\nenvironment: azureml:a@prod\ntag: b\n")
        text = deployed.project.preview().text
    finally:
        (jobs / "built.yml").write_text(BUILT)
        (jobs / "labeled.yml").write_text(LABELED)
    assert "runs.built.job: jobs/built.yml is a schedule, and trainup runs command jobs" in text
    assert "'azureml:a@prod' has the label 'prod'" in text
    assert "tag: a command job has no such key" in text


def plan(deployed: Deployed, *words: str) -> tuple[dict[str, Any], list[str]]:
    """What `trainup plan` tells, and the requests of a preview that are trainup's own: no tokens, no endpoints."""
    journal = deployed.running.azure.journal
    before = len(journal.entries)
    command = [sys.executable, "-m", "trainup.cli", "plan", "--json", "--stack", STACK, *words]
    project = deployed.project
    done = subprocess.run(command, cwd=project.folder, env=project.environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    requests = journal.entries[before:]
    assert {entry.method for entry in requests} <= {"GET"}
    paths = [entry.path for entry in requests if not entry.path.startswith(("/msi/", "/metadata/"))]
    return dict(json.loads(done.stdout)), paths


def runs_of(told: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {run["name"]: run for run in told["runs"]}


def texts(told: dict[str, Any]) -> list[str]:
    return [reason["text"] for reason in told["reasons"]]


def test_a_plan_tells_what_travels_and_why_and_an_unchanged_one_asks_little(deployed: Deployed) -> None:
    assert deployed.up.code == 0, deployed.up.text
    jobs = deployed.project.folder / "jobs"
    unchanged, requests = plan(deployed)
    assert set(unchanged["counts"]) == {"same"}
    assert [item for item in unchanged["diagnostics"] if item["severity"] != "warning"] == []
    assert len(requests) <= 2, requests
    try:
        (jobs / "src" / "main.py").write_text(MAIN.replace("trained", "trained more"))
        (jobs / "data" / "b.txt").write_text("birds\n")
        (jobs / "docker-context" / "Dockerfile").write_text("FROM scratch\nLABEL a=c\n")
        told, requests = plan(deployed)
        built, labeled = runs_of(told)["built"], runs_of(told)["labeled"]
        assert texts(built) == [
            "jobs/src/main.py changed (31 B → 36 B)",
            "data pets changed (jobs/data)",
            "image: Dockerfile changed",
        ]
        assert texts(labeled) == ["jobs/src/main.py changed (31 B → 36 B)", "upstream built trains again"]
        code, data = built["uploads"]
        size = len(LOGGED) + 36
        assert (code["what"], code["bytes"], code["is_there"], code["travels"]) == ("code", size, False, size)
        assert (data["what"], data["files"], data["bytes"], data["travels"]) == ("data pets", 2, 20, 20)
        (image,) = told["images"]
        assert [upload["what"] for upload in image["uploads"]] == ["build context"]
        assert sum("/codes/" in path for path in requests) == 2, "one request for the code of each run"

        told, _ = plan(deployed, "--diff")
        lines = runs_of(told)["built"]["reasons"][0]["lines"]
        assert lines == ["@@ -1,2 +1,2 @@", " import logged", "-print('trained')", "+print('trained more')"]
    finally:
        (jobs / "src" / "main.py").write_text(MAIN)
        (jobs / "data" / "b.txt").unlink()
        (jobs / "docker-context" / "Dockerfile").write_text("FROM scratch\nLABEL a=b\n")
    try:
        (jobs / "built.yml").write_text(BUILT.replace("python main.py", "python main.py --epochs 5"))
        (built, labeled) = (runs_of(plan(deployed)[0])[name] for name in ("built", "labeled"))
        assert texts(built) == ["command: +--epochs 5"]
        assert [(one["is_there"], one["travels"]) for one in built["uploads"]] == [(True, 0)], "it was uploaded before"
        assert texts(labeled) == ["upstream built trains again"]
    finally:
        (jobs / "built.yml").write_text(BUILT)


def test_two_jobs_are_compared_from_their_records(deployed: Deployed) -> None:
    assert deployed.up.code == 0, deployed.up.text
    project = deployed.project
    command = [sys.executable, "-m", "trainup.cli", "diff", "built", "labeled", "--diff", "--json", "--stack", STACK]
    done = subprocess.run(command, cwd=project.folder, env=project.environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert [run["run"] for run in told["runs"]] == ["built", "labeled"]
    assert told["code"] == []
    assert {item["key"] for item in told["inputs"]} >= {"command", "image", "inputs"}
    assert "rerun is not in the record" in told["notes"]


def called(deployed: Deployed, *words: str, code: int = 0) -> tuple[str, str]:
    """What a command printed on standard output, and on standard error."""
    command = [sys.executable, "-m", "trainup.cli", *words, "--stack", STACK]
    folder, environment = deployed.project.folder, deployed.project.environment
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout, done.stderr


def test_the_commands_about_runs_read_the_records_of_the_workspace(deployed: Deployed) -> None:
    assert deployed.up.code == 0, deployed.up.text

    def trainup(*words: str, code: int = 0) -> str:
        return "".join(called(deployed, *words, code=code))

    listed = json.loads(trainup("history", "--json"))
    assert [(item["run"], item["status"], item["current"]) for item in listed] == [
        ("built", "Completed", True),
        ("labeled", "Completed", True),
    ]
    built, labeled = (item["name"] for item in listed)

    # Runs are compared and reported with their metrics, which are MLflow's.
    compared = json.loads(trainup("compare", "--sort", "accuracy", "--json"))["runs"]
    assert [(one["name"], one["compared"]) for one in compared] == [
        (built, {"accuracy": 0.75}),
        (labeled, {"accuracy": 0.75}),
    ]
    best = json.loads(trainup("compare", "built", "--best", "--json"))["runs"]
    assert [one["compared"] for one in best] == [{"accuracy": 1.0}]
    assert "accuracy=0.75" in trainup("runs", "--all")
    assert [item["metrics"] for item in listed] == [{"accuracy": 0.75}] * 2
    page = Path(trainup("report").strip())
    (seen,) = browser.look(browser.Look(page))
    assert (seen["errors"], seen["charts"]) == ([], 2), "a curve and the timeline"
    assert built in seen["text"]

    assert json.loads(trainup("status", built[:10], "--json"))["name"] == built
    assert json.loads(trainup("runs", "--json"))[0]["name"] == built
    assert trainup("runs", "--all").splitlines()[1].split()[:3] == ["built", built, "Completed"]
    assert trainup("logs", built, "--tail", "1") == "trained\n"
    assert "does not record when the lines" in trainup("logs", built, "--since", "0.001s", code=1)
    assert f"{built} has ended already: Completed" in trainup("cancel", "built")
    assert trainup("open", "built").startswith("https://")
    assert "keeps nothing on this machine" in trainup("gc", code=1)
    assert "has no run 'other'; there are built, labeled" in trainup("logs", "other", code=1)

    # Another backend has no state of the stack: the workspace that its file names has the records.
    file = deployed.project.folder / f"Pulumi.{STACK}.yaml"
    content, elsewhere = file.read_text(), deployed.project.folder / "elsewhere"
    elsewhere.mkdir()
    settings = yaml.safe_load(content)
    settings["config"]["trainup:workspace"] = {"id": deployed.running.one(WORKSPACES)["id"]}
    file.write_text(yaml.safe_dump(settings))
    backend = deployed.project.environment["PULUMI_BACKEND_URL"]
    deployed.project.environment["PULUMI_BACKEND_URL"] = elsewhere.as_uri()
    try:
        lost = trainup("compare", "--all", "--csv", "--filter", "accuracy=0.75")
        assert "has no state of the stack" in lost
        assert [name in lost for name in (built, labeled)] == [True, True]
        listed, _ = called(deployed, "runs", "--json")
        assert [(one["run"], one["name"], one["metrics"]) for one in json.loads(listed)] == [
            ("built", built, {"accuracy": 0.75}),
            ("labeled", labeled, {"accuracy": 0.75}),
        ]
        assert called(deployed, "logs", "built", "--tail", "1")[0] == "trained\n"
        assert json.loads(called(deployed, "status", labeled[:10], "--json")[0])["status"] == "Completed"
    finally:
        file.write_text(content)
        deployed.project.environment["PULUMI_BACKEND_URL"] = backend


def test_a_run_survives_the_loss_of_its_node(deployed: Deployed) -> None:
    file, code = deployed.project.folder / f"Pulumi.{STACK}.yaml", deployed.project.folder / "steps"
    settings = yaml.safe_load(file.read_text())
    settings["config"]["trainup:runs"]["stepped"] = {"source": "steps", "script": "main.py"}
    code.mkdir()
    (code / "main.py").write_text(STEPS)
    file.write_text(yaml.safe_dump(settings))
    up = deployed.project.up()
    assert up.code == 0, up.text

    told = json.loads(called(deployed, "drill", "stepped", "--yes", "--json")[0])
    assert (told["resumed"], told["final_step"], told["original_step"]) == (True, 5, 5), told
    assert told["evicted_step"] < told["resumed_step"] <= 5
    (copy,) = told["attempts"]
    assert copy.startswith("stepped-drill-")
    assert called(deployed, "logs", copy, "--tail", "1")[0] == "epoch 5\n"
    assert deployed.project.preview("--expect-no-changes").code == 0
    contract.judge(deployed.running.bodies)
