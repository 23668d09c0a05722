"""A damaged record of one run, under the real engine: the others are previewed, refreshed, told and destroyed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.project import Project

DAMAGES = {"run.json": "{", "status.json": '{"version": 1, "status": "Sleeping"}'}


def trainup(project: Project, command: str) -> "subprocess.CompletedProcess[str]":
    words = [sys.executable, "-m", "trainup.cli", command, "--stack", project.stack]
    return subprocess.run(words, cwd=project.folder, env=project.environment, capture_output=True, text=True)


def folder_of(project: Project, run: str) -> Path:
    return next(record.parent for record in project.records() if record.parent.name.startswith(f"{run}-"))


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_record_stands_in_no_other_runs_way(project: Project, name: str) -> None:
    project.script("print('done')\n")
    runs = {run: {"source": "code", "script": "main.py"} for run in ("a", "b", "c")}
    project.configure(runs=runs)
    assert project.up().code == 0
    damaged = folder_of(project, "b")
    (damaged / name).write_text(DAMAGES[name])

    preview = project.preview()
    assert (preview.code, preview.is_empty) == (0, True)
    refreshed = project.refresh()
    assert refreshed.code == 0, refreshed.text
    assert str(damaged) in refreshed.text
    assert "move" in refreshed.text
    told = trainup(project, "output")
    assert (told.returncode, str(damaged) in told.stderr) == (0, True)
    statuses = {run: outputs["status"] for run, outputs in json.loads(told.stdout)["runs"].items()}
    assert statuses == dict.fromkeys("abc", "Completed"), "of the damaged one, the state tells"
    assert trainup(project, "runs").stdout.count("Completed") == 2

    runs["d"] = {"source": "code", "script": "main.py", "rerun": "1"}
    project.configure(runs=runs)
    up = project.up("--continue-on-error")
    assert up.code != 0
    assert "move" in up.text
    assert folder_of(project, "d").joinpath("status.json").is_file(), "a new run starts"

    destroyed = project.destroy()
    assert destroyed.code == 0, destroyed.text
    assert str(damaged) in destroyed.text
    assert project.state().get("resources", []) == []
    assert (damaged / name).read_text() == DAMAGES[name], "what is left of it stays"
