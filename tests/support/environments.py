"""Environments that many tests need: built once by trainup, and used with the byte code of whoever came first.

An MLflow server takes ten seconds of a processor to start in a new environment, and five in a used one.
"""

from pathlib import Path

from trainup.jobs.local import environments
from trainup.jobs.local.launch import environment_folder
from trainup.jobs.local.recipe import read_recipe
from trainup.jobs.local.workspace import Workspace
from trainup.provider.server import MLFLOW_REQUIREMENTS

REPOSITORY = Path(__file__).resolve().parents[2]
SHARED = Workspace(REPOSITORY / ".trainup" / "tests", REPOSITORY)
"""Outlives the tests: what is built there takes a minute and gigabytes."""


def build(requirements: Path) -> tuple[str, Path]:
    """The reference and the folder of the environment of these requirements."""
    wanted, problems = read_recipe(requirements)
    assert not problems
    return wanted.reference, environments.build(SHARED, wanted)


def share(workspace: Workspace, requirements: Path = MLFLOW_REQUIREMENTS) -> str:
    """Let a workspace use the environment of these requirements as if it were its own; returns its reference."""
    reference, built = build(requirements)
    workspace.create()
    link = environment_folder(workspace, reference)
    link.parent.mkdir(exist_ok=True)
    if not link.exists():
        link.symlink_to(built)
    return reference
