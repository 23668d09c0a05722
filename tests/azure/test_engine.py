"""The stand-in under the real engine."""

import json

import pytest

from tests.azure.programs import TRAINING
from tests.support import contract
from tests.support.azure import Cloud
from tests.support.project import Project

pytestmark = pytest.mark.engine


@pytest.fixture
def project(running: Cloud) -> Project:
    made = running.project(TRAINING)
    made.configure()
    return made


def edited(project: Project, **edit: object) -> Project:
    """The same program with other settings."""
    project.environment["EDIT"] = json.dumps(edit)
    return project


def test_a_deployment_is_complete_unchanged_the_second_time_and_leaves_nothing(
    running: Cloud, project: Project
) -> None:
    up = project.up()
    assert up.code == 0, up.text
    assert running.names("Microsoft.MachineLearningServices/workspaces/computes") == ["gpu-cluster"]
    for again in (project.up("--expect-no-changes"), project.preview("--expect-no-changes")):
        assert again.code == 0, again.text
    refresh = project.refresh("--expect-no-changes")
    assert refresh.code == 0, refresh.text
    state = project.pulumi("stack", "export") + up.text + project.pulumi("stack", "output", "--json")
    assert "planted-password-7f3a" not in state
    assert all("planted-password-7f3a" not in body.read_text() for body in running.bodies.iterdir())
    destroy = project.destroy()
    assert destroy.code == 0, destroy.text
    assert running.azure.empty
    contract.judge(running.bodies)
