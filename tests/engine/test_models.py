"""From a run to what is live: the registry of MLflow, and gates, on this machine with the real engine."""

import json
import subprocess
import sys
import urllib.request
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.engine import scripts
from tests.support.project import Project
from trainup.cli.exit_codes import ExitCode
from trainup.jobs.local.launch import environment_folder

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]

TRAIN = (
    scripts.COUNTED
    + """\
outputs = pathlib.Path(os.environ["TRAINUP_OUTPUT_DIR"])
(outputs / "metrics.json").write_text(json.dumps({"accuracy": float(sys.argv[-1])}))
(outputs / "model.pkl").write_text(f"weights for {sys.argv[-1]}")
"""
)
SCORE = """\
import os
def init():
    global weights
    with open(os.path.join(os.environ["AZUREML_MODEL_DIR"], "model.pkl")) as file:
        weights = file.read()
def run(raw_data):
    if "refuse" in raw_data:
        raise ValueError("it is refused")
    return weights
"""
CHECKPOINT = """\
checkpoint = pathlib.Path(os.environ["TRAINUP_CHECKPOINT_DIR"]) / "last"
assert not checkpoint.exists(), "it goes on where the last one stopped"
checkpoint.write_text("trained")
"""
PREDICTIONS = {
    "source": "batch",
    "score": "score.py",
    "inputs": {"model": {"gate": "digits"}, "data": {"data": "images"}},
}
GATE_REFUSED = ExitCode.GATE_REFUSED
RULES = ["accuracy >= 0.5", "better than live by 0.002"]


def configure(project: Project, accuracy: str, *, path: str = "model.pkl", **gate: Any) -> None:
    project.configure(
        tracking="server",
        runs={"tiny": scripts.run_of(project, arguments=[accuracy])},
        models={"digits": {"run": "tiny", "path": path, "tags": {"team": "vision"}}},
        gates={"digits": {"model": "digits", "rules": RULES} | gate},
    )


def gate(project: Project) -> dict[str, Any]:
    """What the gate says in the state."""
    resources = project.state()["resources"]
    (one,) = [one for one in resources if one["type"] == "trainup:index:LiveModel"]
    return dict(one["outputs"])


def mlflow(project: Project, call: str) -> dict[str, Any]:
    record = project.workspace.tracking()
    with urllib.request.urlopen(f"{record['uri']}/api/2.0/mlflow/{call}") as answer:
        return dict(json.load(answer))


