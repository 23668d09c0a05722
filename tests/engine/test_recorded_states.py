"""Stacks that earlier versions left behind, as recorded: state, workspace and source. An upgrade trains nothing again.

Made by `up` of the version that the folder names; `@PROJECT@` stands for the project's folder.
"""

import json
import shutil
from pathlib import Path

import pytest

from tests.support.project import Project

RECORDED = Path(__file__).with_name("recorded")


@pytest.mark.parametrize("version", sorted(folder.name for folder in RECORDED.iterdir()))
def test_a_stack_of_an_earlier_version_goes_on_unchanged(
    tmp_path: Path, environment: dict[str, str], version: str
) -> None:
    recorded = RECORDED / version
    project = Project(tmp_path / "project", environment, infra=recorded / "infra", stack="local")
    for name, place in (("workspace", ".trainup"), ("backend", "backend"), ("src", "src")):
        shutil.copytree(recorded / name, project.folder / place, dirs_exist_ok=True)
    shutil.copy(recorded / "Pulumi.local.yaml", project.folder)
    for file in (project.folder / ".trainup").rglob("*.json"):
        file.write_text(file.read_text().replace("@PROJECT@", str(project.folder)))
    before = {path: path.read_text() for path in project.records()}
    assert len(before) == 2

    assert project.preview().is_empty
    assert project.up().is_empty
    assert project.refresh().is_empty
    assert {path: path.read_text() for path in project.records()} == before
    assert json.loads(project.pulumi("stack", "output", "--json")) == {"loss": 0.5}
    assert project.destroy().code == 0
    assert project.left_running() == []
