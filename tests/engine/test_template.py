"""`pulumi new` with the template of this repository."""

import subprocess
from pathlib import Path

from tests.support.copies import Copy
from tests.support.project import REPOSITORY


def test_pulumi_new_makes_a_project_that_trains(tmp_path: Path, environment: dict[str, str]) -> None:
    made = tmp_path / "made"
    made.mkdir()
    words = ["new", str(REPOSITORY / "templates" / "training"), "--generate-only", "--yes", "--name", "demo"]
    done = subprocess.run(["pulumi", *words], cwd=made, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    local = made / "Pulumi.local.yaml"
    local.write_text(local.read_text().replace("config:\n", "config:\n  trainup:workspace: {tracking: none}\n"))
    project = Copy(made, tmp_path / "copy", environment)
    assert "epoch 5/5" in project.trainup("up")
    assert "created" not in project.trainup("up")
    project.trainup("destroy")


def test_its_program_is_the_one_of_trainup() -> None:
    own, template = (REPOSITORY / folder / "infra" / "__main__.py" for folder in (".", "templates/training"))
    assert own.read_text() == template.read_text()
