"""A workspace does not lie in what a run is made of."""

from pathlib import Path

import pytest

from trainup.infra.workspace_folder import problems_of


@pytest.mark.parametrize(
    ("workspace", "source"),
    [("code/records", "code"), ("./code/../code/x", "code/"), ("records", "."), ("code", "code"), ("link/x", "code")],
)
def test_one_inside_of_a_source_is_a_problem(tmp_path: Path, workspace: str, source: str) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "link").symlink_to("code")
    (problem,) = problems_of(workspace, {"tiny": source}, {}, tmp_path)
    assert problem.startswith("trainup:runs.tiny.source: ")


@pytest.mark.parametrize("source", [".", "code"])
def test_the_default_one_and_one_beside_the_source_are_none(tmp_path: Path, source: str) -> None:
    assert problems_of(".trainup/local", {"tiny": source}, {}, tmp_path) == []
    assert problems_of("code-records", {"tiny": "code"}, {"some": "data"}, tmp_path) == []


def test_data_that_holds_even_the_default_one_is_a_problem(tmp_path: Path) -> None:
    (problem,) = problems_of(".trainup/local", {}, {"some": "."}, tmp_path)
    assert problem.startswith("trainup:data.some.path: '.' was given, and the workspace .trainup/local lies in it")
