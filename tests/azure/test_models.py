"""Models and gates on Azure: the registry of the workspace, and which version its tag names."""

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.support import contract
from tests.support.azure import Cloud, grant_the_least
from tests.support.project import Project
from trainup.jobs.azure.http.client import API_VERSION
from trainup.simulator.rest import schedules

pytestmark = pytest.mark.engine

IMAGE = {"builder": "prebuilt", "reference": "mcr.microsoft.com/azureml/minimal@sha256:" + "a" * 64}
ML = "Microsoft.MachineLearningServices/workspaces"
SCRIPT = """\
import json, os, sys
for name, text in (("metrics.json", json.dumps({"accuracy": float(sys.argv[1])})), ("model/weights.bin", sys.argv[1])):
    path = os.path.join("outputs", name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    open(path, "w").write(text)
"""
QUICK = {"AZUREML_RUN_POLLING_INTERVAL_MIN": "0.05", "AZUREML_RUN_POLLING_INTERVAL_MAX": "0.5"}


JOBS, SCHEDULES = f"{ML}/jobs", f"{ML}/schedules"


def settings(accuracy: str, **gate: Any) -> dict[str, Any]:
    return {
        "runs": {"digits": {"source": "code", "script": "train.py", "arguments": [accuracy]}},
        "models": {"digits": {"run": "digits", "path": "model", "tags": {"team": "vision"}}},
        "gates": {"digits": {"model": "digits", "rules": ["accuracy better than live by 0.002"], **gate}},
    }


def live(running: Cloud) -> str:
    """The version that the tag of the model names."""
    return str(running.one(f"{ML}/models")["properties"]["tags"]["trainup.live"])


def command(project: Project, *words: str) -> "subprocess.CompletedProcess[str]":
    """A command of trainup on the stack of a project."""
    return subprocess.run(
        [sys.executable, "-m", "trainup.cli", *words, "--stack", project.stack],
        cwd=project.folder,
        env=project.environment,
        capture_output=True,
        text=True,
    )


def output(project: Project, name: str) -> Any:
    return json.loads(project.pulumi("stack", "output", name, "--json"))


def test_only_a_better_model_goes_live(
    running: Cloud, official_client: Callable[..., Any], mlflow_client: Callable[..., Any], tmp_path: Path
) -> None:
    project = running.stack("dev", image=IMAGE, access={"users": [running.azure.deployer]}, **settings("0.9"))
    project.environment.update(QUICK)
    (project.folder / "code").mkdir()
    (project.folder / "code" / "train.py").write_text(SCRIPT)
    up = project.up()
    assert up.code == 0, up.text
    first = output(project, "gates")["digits"]["live"]
    version = running.one(f"{ML}/models/versions")
    assert (version["id"], version["name"]) == (first["id"], first["version"])
    assert version["properties"]["jobName"] == first["run"]
    assert version["properties"]["properties"]["trainup.image"] == IMAGE["reference"] == first["image"]
    assert version["properties"]["tags"]["team"] == "vision"
    assert live(running) == first["version"]
    assert project.up("--expect-no-changes").code == 0
    before = len(running.azure.journal.entries)
    assert project.preview().is_empty
    assert len(running.azure.journal.entries) - before <= 2
    assert project.refresh("--expect-no-changes").code == 0

    project.edit(**settings("0.901"))
    worse = project.up()
    assert worse.code != 0
    assert f"{first['version']} stays live" in worse.text
    assert live(running) == first["version"]

    project.edit(**settings("0.95"))
    assert f"live is {first['version']} with accuracy 0.9" in project.preview().text
    better = project.up()
    assert better.code == 0, better.text
    second = output(project, "gates")["digits"]["live"]
    assert live(running) == second["version"] != first["version"]
    assert len(running.names(f"{ML}/models/versions")) == 3

    # The live model scores; here the records are the files that another run has left.
    score = "import os\ndef init(): pass\ndef run(raw): return sorted(os.listdir(os.environ['AZUREML_MODEL_DIR']))\n"
    project.script(score, "scoring", "score.py")
    scores = {
        "source": "scoring",
        "score": "score.py",
        "inputs": {"model": {"gate": "digits"}, "data": {"run": "digits", "path": "model"}},
    }
    project.edit(runs={**settings("0.95")["runs"], "scores": scores})
    up = project.up()
    assert up.code == 0, up.text
    outputs = output(project, "runs")["scores"]
    assert outputs["metrics"] | {"seconds": 0} == {"records": 1, "scored": 1, "refused": 0, "seconds": 0}
    assert project.up("--expect-no-changes").code == 0
    (body,) = [job for job in running.azure.resources(JOBS) if job["name"] == outputs["name"]]
    assert body["properties"]["inputs"]["model"]["uri"] == second["uri"]

    workspace = first["id"].split("/models/")[0]
    told = official_client(running, workspace, "models", "digits", str(tmp_path))
    assert told["model"] == "digits"
    assert {(one["run"], *one["files"].items()) for one in told["versions"].values()} >= {
        (first["run"], ("model/weights.bin", "0.9")),
        (second["run"], ("model/weights.bin", "0.95")),
    }
    told = mlflow_client(running, workspace, "models", "digits", str(tmp_path))
    assert told["tags"] == {"trainup.live": second["version"]}
    assert told["versions"].keys() == set(running.names(f"{ML}/models/versions"))
    assert told["versions"][first["version"]] == {"run": first["run"], "files": {"outputs/model/weights.bin": "0.9"}}
    assert told["latest"] == {"outputs/model/weights.bin": "0.95"}
    contract.judge(running.bodies)


