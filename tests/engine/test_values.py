"""Values that are easily lost or shown: secrets, and metrics that are no numbers, through a whole life of a stack."""

from pathlib import Path

import pytest

from tests.engine import scripts
from tests.support import processes
from tests.support.project import Project

pytestmark = pytest.mark.engine

SECRET = "pl4nted-s3cret"
SCRIPT = (
    scripts.WAITING
    + """\
print("the token is", os.environ["TOKEN"], flush=True)
outputs = pathlib.Path(os.environ["TRAINUP_OUTPUT_DIR"])
(outputs / "metrics.json").write_text('{"loss": NaN, "up": Infinity, "down": -Infinity, "accuracy": 0.5}')
"""
)
METRICS = {"loss": "NaN", "up": "Infinity", "down": "-Infinity", "accuracy": 0.5}


def files_with(project: Project, text: str) -> list[Path]:
    files = [path for path in project.folder.rglob("*") if path.is_file()]
    return [path for path in files if text.encode() in path.read_bytes()]


def test_secrets_are_nowhere_in_clear_and_metrics_that_are_no_numbers_survive(project: Project) -> None:
    project.script(SCRIPT)
    project.configure(runs={"tiny": scripts.run_of(project, secrets=["TOKEN"])})
    project.pulumi("config", "set", "--secret", "trainup:TOKEN", SECRET)

    told = [project.preview().text]
    running = project.start("up", "--show-config")
    running.wait_for("waiting")
    for process in processes.of(project.folder):
        assert SECRET not in " ".join(process.cmdline())
    scripts.open_gate(project)
    first = running.finish()
    assert first.code == 0, first.text
    assert "the token is ***" in first.text
    assert project.output()["runs"]["tiny"]["metrics"] == METRICS
    assert project.up("--expect-no-changes").is_empty
    assert project.preview("--expect-no-changes").is_empty
    assert project.refresh("--expect-no-changes").is_empty

    told += [first.text, str(project.state()), str(project.output()), project.pulumi("stack", "output", "--json")]
    assert files_with(project, SECRET) == []
    project.script("import sys\nsys.exit(3)\n")
    failed = project.up("--diff")
    assert failed.code != 0
    told += [failed.text, str(project.state())]
    destroyed = project.destroy()
    assert destroyed.code == 0, destroyed.text
    told += [destroyed.text]
    assert [text for text in told if SECRET in text] == []
    assert files_with(project, SECRET) == []
