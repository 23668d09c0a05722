"""A second day with the product: see why it trains, watch it, cancel it, find yesterday's log, free the disk."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.engine import scripts
from tests.engine.ledger import target
from tests.support.project import Project
from tests.support.waiting import until
from trainup.core.status import Status

pytestmark = [pytest.mark.engine, pytest.mark.slow]

YESTERDAY = scripts.COUNTED + 'print("yesterday\'s loss was 0.5", flush=True)\n'
TODAY = YESTERDAY + (
    'outputs = pathlib.Path(os.environ["TRAINUP_OUTPUT_DIR"])\n'
    '(outputs / "metrics.json").write_text(json.dumps({"loss": 0.25}))\n'
    'print("waiting", flush=True)\n'
    'open(os.environ["GATE"]).read()\n'
)


def trainup(project: Project, *words: str, code: int = 0) -> str:
    """What a command prints on standard output and error."""
    command = [sys.executable, "-m", "trainup.cli", *words]
    done = subprocess.run(command, cwd=project.folder, env=project.environment, capture_output=True, text=True)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def git(project: Project, *words: str) -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    done = subprocess.run(["git", *identity, *words], cwd=project.folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_a_second_day(project: Project) -> None:
    # Yesterday.
    project.script(YESTERDAY)
    project.configure(runs={"tiny": scripts.run_of(project)})
    (project.folder / ".gitignore").write_text("backend\nhome\nevents-*\ngate-*\nstarts-*\n__pycache__\n.trainup\n")
    git(project, "init")
    git(project, "add", "code", "infra", "Pulumi.yaml", "Pulumi.test.yaml", ".gitignore")
    git(project, "commit", "-m", "first")
    assert project.up().code == 0
    (first,) = json.loads(trainup(project, "history", "--json"))
    branch = git(project, "branch", "--show-current")
    assert first["git"] == {"commit": git(project, "rev-parse", "HEAD"), "branch": branch, "dirty": False}

    # Edit a file, and see why it trains.
    project.script(TODAY)
    why = project.preview()
    assert "manifest" in " ".join(why.diffs("tiny"))
    assert "code/main.py changed" in why.text

    # While it is at work, its seconds and metrics are alive, and whatever it printed can be read.
    running = project.start("up")
    running.wait_for("waiting")
    now = json.loads(trainup(project, "status", "tiny", "--json"))
    assert (now["status"], now["metrics"], now["git"]["dirty"]) == ("Running", {"loss": 0.25}, True)
    assert now["phases"]["running"] > 0
    assert project.output()["runs"]["tiny"]["metrics"] == {"loss": 0.25}
    table = trainup(project, "runs")
    assert f"tiny  {now['name']}  Running" in table
    assert "loss=0.25" in table
    assert trainup(project, "logs", "tiny", "--tail", "1") == "waiting\n"
    assert "waiting" in trainup(project, "logs", "tiny", "--since", "10m")

    # Cancel it: the command that waited for it ends, and a repetition changes nothing.
    told = trainup(project, "cancel", "tiny")
    assert f"{now['name']}: Canceled" in told
    assert running.finish().code != 0
    assert "has ended already: Canceled" in trainup(project, "cancel", "tiny")
    assert "`trainup cancel`, typed by " in trainup(project, "status", "tiny")
    assert "canceled: the run was canceled" in trainup(project, "runs")

    # Find yesterday's log, by the beginning of its id.
    names = [line.split()[2] for line in trainup(project, "history").splitlines()[1:]]
    assert names == [first["name"], now["name"]]
    assert "yesterday's loss was 0.5" in trainup(project, "logs", first["name"][:12])
    assert trainup(project, "runs", "--watch") == "".join(
        f"{now['name']}: Canceled, {reason}\n" for reason in [_reason(project)]
    )

    # Train yesterday's code again on purpose.
    project.script(YESTERDAY)
    assert "next: trainup up" in trainup(project, "rerun", "tiny", "--no-up")
    again = project.up()
    assert again.code == 0
    assert len(json.loads(trainup(project, "runs", "--all", "--json"))) == 3
    assert project.up().is_empty

    # Set the runs side by side.
    compared = json.loads(trainup(project, "compare", "tiny", "--filter", "loss=0.25", "--json"))["runs"]
    assert [(one["name"], one["status"], one["current"]) for one in compared] == [(now["name"], "Canceled", False)]
    compared = json.loads(trainup(project, "compare", "--json"))["runs"]
    assert [(one["run"], one["status"], one["current"]) for one in compared] == [("tiny", "Completed", True)]
    page = Path(trainup(project, "report").strip()).read_text()
    assert all(one["name"] in page for one in json.loads(trainup(project, "runs", "--all", "--json")))
    assert "code/main.py changed" in page or "main.py changed" in page

    # Free the disk: first nothing is superfluous, then all but the records is.
    assert "nobody needs" not in trainup(project, "gc")
    assert project.destroy().code == 0
    assert "nobody needs: `trainup gc --yes` removes it" in trainup(project, "gc")
    environments = project.workspace.environments
    assert [path for path in environments.iterdir() if path.is_dir()]
    assert "MB removed" in trainup(project, "gc", "--yes")
    assert [path for path in environments.iterdir() if path.is_dir()] == []
    assert "nobody needs" not in trainup(project, "gc")
    assert "yesterday's loss was 0.5" in trainup(project, "logs", first["name"])
    assert project.up().code == 0, "what was removed is built again"
    assert scripts.starts(project) == 3, "and what has been trained is not trained again"
    assert project.destroy().code == 0


def test_a_phase_that_took_much_longer_than_in_the_runs_before_is_named(project: Project) -> None:
    project.script(scripts.COUNTED)
    runs = {name: scripts.run_of(project, arguments=[name]) for name in ("one", "two", "three")}
    project.configure(cluster={"max_nodes": 2}, runs=runs)
    assert project.up().code == 0
    runs["four"] = scripts.run_of(project, arguments=["four"], wait=False)
    project.configure(cluster={"max_nodes": 2}, runs=runs)
    assert project.up().code == 0
    name = project.resource("four")["outputs"]["name"]
    until(lambda: target(project).get(name).status is Status.COMPLETED)  # type: ignore[union-attr]
    # As if its environment had been six minutes on its way.
    file = target(project).workspace.runs / name / "status.json"
    state = json.loads(file.read_text())
    file.write_text(json.dumps({**state, "phases": {**state["phases"], "preparing": 360.0}}))
    runs["four"] = scripts.run_of(project, arguments=["four"])
    project.configure(cluster={"max_nodes": 2}, runs=runs)
    told = trainup(project, "up")
    assert f"{name}: preparation (image pull) took 6 m 0 s, was 0." in told
    assert "in the last 3 runs" in told
    page = Path(trainup(project, "report").strip()).read_text()
    assert f"{name}: preparation (image pull) took 6 m 0 s, was 0." in page
    assert project.up("--expect-no-changes").is_empty


def _reason(project: Project) -> str:
    (one,) = json.loads(trainup(project, "runs", "--json"))
    return f"{one['failure']['failure_class']}: {one['failure']['message']}"
