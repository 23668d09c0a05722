"""What `refresh` and the next `up` make of runs that went on, ended or vanished meanwhile."""

import shutil

import pytest

from tests.engine import scripts
from tests.engine.ledger import records, target
from tests.support.project import Project
from tests.support.waiting import until
from trainup.core.status import Status

pytestmark = pytest.mark.engine


def test_up_with_the_same_digest_still_running_attaches(project: Project) -> None:
    project.script(scripts.WAITING)
    project.configure(runs={"tiny": scripts.run_of(project, wait=False)})
    assert project.up().code == 0
    assert project.resource("tiny")["outputs"]["status"] in {Status.QUEUED, Status.PREPARING, Status.RUNNING}

    project.configure(runs={"tiny": scripts.run_of(project)})
    scripts.see_through(project)
    assert scripts.starts(project) == 1


def test_a_refresh_does_not_take_a_run_that_goes_on_for_what_was_asked_for(project: Project) -> None:
    project.script(scripts.WAITING)
    project.configure(runs={"tiny": scripts.run_of(project)})
    interrupted = scripts.begun(project)
    interrupted.interrupt()
    assert interrupted.finish().code != 0
    project.refresh()
    kept = project.resource("tiny")
    assert kept["outputs"]["status"] == Status.RUNNING
    assert "is Running" in kept["initErrors"][0]
    preview = project.preview()
    assert preview.ops() == {"tiny": "update"}, preview.text

    scripts.see_through(project)
    assert scripts.starts(project) == 1
    assert project.refresh("--expect-no-changes").is_empty


@pytest.mark.parametrize("later", ["up", "refresh"])
def test_with_wait_false_a_later_command_brings_the_result(project: Project, later: str) -> None:
    project.script(scripts.WAITING)
    project.configure(runs={"tiny": scripts.run_of(project, wait=False)})
    assert project.up().code == 0
    scripts.open_gate(project)
    name = records(project)[0].name
    until(lambda: target(project).get(name).status is Status.COMPLETED)  # type: ignore[union-attr]
    assert project.run(later).code == 0
    assert project.resource("tiny")["outputs"]["status"] == "Completed"
    assert project.up("--expect-no-changes").is_empty
    assert scripts.starts(project) == 1


def test_a_run_cancelled_elsewhere_is_drift_and_the_next_up_trains_again(project: Project) -> None:
    project.script(scripts.WAITING)
    project.configure(runs={"tiny": scripts.run_of(project, wait=False)})
    assert project.up().code == 0
    until(lambda: scripts.starts(project) == 1)
    target(project).cancel(records(project)[0].name, "by hand")
    drift = project.refresh()
    assert drift.code == 0, drift.text
    assert project.resource("tiny")["outputs"]["status"] == "Canceled"
    assert project.preview().ops() == {"tiny": "update"}

    project.configure(runs={"tiny": scripts.run_of(project)})
    scripts.see_through(project)
    assert scripts.starts(project) == 2


def test_an_up_whose_run_is_cancelled_elsewhere_says_so_and_fails(project: Project) -> None:
    project.script(scripts.WAITING)
    project.configure(runs={"tiny": scripts.run_of(project)})
    waiting = scripts.begun(project)
    target(project).cancel(records(project)[0].name, "by hand")
    cancelled = waiting.finish()
    assert cancelled.code != 0
    assert "Canceled" in cancelled.text
    assert "by hand" in cancelled.text


def test_a_completed_run_deleted_elsewhere_is_drift_and_the_next_up_trains_again(project: Project) -> None:
    project.script(scripts.WITH_METRICS)
    project.configure(runs={"tiny": scripts.run_of(project, arguments=["0.5"])})
    assert project.up().code == 0
    shutil.rmtree(project.records()[0].parent)
    assert project.refresh().code == 0
    assert "tiny-job" not in project.pulumi("stack", "export")
    assert project.up().code == 0
    assert scripts.starts(project) == 2


def test_a_workspace_that_was_removed_is_made_again_without_a_refresh(project: Project) -> None:
    project.script(scripts.WITH_METRICS)
    project.configure(runs={"tiny": scripts.run_of(project, arguments=["0.5"])})
    assert project.up().code == 0
    shutil.rmtree(project.folder / ".trainup")
    preview = project.preview()
    assert preview.code == 0
    assert "is not there any more, and is made again" in preview.text
    assert not (project.folder / ".trainup").exists()
    project.configure(runs={"tiny": scripts.run_of(project, arguments=["0.75"])})
    again = project.up()
    assert again.code == 0, again.text
    assert project.output()["runs"]["tiny"]["metrics"] == {"accuracy": 0.75}
    assert project.up("--expect-no-changes").is_empty
