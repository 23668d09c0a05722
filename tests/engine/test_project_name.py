"""A project of another name than trainup's, in another file than Pulumi.yaml."""

import pytest
import yaml

from tests.engine import scripts
from tests.support.project import Project

pytestmark = pytest.mark.engine

SCRIPT = 'import os, sys\nassert os.environ["TOKEN"] == "s3cret"\nprint("argument", sys.argv[1])\n'


def test_it_trains_by_settings_of_either_namespace_and_refuses_those_of_any_other(project: Project) -> None:
    project.script(SCRIPT)
    declared = yaml.safe_load((project.folder / "Pulumi.yaml").read_text())
    (project.folder / "Pulumi.yaml").unlink()
    (project.folder / "Pulumi.yml").write_text(yaml.safe_dump({**declared, "name": "own"}))
    file = project.folder / "Pulumi.test.yml"
    run = scripts.run_of(project, secrets=["TOKEN"], arguments=["from the stack file"])
    config = {"trainup:workspace": {"tracking": "none"}, "runs": {"tiny": run}}
    file.write_text(yaml.safe_dump({"config": config}))
    project.pulumi("stack", "init", "--no-select", "test")
    project.pulumi("config", "set", "--secret", "TOKEN", "s3cret")

    first = project.up()
    assert first.code == 0, first.text
    assert first.ops() == {"tiny": "create"}
    assert project.output()["runs"]["tiny"]["status"] == "Completed"
    assert project.up("--expect-no-changes").is_empty

    project.pulumi("config", "set", "--path", "runs.tiny.arguments[0]", "from the command line")
    assert "replace" in {step.op for step in project.preview().steps if step.name == "tiny"}

    told = yaml.safe_load(file.read_text())
    told["config"]["trainup:runs"] = told["config"]["own:runs"]
    told["config"]["other:runs"] = {}
    file.write_text(yaml.safe_dump(told))
    refused = project.preview()
    assert refused.code != 0
    assert "own:runs: trainup:runs is set as well" in refused.text
    assert "other:runs: runs are read from trainup:runs and own:runs alone" in refused.text
