"""`make rehearse`: a stack on Azure from nothing to nothing, on this machine."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from tests.azure.test_images_of_jobs import BUILT
from tests.support import processes
from tests.support.project import REPOSITORY, Project
from tests.support.workflows import bare, checked_out
from trainup.jobs.local.files import Lock
from trainup.simulator import rehearse
from trainup.simulator.cloud import contract
from trainup.simulator.rehearsal import Rehearsal
from trainup.simulator.rehearse import KEPT_FILES, LOCK, TEMPORARY_FILES

pytestmark = pytest.mark.engine

REHEARSE = [sys.executable, "-m", "trainup.simulator.rehearse"]
CUT_OFF = ["unshare", "--map-root-user", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
"""Runs a command where there is no network but the loopback interface."""

SCRIPT = """\
import json, os, pathlib, sys, time
print("epoch 1 accuracy 0.98", flush=True)
while not pathlib.Path(sys.argv[1]).exists():
    time.sleep(0.05)
pathlib.Path(os.environ["TRAINUP_OUTPUT_DIR"], "metrics.json").write_text(json.dumps({"accuracy": 0.98}))
"""


@pytest.fixture
def project(tmp_path: Path, environment: dict[str, str]) -> Project:
    """A project whose dev stack builds an image of nothing and runs a script that waits for a file named `go`."""
    made = Project(tmp_path / "project", environment)
    made.script(SCRIPT)
    made.script("FROM python:3.11\n", "image", "Dockerfile")
    config = yaml.safe_load((REPOSITORY / "Pulumi.dev.yaml").read_text())["config"]
    go = str(made.folder / "go")
    config["trainup:image"] = {"context": "image"}
    config["trainup:runs"] = {"tiny": {"source": "code", "script": "main.py", "arguments": [go]}}
    (made.folder / "Pulumi.dev.yaml").write_text(yaml.safe_dump({"config": config}))
    return made


def report_in(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "report.json").read_text()))


def is_possible(command: list[str]) -> bool:
    try:
        return subprocess.run([*command, "true"], capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


def test_a_stack_is_deployed_trained_and_destroyed_without_any_network(project: Project) -> None:
    (project.folder / "go").touch()
    folder = project.folder / "rehearsal"
    (folder / "jobs" / "of-the-last-one").mkdir(parents=True)
    (folder / LOCK).touch()
    cut_off = CUT_OFF if is_possible(CUT_OFF) else []  # where the machine has it, it proves what the report says
    command = [*cut_off, *REHEARSE, "--own-runs", "--folder", str(folder)]
    done = subprocess.run(command, cwd=project.folder, env=project.environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    report = report_in(folder)
    assert (report["passed"], report["problems"], report["left"]) == (True, [], [])
    assert report["runs"]["tiny"]["status"] == "Completed"
    assert report["runs"]["tiny"]["metrics"] == {"accuracy": 0.98}
    assert report["connections"] == {"tools": [], "scripts": [], "refused": [], "builders": []}
    assert report["bodies"] == len(list((folder / "bodies").iterdir())) > 15
    assert report["findings"] == ([] if contract.available() else None)
    assert sum(report["requests"].values()) == len((folder / "requests.jsonl").read_text().splitlines())
    told = done.stdout
    assert told.index("epoch 1 accuracy 0.98") < told.index("tiny-job created")
    assert "\x1b" not in told
    assert f"time      {report['seconds']['all']:.0f} s" in told
    assert "0 resources" in told
    assert not (folder / "jobs" / "of-the-last-one").exists()
    assert {path.name for path in folder.iterdir()} <= KEPT_FILES | TEMPORARY_FILES


NEEDS_TOKEN = """\
import os, sys
assert len(os.environ["TOKEN"]) > 20
print("epoch 1 accuracy 0.98", flush=True)
"""


def test_a_stack_with_secrets_of_a_project_of_another_name_is_rehearsed(project: Project) -> None:
    declared = yaml.safe_load((project.folder / "Pulumi.yaml").read_text())
    (project.folder / "Pulumi.yaml").unlink()
    (project.folder / "Pulumi.yml").write_text(yaml.safe_dump({**declared, "name": "own", "stackConfigDir": "stacks"}))
    # Encrypted by a passphrase that nobody here knows.
    secret = {"secure": "v1:T4w5Y6mgTO8Tbd3a:qRxhyQOg6fr5OKWQ5TFVgdC8hCYinQ=="}
    project.script(NEEDS_TOKEN)
    config = yaml.safe_load((project.folder / "Pulumi.dev.yaml").read_text())["config"]
    config["own:runs"] = {"tiny": {**config.pop("trainup:runs")["tiny"], "secrets": ["TOKEN"]}}
    config["TOKEN"] = secret
    (project.folder / "stacks").mkdir()
    told = {"config": config, "encryptionsalt": "v1:T4w5Y6mgTO8=:v1:88uTU+HAixeifk3+:qRxhyQOg6fr5OKWQ5TFVgdC8hCYinQ=="}
    (project.folder / "stacks" / "Pulumi.dev.yml").write_text(yaml.safe_dump(told))
    folder = project.folder / "rehearsal"
    command = [*REHEARSE, "--own-runs", "--folder", str(folder)]
    done = subprocess.run(command, cwd=project.folder, env=project.environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert report_in(folder)["runs"]["tiny"]["status"] == "Completed"
    assert "secrets that are made up for the rehearsal: trainup:TOKEN" in done.stdout


def test_who_asks_it_to_end_finds_nothing_left_of_it(project: Project) -> None:
    folder = project.folder / "rehearsal"
    command = [*REHEARSE, "--own-runs", "--folder", str(folder)]
    with subprocess.Popen(
        command,
        cwd=project.folder,
        env=project.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as rehearsing:
        assert rehearsing.stdout
        told = []
        for line in rehearsing.stdout:
            told.append(line)
            if "epoch 1 accuracy 0.98" in line:
                break
        family = psutil.Process(rehearsing.pid).children(recursive=True)
        rehearsing.send_signal(signal.SIGTERM)
        told += rehearsing.stdout
    assert rehearsing.returncode == 130, "".join(told)
    assert len(family) > 4
    assert processes.living(family) == []
    assert project.left_running() == []


def test_only_one_rehearsal_at_a_time_works_in_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "rehearsal"
    with Lock(folder / LOCK):
        done = subprocess.run([*REHEARSE, "--folder", str(folder)], cwd=REPOSITORY, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert "another rehearsal is under way" in done.stderr


def test_what_keeps_a_rehearsal_from_starting_is_said_in_a_line(tmp_path: Path) -> None:
    command = [*REHEARSE, "--stack", "nosuch", "--folder", str(tmp_path / "new")]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("rehearse: there is no ")
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "new").exists()


def test_a_rehearsal_in_which_the_stand_in_made_a_mistake_has_not_passed(
    tmp_path: Path, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def perform(project: Any, running: Rehearsal, *rest: Any) -> None:
        running.azure.failures.append("KeyError: 'blockid'")

    monkeypatch.setenv("PATH", environment["PATH"])
    monkeypatch.setattr(rehearse, "_perform", perform)
    report = rehearse.rehearse(REPOSITORY, tmp_path / "rehearsal")
    assert report_in(tmp_path / "rehearsal")["problems"] == report.problems
    assert not report.passed
    assert "KeyError: 'blockid'" in str(report)


@pytest.mark.slow
@pytest.mark.training
def test_the_repositorys_own_training_reaches_its_accuracy_and_leaves_the_repository_as_it_was(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    """Also row 15 of the how-to that trainup descends from: the script trains in its own image."""
    folder = tmp_path / "rehearsal"
    folder.mkdir()
    BUILT.mkdir(parents=True, exist_ok=True)
    (folder / "environments").symlink_to(BUILT)
    # A copy: other tests work in the repository meanwhile.
    repository, built = checked_out(REPOSITORY, tmp_path / "checkout"), environments()
    before = status(repository)
    command = ["make", "rehearse", f"ARGS=--folder {folder}"]
    # Tests side by side take threads from each other.
    variables = {**bare(environment), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=repository, env=variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    report = report_in(folder)
    assert report["runs"]["digits"]["metrics"]["accuracy"] >= 0.97
    assert "epoch  12/12" in done.stdout
    connections = report["connections"]
    assert (connections["tools"], connections["scripts"], connections["refused"]) == ([], [], [])
    assert connections["builders"] == [] or environments() > built, "packages are fetched for what is built, once"
    assert status(repository) == before


def environments() -> set[Path]:
    """The environments that are built."""
    return set(BUILT.glob("*/environment.json"))


def status(repository: Path) -> str:
    """What git tells of a checkout without a history: every file, and whether it is still as it was at first."""
    git = ["git", "-C", str(repository)]
    if not (repository / ".git").exists():
        subprocess.run([*git, "init", "--quiet"], check=True)
        subprocess.run([*git, "add", "--all"], check=True)
    return subprocess.run([*git, "status", "--porcelain"], capture_output=True, text=True, check=True).stdout
