"""What a user may get wrong: told in a preview, clearly, before anything is built, sent or lost."""

from collections.abc import Callable

import pytest

from tests.engine import scripts
from tests.support.project import Project

pytestmark = pytest.mark.engine


def unknown_key(project: Project) -> None:
    project.configure(runs={}, clutser={"max_nodes": 2})


def wrong_type(project: Project) -> None:
    project.configure(cluster={"max_nodes": "many"})


def missing_script(project: Project) -> None:
    project.configure(runs={"tiny": {"source": "code", "script": "trian.py"}})


def empty_snapshot(project: Project) -> None:
    (project.folder / "nothing").mkdir()
    project.configure(runs={"tiny": {"source": "nothing", "command": ["true"]}})


def too_large_snapshot(project: Project) -> None:
    project.script("")
    with (project.folder / "code" / "weights.bin").open("wb") as file:
        file.truncate(301 * 1024 * 1024)
    project.configure(runs={"tiny": {"source": "code", "script": "main.py"}})


def link_out_of_the_tree(project: Project) -> None:
    (project.folder / "code" / "elsewhere").symlink_to("/etc/hostname")
    project.configure(runs={"tiny": {"source": "code", "script": "main.py"}})


def zero_nodes(project: Project) -> None:
    project.configure(runs={"tiny": {"source": "code", "script": "main.py", "nodes": 0}})


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (unknown_key, ["Pulumi.test.yaml", "trainup:clutser", "there is no such key", "cluster"]),
        (wrong_type, ["Pulumi.test.yaml", "trainup:cluster.max_nodes", "integer", "'many' was given"]),
        (missing_script, ["code/trian.py does not exist", "script"]),
        (empty_snapshot, ["nothing", "no file"]),
        (too_large_snapshot, ["301", "300.0 MB", "weights.bin", ".gitignore"]),
        (link_out_of_the_tree, ["elsewhere", "/etc/hostname"]),
        (zero_nodes, ["trainup:runs.tiny.nodes", "greater than or equal to 1", "0 was given"]),
    ],
)
def test_a_mistake_is_told_in_the_preview(project: Project, make: Callable[[Project], None], told: list[str]) -> None:
    project.script(scripts.COUNTED)
    make(project)
    refused = project.preview()
    assert refused.code != 0
    assert [word for word in told if word not in refused.text] == [], refused.text
    assert "Traceback" not in refused.text


def test_a_mistake_in_an_edit_loses_nothing(project: Project) -> None:
    project.script(scripts.WITH_METRICS)
    run = scripts.run_of(project, arguments=["0.5"])
    project.configure(runs={"tiny": run})
    assert project.up().code == 0
    link = project.folder / "code" / "elsewhere"
    link.symlink_to("/etc/hostname")
    assert project.up().code != 0
    link.unlink()
    assert project.up("--expect-no-changes").is_empty
    assert scripts.starts(project) == 1


def test_requirements_that_do_not_resolve_come_with_the_resolvers_own_message(project: Project) -> None:
    project.script(scripts.COUNTED)
    (project.folder / "requirements.txt").write_text("hypothesis==6.140.0\nhypothesis==6.139.0\n")
    project.configure(image={"requirements": "requirements.txt"}, runs={"tiny": scripts.run_of(project)})
    refused = project.up()
    assert refused.code != 0
    assert "hypothesis==6.140.0" in refused.text
    assert "unsatisfiable" in refused.text
    assert "requirements.txt" in refused.text
    assert "Traceback" not in refused.text
    assert scripts.starts(project) == 0

    (project.folder / "requirements.txt").write_text("")
    assert project.up().code == 0
    assert scripts.starts(project) == 1
