"""The real environments, built once by trainup's own builder, and trainings in them."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from trainup.jobs.local import environments, mlflow_server
from trainup.jobs.local.launch import INHERITED, environment_folder
from trainup.jobs.local.workspace import Workspace

REPOSITORY = Path(__file__).parents[2]
TRAINING = REPOSITORY / "training"
SHARED = Workspace(REPOSITORY / ".trainup" / "tests", REPOSITORY)
"""Outlives the tests: what is built there takes a minute and gigabytes."""
TIMEOUT = 300.0


def _build(requirements: Path) -> tuple[str, Path]:
    wanted, problems = environments.read_recipe(requirements)
    assert not problems
    return wanted.reference, environments.build(SHARED, wanted)


@pytest.fixture(scope="session")
def python() -> Path:
    """The Python that trains."""
    return _build(TRAINING / "requirements.txt")[1] / "bin" / "python"


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Workspace]]:
    """Makes workspaces with a configured MLflow server; it starts when somebody needs it."""
    reference, built = _build(Path(mlflow_server.__file__).with_name("mlflow_requirements.txt"))
    made = []

    def make() -> Workspace:
        workspace = Workspace(tmp_path_factory.mktemp("workspace") / ".trainup")
        workspace.create()
        made.append(workspace)
        link = environment_folder(workspace, reference)
        link.parent.mkdir(parents=True)
        link.symlink_to(built)
        mlflow_server.configure(workspace, reference)
        return workspace

    yield make
    for workspace in made:
        mlflow_server.stop(workspace)


class Folder:
    """A copy of the training code, with nothing else around."""

    def __init__(self, path: Path, python: Path) -> None:
        self.path, self.python = path, python
        shutil.copytree(TRAINING, path, ignore=shutil.ignore_patterns("__pycache__", "outputs"))

    def start(self, *words: str, **variables: str) -> "subprocess.Popen[str]":
        """The environment's Python with these words; the variables are all that it sees beside the usual ones."""
        usual = {name: value for name, value in os.environ.items() if INHERITED.fullmatch(name)}
        return subprocess.Popen(
            [str(self.python), *words],
            cwd=self.path,
            env=usual | {"OMP_NUM_THREADS": "1"} | variables,  # tests side by side take threads from each other
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


@pytest.fixture
def folder(tmp_path: Path, python: Path) -> Folder:
    """A place to train in."""
    return Folder(tmp_path / "code", python)
