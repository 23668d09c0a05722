"""The real environments, built once by trainup's own builder, and trainings in them."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, cast

import pytest

from tests.support.environments import REPOSITORY, build, share
from trainup.jobs.local import mlflow_server
from trainup.jobs.local.launch import INHERITED
from trainup.jobs.local.workspace import Workspace

TRAINING = REPOSITORY / "training"
TIMEOUT = 300.0


@pytest.fixture(scope="session")
def python() -> Path:
    """The Python that trains."""
    return build(TRAINING / "requirements.txt")[1] / "bin" / "python"


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Workspace]]:
    """Makes workspaces with a configured MLflow server; it starts when somebody needs it."""
    made = []

    def make() -> Workspace:
        workspace = Workspace(tmp_path_factory.mktemp("workspace") / ".trainup")
        mlflow_server.configure(workspace, share(workspace))
        made.append(workspace)
        return workspace

    yield make
    for workspace in made:
        mlflow_server.stop(workspace)


def _variables(more: dict[str, str]) -> dict[str, str]:
    """All that a training sees of the variables around it, with some more."""
    usual = {name: value for name, value in os.environ.items() if INHERITED.fullmatch(name)}
    return usual | {"OMP_NUM_THREADS": "1"} | more  # tests side by side take threads from each other


class Folder:
    """A copy of the training code, with nothing else around."""

    def __init__(self, path: Path, python: Path, warm: "subprocess.Popen[str]") -> None:
        self.path, self.python, self.warm = path, python, warm
        shutil.copytree(TRAINING, path, ignore=shutil.ignore_patterns("__pycache__", "outputs"))

    def start(self, *words: str, **variables: str) -> "subprocess.Popen[str]":
        """The environment's Python with these words; the variables are all that it sees beside the usual ones."""
        return subprocess.Popen(
            [str(self.python), *words],
            cwd=self.path,
            env=_variables(variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *words: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        """The same, to its end."""
        with self.start(*words, **variables) as process:
            try:
                output, errors = process.communicate(timeout=TIMEOUT)
            finally:
                process.kill()
        return subprocess.CompletedProcess(words, process.returncode, output, errors)

    def train(self, *words: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        """The same for a script or `-c`, in a process that has imported fastai already."""
        stdout, stderr = (self.path.with_name(f"{self.path.name}.{name}") for name in ("stdout", "stderr"))
        for path in (stdout, stderr):
            path.write_text("")
        places = {"folder": str(self.path), "stdout": str(stdout), "stderr": str(stderr)}
        request = {"words": words, "variables": _variables(variables), **places}
        requests, answers = cast(IO[str], self.warm.stdin), cast(IO[str], self.warm.stdout)
        requests.write(json.dumps(request) + "\n")
        requests.flush()
        return subprocess.CompletedProcess(words, int(answers.readline()), stdout.read_text(), stderr.read_text())


@pytest.fixture(scope="session")
def warm(python: Path) -> Iterator["subprocess.Popen[str]"]:
    """Forks the processes that train: `warm.py` in the environment that trains."""
    command = [str(python), str(Path(__file__).with_name("warm.py"))]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, env=_variables({}), text=True, **pipes) as process:
        yield process


@pytest.fixture
def folder(tmp_path: Path, python: Path, warm: "subprocess.Popen[str]") -> Folder:
    """A place to train in."""
    return Folder(tmp_path / "code", python, warm)
