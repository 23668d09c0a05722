"""Planted secrets, hunted through a whole life of a stack on this machine: nowhere but where they are used."""

import subprocess

import pytest

from tests.engine import scripts
from tests.support.hunt import FAILING, SUCCEEDING, Hunt, is_allowed, plant, planted, set_secrets, trainup
from tests.support.project import Project

pytestmark = pytest.mark.engine


def test_planted_secrets_are_nowhere_but_where_they_are_used(project: Project) -> None:
    given = planted()
    hunt = Hunt(given)
    (project.folder / "temporary").mkdir()
    project.environment |= {"TMPDIR": str(project.folder / "temporary"), "PULUMI_ENABLE_LEGACY_DIFF": ""}
    plant(project, FAILING)
    project.configure(runs={"tiny": scripts.run_of(project, secrets=list(given), on_delete="delete")})
    told = []
    with hunt.watching(is_allowed):
        set_secrets(project, given)
        told.append(project.preview().text)
        failed = project.up("--show-config", "--diff")
        assert failed.code != 0
        assert "ValueError: ***" in failed.text
        told += [failed.text, *failed.said, trainup(project, "logs", "tiny"), trainup(project, "output")]
        assert hunt.files(project.folder) == []
        told += [project.refresh().text, str(project.state()), project.pulumi("config"), project.pulumi("stack")]
        plant(project, SUCCEEDING)
        done = project.up("--show-config", "--diff")
        assert done.code == 0, done.text
        assert "TOKEN as it is ***" in done.text
        told += [done.text, *done.said, trainup(project, "logs", "tiny"), trainup(project, "runs")]
        told += [str(project.state()), trainup(project, "output"), project.pulumi("stack", "output", "--json")]
        told += [project.refresh("--diff").text, project.pulumi("stack", "history", "--json")]
        assert hunt.files(project.folder) == []
        destroyed = project.destroy()
        assert destroyed.code == 0, destroyed.text
        told.append(destroyed.text)
    assert hunt.texts(told) == []
    assert hunt.files(project.folder) == []
    assert hunt.processes == set()


def test_a_secret_inside_of_a_section_is_refused_before_anything_of_it_is_kept(project: Project) -> None:
    given = planted()
    hunt = Hunt(given)
    project.script("print(1)\n")
    project.configure(runs={"tiny": scripts.run_of(project)})
    for path, name in (("environment_variables.TOKEN", "TOKEN"), ("tags.a", "DB_PASSWORD"), ("arguments[0]", "KEY")):
        command = ["pulumi", "config", "set", "--secret", "--path", f"trainup:runs.tiny.{path}"]
        subprocess.run(command, cwd=project.folder, env=project.environment, input=given[name], text=True, check=True)
    told = [project.preview().text, project.up("--skip-preview", "--show-config").text]
    for text in told:
        assert "trainup:runs.tiny.environment_variables.TOKEN and " in text
        assert "`pulumi config set --secret trainup:NAME`" in text
    assert hunt.texts(told) == []
    assert hunt.files(project.folder) == []
    assert project.records() == []
