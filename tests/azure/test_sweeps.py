"""Sweeps on Azure, by the real engine: trials are jobs, each submitted once, and their bodies are Azure's."""

import json
from typing import Any

import pytest

from tests.support import contract
from tests.support.attached import Place
from tests.support.project import Project
from tests.support.waiting import until

pytestmark = pytest.mark.engine

QUICK = {"AZUREML_RUN_POLLING_INTERVAL_MIN": "0.05", "AZUREML_RUN_POLLING_INTERVAL_MAX": "0.5"}
JOBS = "Microsoft.MachineLearningServices/workspaces/jobs"
CODES = "Microsoft.MachineLearningServices/workspaces/codes/versions"
TRIAL = """\
import json, os, pathlib, sys, time, urllib.request
folder, rate = pathlib.Path(os.environ["TALLY"]), float(sys.argv[1])
def log(value, step):
    body = {"run_id": os.environ["MLFLOW_RUN_ID"], "key": "accuracy", "value": value, "timestamp": step, "step": step}
    headers = {"Content-Type": "application/json", "Authorization": "Bearer " + os.environ["MLFLOW_TRACKING_TOKEN"]}
    address = os.environ["MLFLOW_TRACKING_URI"].replace("azureml://", "https://") + "/api/2.0/mlflow/runs/log-metric"
    urllib.request.urlopen(urllib.request.Request(address, json.dumps(body).encode(), headers)).read()
(folder / f"{rate}-{os.getpid()}").touch()
while not (folder / "open").exists():
    time.sleep(0.05)
for step in range(3):
    log(rate + step / 100, step)
(pathlib.Path(os.environ["TRAINUP_OUTPUT_DIR"]) / "model.txt").write_text(str(rate))
"""


def sweep(rates: list[float], **more: Any) -> dict[str, Any]:
    return {
        "sampling_algorithm": "grid",
        "search_space": {"rate": {"type": "choice", "values": rates}},
        "objective": {"primary_metric": "accuracy", "goal": "maximize"},
        "limits": {"max_concurrent_trials": 2, "trial_timeout": "1h"},
        **more,
    }


def run(project_folder: Any, **more: Any) -> dict[str, Any]:
    return {
        "source": "code",
        "script": "train.py",
        "arguments": ["${{search_space.rate}}"],
        "environment_variables": {"TALLY": str(project_folder / "tally")},
        **more,
    }


def test_trials_are_jobs_and_each_is_submitted_once(place: Place) -> None:
    project = place.prepare()
    project.environment.update(QUICK)
    tally = project.folder / "tally"
    tally.mkdir()
    project.script(TRIAL, name="train.py")
    trials = run(project.folder, sweep=sweep([0.1, 0.2, 0.3]))
    project.edit(runs={"rates": trials})
    preview = project.preview()
    assert "3 trials (grid), at most 2 at a time" in preview.text, preview.text

    # kill -9 of the CLI while two jobs run.
    running = project.start("up")
    until(lambda: len(list(tally.iterdir())) == 2)
    running.kill()
    running.finish()
    project.unlock()
    (tally / "open").touch()
    up = project.up()
    assert up.code == 0, up.text
    best = outputs(project)["best"]
    assert (best["arguments"], best["metric"]) == ({"rate": 0.3}, pytest.approx(0.32))
    for again in (project.up("--expect-no-changes"), project.refresh("--expect-no-changes")):
        assert again.code == 0, again.text

    # Wider: the new point alone.
    project.edit(runs={"rates": run(project.folder, sweep=sweep([0.1, 0.2, 0.3, 0.4]))})
    assert "4 trials (grid), at most 2 at a time; 3 of them are trained already, 1 is new" in project.preview().text
    up = project.up()
    assert up.code == 0, up.text
    assert outputs(project)["best"]["arguments"] == {"rate": 0.4}
    jobs = [job["properties"] for job in place.azure.resources(JOBS)]
    assert sorted(job["command"].split()[-1] for job in jobs) == ["0.1", "0.2", "0.3", "0.4"]
    assert {job["limits"]["timeout"] for job in jobs} == {"PT1H"}
    assert sorted(job["displayName"] for job in jobs) == ["rates_0", "rates_1", "rates_2", "rates_3"]
    assert len({job["codeId"] for job in jobs}) == 1
    assert len([path for path in tally.iterdir() if path.name != "open"]) == 4
    assert project.destroy().code == 0
    contract.judge(place.cloud.bodies)


def outputs(project: Project) -> dict[str, Any]:
    return dict(json.loads(project.pulumi("stack", "output", "--json"))["sweeps"]["rates"])
