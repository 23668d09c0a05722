"""What is no part of what a run is: configuration, records, the stack's name, a try of the script by hand."""

import pytest

from tests.engine import scripts
from tests.support.project import Project

pytestmark = pytest.mark.engine

STALE = scripts.COUNTED + "print(sorted(os.listdir('outputs')))\nopen('outputs/new', 'w').write('new')\n"


def test_a_run_whose_source_is_the_project_itself_trains_once(project: Project) -> None:
    """Policy is edited, the script is tried by hand, and what that leaves behind is neither sent nor kept."""
    project.script(STALE, source=".", name="a.py")
    (project.folder / ".gitignore").write_text("/home\n/events-*\n/gate-*\n")  # what the test itself needs
    (project.folder / "outputs").mkdir()
    (project.folder / "outputs" / "model.pkl").write_text("stale")
    run = scripts.run_of(project, source=".", script="a.py")
    # Where the script counts its starts is no part of its source.
    run["environment_variables"] = {"STARTS": str(project.folder.parent / "starts")}
    project.configure(runs={"tiny": {**run, "timeout": "1h"}})
    first = project.up()
    assert first.code == 0, first.text
    (record,) = project.records()
    assert [path.name for path in (record.parent / "outputs").iterdir()] == ["new"], "a stale model is no new one"

    project.configure(runs={"tiny": {**run, "timeout": "2h"}})
    for name in ("outputs/by-hand", "mlruns/0/meta.yaml", "__pycache__/a.pyc", ".pulumi/x", "Pulumi.other.yaml"):
        (project.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (project.folder / name).write_text("by hand")
    changed = project.up()
    assert changed.code == 0, changed.text
    assert project.records() == [record]
    assert project.up("--expect-no-changes").is_empty


def test_a_renamed_stack_goes_on_with_its_records(project: Project) -> None:
    project.script(scripts.COUNTED)
    project.configure(runs={"tiny": scripts.run_of(project)})
    assert project.up().code == 0
    project.pulumi("stack", "rename", "other")
    project.stack = "other"
    project.environment["PULUMI_STACK"] = "other"
    again = project.up()
    assert again.code == 0, again.text
    assert scripts.starts(project) == 1, "nothing trains again"
    project.edit(runs={"tiny": scripts.run_of(project), "second": scripts.run_of(project, name="second")})
    assert project.up().code == 0
    assert not (project.folder / ".trainup" / "other" / "runs").exists(), "new runs stand beside the old ones"
    assert project.up("--expect-no-changes").is_empty
    assert project.destroy().code == 0


@pytest.mark.parametrize("inside", ["code/workspace", "data/records"])
def test_a_workspace_inside_of_what_a_run_is_made_of_is_refused_in_the_preview(project: Project, inside: str) -> None:
    project.script(scripts.COUNTED)
    (project.folder / "data").mkdir()
    (project.folder / "data" / "x").write_text("data")
    run = scripts.run_of(project, inputs={"x": {"data": "some"}})
    project.configure(runs={"tiny": run}, data={"some": {"path": "data"}}, workspace={"path": inside})
    refused = project.preview()
    assert refused.code != 0
    assert f"the workspace {inside} lies in it" in refused.text
    assert not (project.folder / inside).exists()
