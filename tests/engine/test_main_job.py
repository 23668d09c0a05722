"""The main job, end to end: the program in `infra/`, the real engine, the real provider, real processes."""

import pytest

from tests.engine import scripts
from tests.support.project import Project

pytestmark = pytest.mark.engine


def test_a_run_lives_as_a_resource_from_up_to_destroy(project: Project) -> None:
    project.script(scripts.WITH_METRICS)
    project.configure(runs={"tiny": scripts.run_of(project, arguments=["--accuracy", "0.5"])})

    preview = project.preview()
    assert preview.code == 0, preview.text
    assert preview.ops() == {"tiny": "create"}
    assert not (project.folder / ".trainup").exists(), "a preview writes nothing"

    first = project.up()
    assert first.code == 0, first.text
    assert "hello from --accuracy 0.5" in first.text
    outputs = project.output()["runs"]["tiny"]
    assert outputs["status"] == "Completed"
    assert outputs["metrics"] == {"accuracy": 0.5}

    assert project.up("--expect-no-changes").is_empty
    assert project.preview("--expect-no-changes").is_empty
    assert project.refresh("--expect-no-changes").is_empty
    assert scripts.starts(project) == 1

    project.configure(runs={"tiny": scripts.run_of(project, arguments=["--accuracy", "0.75"])})
    changed = project.up("--diff")
    assert changed.code == 0, changed.text
    assert changed.ops()["tiny"] in {"replace", "create-replacement", "delete-replaced"}
    assert "arguments[1]" in changed.diffs("tiny")
    assert project.output()["runs"]["tiny"]["metrics"] == {"accuracy": 0.75}

    project.script(scripts.FAILING)
    failed = project.up()
    assert failed.code != 0
    assert "user_code" in failed.text
    assert "no such label: 'elephant'" in failed.text
    kept = project.resource("tiny")["outputs"]
    assert kept["status"] == "Failed"
    assert kept["failure"]["failure_class"] == "user_code"
    assert kept["failure"]["exit_code"] == 1
    assert kept["reproduce"]
    assert kept["log_uri"]
    assert "ValueError: no such label: 'elephant'" in kept["log_tail"][-1]
    others = {resource["type"] for resource in project.state()["resources"] if not resource.get("initErrors")}
    assert {"trainup:index:Server", "trainup:index:Pool", "trainup:index:Image"} <= others

    project.refresh()
    assert project.resource("tiny")["initErrors"], "a refresh does not turn a failed run green"
    assert project.up().code != 0, "and up tries again, and fails again"
    assert project.output()["runs"]["tiny"]["attempts"] == 2

    project.script(scripts.WITH_METRICS)
    fixed = project.up()
    assert fixed.code == 0, fixed.text
    assert project.output()["runs"]["tiny"]["status"] == "Completed"
    assert project.up("--expect-no-changes").is_empty

    assert project.destroy().code == 0
    assert project.state().get("resources", []) == []
    assert project.left_running() == []


def test_one_run_fails_and_the_others_finish(project: Project) -> None:
    project.script(scripts.FAILING, source="bad")
    project.script(scripts.WITH_METRICS)
    project.configure(
        cluster={"max_nodes": 2},
        runs={
            "bad": scripts.run_of(project, name="bad", source="bad"),
            "good": scripts.run_of(project, name="good", arguments=["0.9"]),
        },
    )
    result = project.up()
    assert result.code != 0
    told = project.output()["runs"]
    assert (told["bad"]["status"], told["good"]["status"]) == ("Failed", "Completed")
    assert told["good"]["metrics"] == {"accuracy": 0.9}
