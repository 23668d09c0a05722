"""The caller's Python, tools and home folder: trainup needs none of them, and scripts get what is theirs."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.engine import scripts
from tests.support.project import REPOSITORY, ROOMS, Project

pytestmark = pytest.mark.engine

BREAKING = "print('printed at start')\nraise RuntimeError(f'{__name__} of the caller was imported')\n"
MODULES = ("grpc", "psutil", "yaml", "google", "json", "pydantic", "sitecustomize", "usercustomize")
TELLING = """\
import json, os, pathlib
import mine
told = {"mine": mine.__file__, "environment": dict(os.environ)}
(pathlib.Path(os.environ["TRAINUP_OUTPUT_DIR"]) / "told.json").write_text(json.dumps(told))
"""


@pytest.fixture
def callers(tmp_path: Path) -> dict[str, str]:
    """Variables of somebody whose Python is set up for something else, and whose home folder cannot be written."""
    folder = tmp_path / "callers"
    folder.mkdir()
    for module in MODULES:
        (folder / f"{module}.py").write_text(BREAKING)
    (folder / "rc").write_text("echo printed at start\n")
    return {
        "PYTHONPATH": str(folder),
        "PYTHONHOME": "",
        "PYTHONSAFEPATH": "1",
        "PYTHONOPTIMIZE": "2",
        "PYTHONWARNINGS": "error",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONSTARTUP": str(folder / "grpc.py"),
        "PYTHONUSERBASE": str(folder),
        "VIRTUAL_ENV": str(folder),
        "CONDA_PREFIX": str(folder),
        "UV_PROJECT": str(folder),
        "UV_PROJECT_ENVIRONMENT": str(folder / "env"),
        "UV_PYTHON": "2.7",
        "UV_NO_DEV": "1",
        "PIP_TARGET": str(folder),
        "BASH_ENV": str(folder / "rc"),
        "ENV": str(folder / "rc"),
        "CDPATH": "/",
        "HOME": "/dev/null/nowhere",
    }


def test_a_run_is_trained_and_its_script_gets_what_the_stack_declares(
    project: Project, callers: dict[str, str]
) -> None:
    modules = project.folder / "modules"
    project.script("x = 1\n", source="modules", name="mine.py")
    project.script(TELLING)
    declared = {"PYTHONPATH": str(modules), "PYTHONHASHSEED": "0"}
    shell = {"source": "code", "command": "python main.py", "environment_variables": declared}
    project.configure(runs={"tiny": scripts.run_of(project, environment_variables=declared), "shell": shell})
    project.environment.update(callers, UV_CACHE_DIR=str(project.folder / "cache"))  # as `make env` gives it
    done = project.up()
    assert done.code == 0, done.text
    assert "printed at start" not in done.text
    for told in json.loads(project.pulumi("stack", "output", "--json"))["runs"].values():
        seen = json.loads((project.folder / told["outputs_uri"] / "told.json").read_text())
        assert seen["mine"] == str(modules / "mine.py")
        assert seen["environment"]["PYTHONHASHSEED"] == "0"
        assert not {"PYTHONOPTIMIZE", "PYTHONSAFEPATH", "CONDA_PREFIX", "BASH_ENV"} & seen["environment"].keys()
    assert project.preview("--expect-no-changes").is_empty
    assert project.destroy().code == 0


def test_make_works_for_a_caller_whose_python_is_another(callers: dict[str, str]) -> None:
    environment = {**os.environ, **callers}
    command = ["make", "-s", "setup"]
    done = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    run = [
        "python3",
        "-I",
        "-S",
        "src/trainup/toolchain",
        "run",
        "python",
        "-c",
        "import grpc, os; print(os.environ['PULUMI_HOME'])",
    ]
    done = subprocess.run(run, cwd=REPOSITORY, env=environment, capture_output=True, text=True)
    assert done.stdout.strip() == str(REPOSITORY / ".toolchain" / "home"), done.stderr


@pytest.mark.parametrize("launcher", ["provider/pulumi-resource-trainup", "toolchain/pulumi-language-python"])
def test_an_interpreter_that_prints_at_its_start_does_not_hide_the_port(tmp_path: Path, launcher: str) -> None:
    for folder in ("provider", "toolchain"):
        shutil.copytree(ROOMS / folder, tmp_path / "src" / "trainup" / folder)
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\necho "welcome to Python"\nexec "{REPOSITORY}/.venv/bin/python" "$@"\n')
    python.chmod(0o755)
    done = subprocess.run(
        [tmp_path / "src" / "trainup" / launcher, "127.0.0.1:1"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip().isdecimal(), done
    assert "welcome to Python" in done.stderr
