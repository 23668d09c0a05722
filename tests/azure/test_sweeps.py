"""Sweeps on Azure, by the real engine: trials are jobs, each submitted once, and their bodies are Azure's."""

import json
from typing import Any

import pytest
import yaml

from tests.support import contract
from tests.support.attached import Place
from tests.support.logging_script import HOPELESS, LOG, PRUNED
from tests.support.project import Project
from tests.support.waiting import until

pytestmark = pytest.mark.engine

QUICK = {"AZUREML_RUN_POLLING_INTERVAL_MIN": "0.05", "AZUREML_RUN_POLLING_INTERVAL_MAX": "0.5"}
JOBS = "Microsoft.MachineLearningServices/workspaces/jobs"
CODES = "Microsoft.MachineLearningServices/workspaces/codes/versions"
TRIAL = (
    LOG
    + """\
folder, rate = pathlib.Path(os.environ["TALLY"]), float(sys.argv[1])
(folder / f"{rate}-{os.getpid()}").touch()
while not (folder / "open").exists():
    time.sleep(0.05)
for step in range(3):
    log(rate + step / 100, step)
(pathlib.Path(os.environ["TRAINUP_OUTPUT_DIR"]) / "model.txt").write_text(str(rate))
"""
)


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


def write_job_file(project: Project) -> None:
    """A sweep job as for `az ml job create`, of four trials."""
    trial = {
        "code": "../code",
        "command": "mkdir -p outputs && export TRAINUP_OUTPUT_DIR=outputs && "
        "python train.py ${{search_space.rate}} && echo ${{search_space.name}}",
        "environment": {"image": "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04:latest"},
        "environment_variables": {"TALLY": str(project.folder / "tally")},
    }
    content = {**sweep([0.6, 0.7]), "type": "sweep", "trial": trial, "experiment_name": "filed"}
    content["search_space"]["name"] = {"type": "choice", "values": ["a", "b"]}
    content["limits"] = {"max_total_trials": 4, "max_concurrent_trials": 4}
    (project.folder / "jobs").mkdir()
    (project.folder / "jobs" / "sweep.yml").write_text(yaml.safe_dump(content))


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
    asked = {name: json.loads(project.trainup("request", name)) for name in ("rates", "rates_0", "rates_2")}
    assert asked["rates"] == asked["rates_0"]

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

    # Wider: the new point alone. Beside it, a sweep that ends a trial early.
    project.script(HOPELESS, name="hopeless.py", source="hopeless")
    pruned = run(project.folder, source="hopeless", script="hopeless.py", sweep=PRUNED)
    write_job_file(project)
    filed = {"job": "jobs/sweep.yml"}
    wider = run(project.folder, sweep=sweep([0.1, 0.2, 0.3, 0.4]))
    project.edit(runs={"rates": wider, "pruned": pruned, "filed": filed})
    assert "4 trials (grid), at most 2 at a time; 3 of them have a result already, 1 is new" in project.preview().text
    up = project.up()
    assert up.code == 0, up.text
    assert outputs(project)["best"]["arguments"] == {"rate": 0.4}
    good, bad = outputs(project, "pruned")["trials"]
    assert (good["status"], bad["status"]) == ("Completed", "Canceled")
    assert bad["failure"]["message"].startswith("the run was canceled: ended early: accuracy 0.1 by step")
    assert "ended early: accuracy 0.1 by step" in up.text
    assert outputs(project, "filed")["best"]["arguments"] == {"rate": 0.7, "name": "a"}  # the first of two
    again = project.up("--expect-no-changes")
    assert again.is_empty, again.text
    of_file = [
        job["properties"] for job in place.azure.resources(JOBS) if job["properties"]["experimentName"] == "filed"
    ]
    assert sorted(job["command"].partition("python ")[2] for job in of_file) == [
        f"train.py {rate} && echo {name}" for rate in (0.6, 0.7) for name in "ab"
    ]
    jobs = [
        job["properties"] for job in place.azure.resources(JOBS) if job["properties"]["displayName"].startswith("rates")
    ]
    assert sorted(job["command"].split()[-1] for job in jobs) == ["0.1", "0.2", "0.3", "0.4"]
    assert {job["limits"]["timeout"] for job in jobs} == {"PT1H"}
    assert sorted(job["displayName"] for job in jobs) == ["rates_0", "rates_1", "rates_2", "rates_3"]
    sent = {job["displayName"]: job for job in jobs}
    for name in ("rates_0", "rates_2"):
        body = asked[name]["body"]["properties"]
        assert (body["command"], body["displayName"], body["limits"]) == (
            sent[name]["command"],
            name,
            sent[name]["limits"],
        )
    assert len({job["codeId"] for job in jobs}) == 1
    assert len([path for path in tally.iterdir() if path.name != "open"]) == 4 + len(of_file)

    # Another backend has no state of the stack: the workspace has the trials.
    elsewhere = project.folder / "elsewhere"
    elsewhere.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(project.environment, "PULUMI_BACKEND_URL", elsewhere.as_uri())
        listed = json.loads(project.trainup("runs", "--json"))
        assert {one["run"] for one in listed} >= {"rates_0", "rates_3", "pruned_1", "filed_3"}
        third = next(one for one in listed if one["run"] == "rates_3")
        assert third["metrics"] == {"accuracy": pytest.approx(0.42)}
        assert json.loads(project.trainup("status", "rates_3", "--json"))["name"] == third["name"]
        project.trainup("download", "rates_3", "--to", str(project.folder / "best"))
        assert (project.folder / "best" / "model.txt").read_text() == "0.4"
    assert project.destroy().code == 0
    contract.judge(place.cloud.bodies)


def outputs(project: Project, name: str = "rates") -> dict[str, Any]:
    return dict(json.loads(project.pulumi("stack", "output", "--json"))["sweeps"][name])