def test_what_a_schedule_of_azure_ml_trains_is_judged_by_the_next_up(
    running: Cloud, official_client: Callable[..., Any]
) -> None:
    """The data behind the run changes without a word, as the script's counter does."""
    counted = """\
import pathlib
counter = pathlib.Path(os.environ["COUNTER"])
counter.write_text(counter.read_text() + "x" if counter.exists() else "x")
sys.argv[1:] = [["0.9", "0.8", "0.95"][len(counter.read_text()) - 1]]
last = pathlib.Path(os.environ["TRAINUP_CHECKPOINT_DIR"]) / "last"
assert not last.exists(), "it goes on where the last one stopped"
last.write_text("trained")
print("trained", os.environ["AZUREML_RUN_ID"])
"""
    schedule = {"expression": "0 3 * * 1", "time_zone": "Europe/Berlin"}

    def sections(**more: Any) -> dict[str, Any]:
        result = settings("0", on_failure="keep")
        result["runs"]["digits"] |= {"environment_variables": {"COUNTER": str(running.folder / "counter")}, **more}
        return result

    project = running.stack("dev", image=IMAGE, access={"users": [running.azure.deployer]}, **sections())
    project.environment.update(QUICK)
    (project.folder / "code").mkdir()
    (project.folder / "code" / "train.py").write_text(SCRIPT.replace("for name", counted + "for name"))
    up = project.up()
    assert up.code == 0, up.text
    first = output(project, "gates")["digits"]["live"]
    assert running.names(SCHEDULES) == []

    project.edit(**sections(schedule={**schedule, "expression": "0 3 1 * *"}))
    refused = project.preview()
    assert "'0 3 1 * *' has '1' as day of the month, which Azure ML takes for `*`" in refused.text
    project.edit(**sections(schedule=schedule))
    assert "its schedule, `0 3 * * 1` in Europe/Berlin: 20" in project.preview().text
    up = project.up()
    assert up.code == 0, up.text
    assert project.up("--expect-no-changes").code == 0
    assert len(running.names(JOBS)) == 1
    made = running.one(SCHEDULES)
    assert made["properties"]["trigger"] == {
        "triggerType": "Cron",
        "expression": "0 3 * * 1",
        "timeZone": "W. Europe Standard Time",
        "startTime": "2020-01-01T00:00:00",
    }
    (told,) = official_client(running, made["id"].split("/schedules/")[0], "scheduled")
    assert told.pop("command").endswith("python train.py 0")
    assert told == {
        "name": made["name"],
        "enabled": True,
        "expression": "0 3 * * 1",
        "time_zone": "W. Europe Standard Time",
    }

    def fire(day: int) -> str:
        name = schedules.fire(running.azure, made["id"], datetime(2027, 1, day, 2, tzinfo=UTC), API_VERSION)
        assert running.azure.machines is not None
        assert running.azure.machines.wait(f"{made['id'].split('/schedules/')[0]}/jobs/{name}").status == "Completed"
        return name

    worse = fire(4)
    assert f"its schedule has started {worse}, which is Completed, and is taken over" in project.preview().text
    up = project.up()
    assert up.code == 0, up.text
    assert live(running) == first["version"]
    assert output(project, "runs")["digits"]["name"] == worse
    assert project.up("--expect-no-changes").code == 0

    better = fire(11)
    up = project.up()
    assert up.code == 0, up.text
    now = output(project, "gates")["digits"]["live"]
    assert (now["run"], now["run_digest"], live(running)) == (better, first["run_digest"], now["version"])
    assert now["metrics"]["accuracy"] == 0.95
    assert project.up("--expect-no-changes").code == 0
    assert project.refresh("--expect-no-changes").code == 0

    def told(*words: str) -> str:
        """What a command tells, which has to succeed."""
        done = command(project, *words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    assert {worse, better, first["run"]} <= set(told("runs", "--all").split())
    _is_named_as_any_other_attempt(told, worse, better, first, project.folder)
    assert ": digits has rerun: " in command(project, "rerun", worse, "--no-up").stderr
    project.edit(**sections(schedule=schedule))
    assert project.preview().is_empty

    # Whoever deletes the schedule in the studio finds it again after the next `up`.
    running.azure.delete(made["id"])
    assert "its schedule is not as declared, and is set again" in project.preview().text
    assert project.up().code == 0
    assert running.names(SCHEDULES) == [made["name"]]
    project.edit(**sections())
    assert project.up().code == 0
    assert running.names(SCHEDULES) == []
    contract.judge(running.bodies)


def _is_named_as_any_other_attempt(
    told: Callable[..., str], worse: str, better: str, first: dict[str, Any], folder: Path
) -> None:
    """Every command that takes a run knows jobs by the names that Azure ML gave them; `better` is the newest one."""
    by_id = first["run"][:-2]
    for name in (better, better[:13], "digits", by_id):
        status = json.loads(told("status", name, "--json"))
        assert (status["name"], status["current"], status["metrics"]) == (better, True, {"accuracy": 0.95}), name
    assert f"run      digits, started by its schedule\nname     {worse}\n" in told("status", worse)
    history = json.loads(told("history", "digits", "--json"))
    assert [(one["name"], one["current"]) for one in history] == [
        (first["run"], False),
        (worse, False),
        (better, True),
    ]
    compared = json.loads(told("compare", "--json"))["runs"]
    assert [(one["name"], one["compared"]) for one in compared] == [(better, {"accuracy": 0.95})]
    compared = json.loads(told("compare", worse, "--json"))["runs"]
    assert [one["compared"] for one in compared] == [{"accuracy": 0.8}]
    assert told("logs", worse) == f"trained {worse}\n"
    assert told("logs", worse, "--tail", "1") == f"trained {worse}\n"
    assert told("open", worse).strip().partition("?")[0].endswith(f"/runs/{worse}")
    assert told("download", worse, "--to", "fetched").strip() == "fetched"
    assert (folder / "fetched" / "model" / "weights.bin").read_text() == "0.8"
    assert told("cancel", worse) == f"{worse} has ended already: Completed\n"
    differ = json.loads(told("diff", worse, better, "--json"))
    assert [one["name"] for one in differ["runs"]] == [worse, better]
    assert (differ["code"], differ["inputs"], differ["packages"]) == ([], [], [])
    assert "-0.15" in told("diff", better, worse).replace("−", "-")


def test_a_promotion_takes_over_files_and_image_without_a_job(running: Cloud) -> None:
    access = {"users": [running.azure.deployer]}
    dev = running.stack("dev", image={"context": "image"}, access=access, **settings("0.9"))
    (dev.folder / "code").mkdir()
    (dev.folder / "code" / "train.py").write_text(SCRIPT)
    (dev.folder / "image").mkdir()
    (dev.folder / "image" / "Dockerfile").write_text("FROM scratch\n")
    dev.environment.update(QUICK)
    up = dev.up()
    assert up.code == 0, up.text
    first, jobs = output(dev, "gates")["digits"]["live"], running.names(JOBS)

    prod = Project(dev.folder, dev.environment, stack="prod")
    sections = {"target": "azure", "access": access, "image": {"context": "image"}, "protect": False, "runs": {}}
    gates = {"digits": {"model": "digits", "rules": ["accuracy > 0.5"]}}
    prod.configure(**sections, gates=gates)
    prod.edit(workspace=None)
    for name in ("subscriptionId", "location"):
        value = prod.pulumi("config", "get", f"azure-native:{name}", "--stack", dev.stack).strip()
        prod.pulumi("config", "set", f"azure-native:{name}", value, "--stack", "prod")
    command = [sys.executable, "-m", "trainup.cli", "promote", dev.stack, "prod"]
    done = subprocess.run(command, cwd=dev.folder, env=dev.environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert f"digits: was nothing\n  becomes {first['id']}\n" in done.stdout
    grant_the_least(running.azure, prod)
    up = prod.up()
    assert up.code == 0, up.text
    live = output(prod, "gates")["digits"]["live"]
    same = ("version", "digest", "run", "run_digest", "commit", "metrics")
    assert {key: live[key] for key in same} == {key: first[key] for key in same}
    assert live["id"] != first["id"]
    assert running.names(JOBS) == jobs
    digest = live["image"].partition("@")[2]
    assert digest == first["image"].partition("@")[2]
    (imported,) = [one for one in running.azure.journal.entries if one.path.endswith("/importImage")]
    registry = imported.path.removesuffix("/importImage")
    assert digest in [image.digest for image in running.azure.images.in_registry(registry)]
    assert f"/workspaces/{live['id'].split('/')[8]}/" in live["uri"]
    assert prod.up("--expect-no-changes").code == 0
    contract.judge(running.bodies)
