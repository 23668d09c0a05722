"""What happens to a run when: each row of the table in the README and the design, on the real engine."""

import json
from pathlib import Path

import pytest

from tests.engine import scripts
from tests.engine.ledger import records
from tests.support.project import Project
from trainup.core.status import Status

pytestmark = pytest.mark.engine


def test_a_changed_digest_cancels_an_active_predecessor_first(project: Project) -> None:
    project.script(scripts.WAITING)
    project.configure(runs={"tiny": scripts.run_of(project, wait=False)})
    assert project.up().code == 0
    project.script(scripts.WITH_METRICS)
    project.configure(runs={"tiny": scripts.run_of(project, arguments=["0.5"])})
    changed = project.up()
    assert changed.code == 0, changed.text
    ops = [step.op for step in changed.steps if step.name == "tiny" and step.type == "trainup:index:Run"]
    assert "delete-replaced" in ops
    assert [record.status for record in records(project)] == [Status.CANCELED, Status.COMPLETED]


def test_a_failure_kept_as_data_is_accepted_without_training_again(project: Project) -> None:
    project.script(scripts.FAILING)
    project.configure(runs={"tiny": scripts.run_of(project)})
    assert project.up().code != 0
    project.configure(runs={"tiny": scripts.run_of(project, on_failure="keep")})
    assert project.up().code == 0
    assert project.output()["runs"]["tiny"]["status"] == "Failed"
    assert scripts.starts(project) == 1
    assert project.up("--expect-no-changes").is_empty


def test_retries_make_attempts_within_one_up(project: Project) -> None:
    project.script(scripts.FAILING_ONCE)
    project.configure(runs={"tiny": scripts.run_of(project, retries=2)})
    result = project.up()
    assert result.code == 0, result.text
    told = project.output()["runs"]["tiny"]
    assert (told["status"], told["attempts"], scripts.starts(project)) == ("Completed", 2, 2)
    assert told["name"].endswith("-a2")


def test_a_removed_run_that_is_active_is_cancelled(project: Project) -> None:
    project.script(scripts.WAITING)
    project.configure(runs={"tiny": scripts.run_of(project, wait=False)})
    assert project.up().code == 0
    project.configure(runs={})
    assert project.up().code == 0
    assert [record.status for record in records(project)] == [Status.CANCELED]
    assert project.left_running() == []


def test_on_delete_decides_about_the_record_and_an_up_after_it_adopts_what_is_kept(project: Project) -> None:
    project.script(scripts.WITH_METRICS)
    policies = ("keep", "archive", "delete")
    runs = {
        policy: scripts.run_of(project, name=policy, arguments=[number], on_delete=policy)
        for policy, number in zip(policies, ("0.5", "0.6", "0.7"), strict=True)
    }
    project.configure(runs=runs)
    assert project.up().code == 0
    assert project.destroy().code == 0
    assert {path.parent.name.rpartition("-")[0] for path in project.records()} == {"keep", "archive"}
    kept = [json.loads((path.parent / "status.json").read_text())["status"] for path in project.records()]
    assert kept == ["Completed", "Completed"]

    assert project.up().code == 0
    assert [scripts.starts(project, policy) for policy in policies] == [1, 1, 2]
    assert project.output()["runs"]["keep"]["metrics"] == {"accuracy": 0.5}


def test_policy_changes_in_place_and_trains_nothing_and_rerun_trains_on_purpose(project: Project) -> None:
    project.script(scripts.WITH_METRICS)
    project.configure(runs={"tiny": scripts.run_of(project, arguments=["0.5"])})
    assert project.up().code == 0
    policy = {"tags": {"team": "vision"}, "timeout": "2h", "retries": 3, "on_delete": "archive", "description": "new"}
    project.configure(runs={"tiny": scripts.run_of(project, arguments=["0.5"], **policy)})
    changed = project.up()
    assert changed.code == 0
    assert changed.ops()["tiny"] == "update"
    assert scripts.starts(project) == 1
    assert project.up("--expect-no-changes").is_empty
    project.configure(runs={"tiny": scripts.run_of(project, arguments=["0.5"], rerun="monday", **policy)})
    assert project.up().code == 0
    assert scripts.starts(project) == 2


def test_reverting_to_an_earlier_digest_while_a_later_one_failed_adopts_it(project: Project) -> None:
    good = {"tiny": scripts.run_of(project, arguments=["0.5"])}
    project.script(scripts.WITH_METRICS)
    project.configure(runs=good)
    assert project.up().code == 0
    project.script(scripts.FAILING)
    assert project.up().code != 0
    project.script(scripts.WITH_METRICS)
    reverted = project.up()
    assert reverted.code == 0, reverted.text
    assert project.output()["runs"]["tiny"]["status"] == "Completed"
    assert scripts.starts(project) == 2, "the good one was trained once, the bad one once"
    assert project.up("--expect-no-changes").is_empty


def test_a_run_waits_for_those_it_comes_after_and_follows_their_changes(project: Project) -> None:
    project.script(scripts.WITH_METRICS)
    project.script(scripts.COUNTED, source="second")

    def runs(accuracy: str) -> dict[str, object]:
        return {
            "later": scripts.run_of(project, name="later", source="second", after=["first"]),
            "first": scripts.run_of(project, name="first", arguments=[accuracy]),
        }

    project.configure(cluster={"max_nodes": 2}, runs=runs("0.5"))
    assert project.up().code == 0
    first, later = records(project)
    assert (first.run, later.run) == ("first", "later")
    project.configure(cluster={"max_nodes": 2}, runs=runs("0.75"))
    assert project.up().code == 0
    assert (scripts.starts(project, "first"), scripts.starts(project, "later")) == (2, 2)