def predictions_of(project: Project) -> list[dict[str, Any]]:
    """What the run `predictions` wrote last."""
    outputs = json.loads(project.pulumi("stack", "output", "--json"))["runs"]["predictions"]
    lines = (project.folder / outputs["outputs_uri"] / "predictions.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def live_in_mlflow(project: Project) -> dict[str, Any]:
    return dict(mlflow(project, "registered-models/alias?name=digits&alias=live")["model_version"])


def trainup(project: Project, *words: str) -> int:
    """The exit code of a command."""
    command = [sys.executable, "-m", "trainup.cli", *words, "--stack", project.stack]
    return subprocess.run(command, cwd=project.folder, env=project.environment, capture_output=True).returncode


def downloaded(project: Project, model: str) -> str:
    """What a client of MLflow gets of a model."""
    record = project.workspace.tracking()
    python = environment_folder(project.workspace, record["image"]) / "bin" / "python"
    script = f"import mlflow, pathlib\nfolder = mlflow.artifacts.download_artifacts({model!r})\n"
    done = subprocess.run(
        [python, "-c", f"{script}print((pathlib.Path(folder) / 'model.pkl').read_text())"],
        env={**project.environment, "MLFLOW_TRACKING_URI": record["uri"]},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines()[-1]


def beside(project: Project, stack: str) -> Project:
    """Another stack of the same project."""
    environment = {**project.environment}
    return Project(project.folder, environment, stack=stack)


def promoted(source: Project, destination: Project) -> str:
    """What `trainup promote` says."""
    command = [sys.executable, "-m", "trainup.cli", "promote", source.stack, destination.stack]
    done = subprocess.run(command, cwd=source.folder, env=source.environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def git(project: Project, *words: str) -> None:
    """Commands in a repository of the project's folder, which knows its author."""
    identity = ("-c", "user.name=A", "-c", "user.email=a@example.com")
    subprocess.run(["git", *identity, *words], cwd=project.folder, check=True, capture_output=True)


def test_only_a_better_model_goes_live(project: Project) -> None:
    project.script(TRAIN)
    configure(project, "0.9")
    preview = project.preview()
    assert preview.code == 0, preview.text
    first = project.up()
    assert first.code == 0, first.text
    live = gate(project)["live"]
    folder = project.folder / live["uri"]
    assert (folder / "model.pkl").read_text() == "weights for 0.9"
    version = live_in_mlflow(project)
    tags = {tag["key"]: tag["value"] for tag in version["tags"]}
    assert tags["trainup.run"] == live["run"]
    assert tags["team"] == "vision"
    assert project.up().is_empty
    assert project.refresh().is_empty

    configure(project, "0.901")
    preview = project.preview()
    assert f"accuracy better than live by 0.002: live is {live['version']} with accuracy 0.9" in preview.text
    assert trainup(project, "up") == GATE_REFUSED
    assert live_in_mlflow(project)["version"] == version["version"]
    assert gate(project)["live"] == live
    again = project.up()
    assert f"{live['version']} stays live: accuracy is 0.901" in again.text
    assert again.code != 0
    configure(project, "0.901", on_failure="keep")
    assert project.up().code == 0
    assert project.up().is_empty

    configure(project, "0.95")
    better = project.up()
    assert better.code == 0, better.text
    second = gate(project)["live"]
    assert second["version"] != live["version"]
    assert downloaded(project, "models:/digits@live") == "weights for 0.95"
    assert downloaded(project, f"models:/digits@{live['version']}") == "weights for 0.9"

    # The run is there, so the preview knows that it left no such file, and that a metric is misspelt.
    configure(project, "0.95", path="model.pt")
    missing = project.preview()
    assert missing.code != 0
    assert "left no model.pt among its outputs, only metrics.json, model.pkl: correct `path`" in missing.text
    configure(project, "0.95", path="metrics.json", rules=["acuracy >= 0.5"])
    misspelt = project.preview()
    assert "the candidate has no metric 'acuracy', so that it does not go live; there are accuracy" in misspelt.text

    # Evaluated elsewhere, the same model is not good enough for a rule that it fulfilled in its own training.
    configure(project, "0.95")
    judge = scripts.run_of(project, name="judge", arguments=["0.4"], inputs={"model": {"run": "tiny"}})
    project.edit(
        runs={**project.runs(), "judge": judge},
        gates={"digits": {"model": "digits", "rules": RULES, "metrics_of": "judge"}},
    )
    assert "stays live: accuracy is 0.4, and not >= 0.5" in project.up().text
    assert gate(project)["live"] == second

    # What is live outlives the stack, and what has been trained is not trained again.
    configure(project, "0.95")
    assert project.destroy().code == 0
    assert project.up().code == 0
    assert gate(project)["live"] == second
    assert scripts.starts(project) == 3


def test_a_run_that_is_due_trains_again_and_the_gate_decides_what_goes_live(project: Project) -> None:
    """The data behind a run changes without a word, so its results do: 0.9, then 0.8, then 0.95."""
    results = 'sys.argv.append(["0.9", "0.8", "0.95"][len(open(os.environ["STARTS"]).readlines()) - 1])\n'
    project.script(scripts.COUNTED + results + TRAIN.removeprefix(scripts.COUNTED) + CHECKPOINT)

    def scheduled(expression: str | None, **more: Any) -> None:
        schedule = {} if expression is None else {"schedule": {"expression": expression, **more}}
        project.configure(
            tracking="server",
            runs={"tiny": scripts.run_of(project, **schedule)},
            models={"digits": {"run": "tiny", "path": "model.pkl"}},
            gates={"digits": {"model": "digits", "rules": RULES, "on_failure": "keep"}},
        )

    scheduled(None)
    assert project.up().code == 0
    first = gate(project)["live"]

    # A schedule is no part of what the run is, and nothing is due that was trained after the last time.
    scheduled("0 3 * * 1", start_time="2026-01-01T00:00:00")
    preview = project.preview()
    assert "its schedule, `0 3 * * 1` in UTC: 20" in preview.text
    assert project.up().code == 0
    assert project.preview().is_empty
    assert scripts.starts(project) == 1

    _make_older(project, days=8)
    due = project.preview()
    assert "it is due since 20" in due.text
    assert "by its schedule, and another attempt starts" in due.text
    assert scripts.starts(project) == 1
    worse = project.up()
    assert worse.code == 0, worse.text
    assert gate(project)["live"] == first
    assert project.up().is_empty
    assert scripts.starts(project) == 2

    _make_older(project, days=8)
    better = project.up()
    assert better.code == 0, better.text
    live = gate(project)["live"]
    assert live["run"] == f"{first['run']}-a3"
    assert live["run_digest"] == first["run_digest"]
    assert project.up().is_empty
    assert {json.loads(record.read_text())["digest"] for record in project.records()} == {first["run_digest"]}
    assert project.destroy().code == 0


def _make_older(project: Project, *, days: int) -> None:
    """As if all that has trained had trained so many days earlier."""
    for path in (project.folder / ".trainup" / project.stack / "runs").glob("*/run.json"):
        record = json.loads(path.read_text())
        earlier = datetime.fromisoformat(record["created"]) - timedelta(days=days)
        path.write_text(json.dumps({**record, "created": earlier.isoformat()}))


def test_a_promotion_is_one_line_and_trains_nothing(project: Project) -> None:
    project.script(TRAIN)
    configure(project, "0.9")
    assert project.up().code == 0
    prod = beside(project, "prod")
    prod.configure(tracking="server", runs={}, gates={"digits": {"model": "digits", "rules": ["accuracy > 0.5"]}})
    said = promoted(project, prod)
    first = gate(project)["live"]
    reference = f".trainup/test/models/digits/versions/{first['version']}"
    assert f"digits: was nothing\n  becomes {reference}\n" in said
    up = prod.up()
    assert up.code == 0, up.text
    live = gate(prod)["live"]
    same = ("version", "digest", "run", "run_digest", "image", "commit", "metrics")
    assert {key: live[key] for key in same} == {key: first[key] for key in same}
    assert (prod.folder / live["uri"] / "model.pkl").read_text() == "weights for 0.9"
    assert prod.up().is_empty
    assert prod.records() == []

    before = (prod.folder / "Pulumi.prod.yaml").read_text()
    git(project, "init", "--quiet")
    git(project, "add", "Pulumi.prod.yaml")
    git(project, "commit", "--quiet", "--message", "Promote the first digits")
    configure(project, "0.95")
    assert project.up().code == 0
    said = promoted(project, prod)
    assert "accuracy" in said
    assert "+0.05" in said
    after = (prod.folder / "Pulumi.prod.yaml").read_text()
    assert len(set(before.splitlines()) ^ set(after.splitlines())) == 2
    assert prod.up().code == 0
    assert gate(prod)["live"]["version"] == gate(project)["live"]["version"] != first["version"]
    git(project, "commit", "--quiet", "--all", "--message", "Promote the better digits")
    git(project, "revert", "--no-edit", "HEAD")
    assert (prod.folder / "Pulumi.prod.yaml").read_text() == before
    assert prod.up().code == 0
    assert gate(prod)["live"] == live
    assert scripts.starts(project) == 2
    assert prod.destroy().code == 0


def test_records_are_scored_once_by_each_version_that_is_live(project: Project) -> None:
    """The batch twin of an endpoint: the same script, over records, as a run."""
    project.script(TRAIN)
    (project.folder / "images").mkdir()
    (project.folder / "images" / "monday.jsonl").write_text('{"a": 1}\n\n{"refuse": 2}\n')
    (project.folder / "images" / "tuesday.json").write_text("{}")
    project.script(SCORE, "batch", "score.py")
    configure(project, "0.95")
    project.edit(data={"images": {"path": "images"}}, runs={**project.runs(), "predictions": PREDICTIONS})
    scored = project.up()
    assert scored.code == 0, scored.text
    assert predictions_of(project) == [
        {"record": "monday.jsonl:1", "prediction": "weights for 0.95"},
        {"record": "monday.jsonl:3", "error": "ValueError: it is refused"},
        {"record": "tuesday.json", "prediction": "weights for 0.95"},
    ]
    metrics = json.loads(project.pulumi("stack", "output", "--json"))["runs"]["predictions"]["metrics"]
    assert {name: metrics[name] for name in ("records", "scored", "refused")} == {
        "records": 3,
        "scored": 2,
        "refused": 1,
    }
    assert project.up().is_empty
    project.edit(runs={"tiny": scripts.run_of(project, arguments=["0.97"]), "predictions": PREDICTIONS})
    assert project.up().code == 0
    assert {line.get("prediction") for line in predictions_of(project)} == {"weights for 0.97", None}
    assert project.destroy().code == 0
