"""Damaged records of runs, under the real engine: the others are previewed, refreshed, told and destroyed."""

import json
import subprocess
import sys
from pathlib import Path

from tests.support.project import Project

DAMAGES = {"b": ("run.json", "{"), "c": ("status.json", '{"version": 1, "status": "Sleeping"}')}
"""Run → the file of its record, and what is in it then."""


def trainup(project: Project, command: str) -> "subprocess.CompletedProcess[str]":
    words = [sys.executable, "-m", "trainup.cli", command, "--stack", project.stack]
    return subprocess.run(words, cwd=project.folder, env=project.environment, capture_output=True, text=True)


def folder_of(project: Project, run: str) -> Path:
    return next(record.parent for record in project.records() if record.parent.name.startswith(f"{run}-"))


def test_damaged_records_stand_in_no_other_runs_way(project: Project) -> None:
    project.script("print('done')\n")
    runs = {run: {"source": "code", "script": "main.py"} for run in ("a", "b", "c", "d")}
    project.configure(runs=runs)
    assert project.up().code == 0
    damaged = {folder_of(project, run) / name: text for run, (name, text) in DAMAGES.items()}
    for file, text in damaged.items():
        file.write_text(text)

    preview = project.preview()
    assert (preview.code, preview.is_empty) == (0, True)
    refreshed = project.refresh()
    assert refreshed.code == 0, refreshed.text
    assert [file for file in damaged if str(file.parent) not in refreshed.text] == []
    assert "move" in refreshed.text
    told = trainup(project, "output")
    assert told.returncode == 0
    assert [file for file in damaged if str(file.parent) not in told.stderr] == []
    statuses = {run: outputs["status"] for run, outputs in json.loads(told.stdout)["runs"].items()}
    assert statuses == dict.fromkeys("abcd", "Completed"), "of the damaged ones, the state tells"
    assert trainup(project, "runs").stdout.count("Completed") == 2

    runs["e"] = {"source": "code", "script": "main.py", "rerun": "1"}
    project.configure(runs=runs)
    up = project.up("--continue-on-error")
    assert up.code != 0
    assert "move" in up.text
    assert folder_of(project, "e").joinpath("status.json").is_file(), "a new run starts"

    destroyed = project.destroy()
    assert destroyed.code == 0, destroyed.text
    assert [file for file in damaged if str(file.parent) not in destroyed.text] == []
    assert project.state().get("resources", []) == []
    assert {file: file.read_text() for file in damaged} == damaged, "what is left of them stays"