def test_data_edges_follow_the_content_of_data_and_the_digest_of_upstream_runs(project: Project) -> None:
    project.script(
        scripts.COUNTED + "import sys\nopen('outputs/model', 'w').write('made of ' + open(sys.argv[1]).read())\n"
    )
    project.script(scripts.COUNTED + "import sys\nprint('scored:', open(sys.argv[1]).read())\n", source="second")
    pets = project.folder / "data" / "pets.txt"
    pets.parent.mkdir()
    pets.write_text("cats")

    def configure(path: str = "data") -> None:
        train = {"inputs": {"pets": {"data": "pets", "path": "pets.txt"}}, "arguments": ["${{inputs.pets}}"]}
        score = {"inputs": {"model": {"run": "train", "path": "model"}}, "arguments": ["${{inputs.model}}"]}
        runs = {
            "score": scripts.run_of(project, name="score", source="second", **score),
            "train": scripts.run_of(project, name="train", **train),
        }
        project.configure(data={"pets": {"path": path}}, runs=runs)

    configure()
    first = project.up()
    assert first.code == 0, first.text
    assert "scored: made of cats" in first.text
    assert project.up("--expect-no-changes").is_empty
    refresh = project.refresh("--expect-no-changes")
    assert refresh.is_empty, refresh.text

    (project.folder / "data").rename(project.folder / "moved")
    configure("moved")
    moved = project.up()
    assert moved.code == 0, moved.text
    assert (scripts.starts(project, "train"), scripts.starts(project, "score")) == (1, 1), "it is the same data"

    (project.folder / "moved" / "pets.txt").write_text("dogs")
    preview = project.preview()
    replaced = {step.name for step in preview.steps if step.op == "replace" and step.type == "trainup:index:Run"}
    assert replaced == {"train", "score"}, preview.text
    changed = project.up()
    assert changed.code == 0, changed.text
    assert "scored: made of dogs" in changed.text
    assert (scripts.starts(project, "train"), scripts.starts(project, "score")) == (2, 2)


def test_a_run_after_a_failed_one_is_not_started(project: Project) -> None:
    project.script(scripts.FAILING)
    project.script(scripts.COUNTED, source="second")
    runs = {
        "first": scripts.run_of(project, name="first"),
        "later": scripts.run_of(project, name="later", source="second", after=["first"]),
    }
    project.configure(runs=runs)
    assert project.up().code != 0
    assert scripts.starts(project, "later") == 0


def test_two_stacks_on_one_workspace_share_a_run_and_neither_takes_it_from_the_other(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    workspace = {"path": str(tmp_path / "shared"), "tracking": "none"}
    projects = [Project(tmp_path / name, environment) for name in ("one", "two")]
    variables = {"STARTS": str(tmp_path / "starts")}
    run = {"source": "code", "script": "main.py", "environment_variables": variables, "on_delete": "delete"}
    for project in projects:
        project.script(scripts.COUNTED)
        project.configure(workspace=workspace, runs={"tiny": run})
        assert project.up().code == 0
    assert len((tmp_path / "starts").read_text().splitlines()) == 1
    assert projects[0].destroy().code == 0
    assert projects[1].up("--expect-no-changes").is_empty
    refreshed = projects[1].refresh("--expect-no-changes", "--diff")
    assert refreshed.is_empty, refreshed.text
    assert projects[1].destroy().code == 0
    assert list((tmp_path / "shared" / "runs").glob("*/run.json")) == []


def test_two_stacks_of_one_project_deploy_at_once(project: Project) -> None:
    project.script(scripts.WAITING)
    project.configure(runs={"tiny": scripts.run_of(project)})
    other = Project(project.folder, project.environment, stack="other")
    other.configure(
        runs={"tiny": {**scripts.run_of(project), "environment_variables": scripts.variables(project, "other")}}
    )
    started = [project.start("up"), other.start("up")]
    for running, name in zip(started, ("tiny", "other"), strict=True):
        running.wait_for("waiting")
        scripts.open_gate(project, name)
    assert [running.finish().code for running in started] == [0, 0]
    assert (scripts.starts(project, "tiny"), scripts.starts(project, "other")) == (1, 1)
    assert project.destroy().code == 0
    assert other.up("--expect-no-changes").is_empty
    assert other.destroy().code == 0


def test_a_second_image_leaves_the_first_as_it_is(project: Project) -> None:
    project.script(scripts.COUNTED + "import six\nprint('six', six.__version__)\n")

    def up(version: str, **more: object) -> str:
        (project.folder / "requirements.txt").write_text(f"six=={version}\n")
        project.configure(image={"requirements": "requirements.txt"}, runs={"tiny": scripts.run_of(project, **more)})
        result = project.up()
        assert result.code == 0, result.text
        return result.text

    assert "six 1.16.0" in up("1.16.0")
    assert "six 1.17.0" in up("1.17.0")
    assert scripts.starts(project) == 2
    up("1.16.0")
    assert scripts.starts(project) == 2, "what the first image trained is adopted"
    assert "six 1.16.0" in up("1.16.0", rerun="again")
