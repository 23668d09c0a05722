"""Images that job files build from a folder of their own."""

from pathlib import Path

import pytest

from trainup.core.images import ImageBuilder
from trainup.infra.job_images import JobImage, job_images, problems_of
from trainup.infra.run_settings import RunSettings


@pytest.fixture
def runs(tmp_path: Path) -> dict[str, RunSettings]:
    for folder in ("envs/one", "envs/two"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "Dockerfile").write_text("FROM scratch\n")
    files = {"a.yml": "envs/one", "b.yml": "./envs/one", "c.yml": "envs/two"}
    for name, folder in files.items():
        (tmp_path / name).write_text(f"command: x\nenvironment: {{build: {{path: {folder}}}}}\n")
    (tmp_path / "d.yml").write_text("command: x\nenvironment: azureml:own:1\n")
    (tmp_path / "e.yml").write_text("command: x\nenvironment: {build: {path: none}}\n")
    settings = {f"run-{name}": RunSettings.model_validate({"job": f"{name}.yml"}) for name in "abcde"}
    return settings | {"script": RunSettings.model_validate({"source": "s", "script": "t.py"})}


def test_files_that_build_the_same_share_an_image(runs: dict[str, RunSettings], tmp_path: Path) -> None:
    one = JobImage("envs/one", "envs/one/Dockerfile")
    two = JobImage("envs/two", "envs/two/Dockerfile")
    assert job_images(runs, tmp_path) == {"a.yml": one, "b.yml": one, "c.yml": two}
    assert one.name.startswith("envs-one-")
    assert one.name != two.name


def test_a_stack_that_builds_no_image_says_so_for_each_run(runs: dict[str, RunSettings], tmp_path: Path) -> None:
    problems = problems_of(runs, tmp_path, ImageBuilder.PREBUILT)
    assert [problem.partition(":")[2].partition(":")[0] for problem in problems] == [
        "runs.run-a.job",
        "runs.run-b.job",
        "runs.run-c.job",
    ]
    assert "builds its image from envs/one, and this stack builds none" in problems[0]
    assert problems_of(runs, tmp_path, ImageBuilder.ACR) == []
