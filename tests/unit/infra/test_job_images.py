"""Images that job files build from a folder of their own."""

from pathlib import Path

import pytest

from trainup.core.images import ImageBuilder
from trainup.infra.job_images import JobImage, job_images, misfits_of, problems_of
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
    problems = problems_of(runs, job_images(runs, tmp_path), ImageBuilder.PREBUILT)
    assert [problem.partition(":")[2].partition(":")[0] for problem in problems] == [
        "runs.run-a.job",
        "runs.run-b.job",
        "runs.run-c.job",
    ]
    assert "builds its image from envs/one, and this stack builds none" in problems[0]
    assert problems_of(runs, job_images(runs, tmp_path), ImageBuilder.ACR) == []


def test_gpus_that_such_an_image_has_no_code_for_are_a_problem_of_the_run(
    runs: dict[str, RunSettings], tmp_path: Path
) -> None:
    (tmp_path / "envs" / "two" / "Dockerfile").write_text("FROM nvidia/cuda:11.7.1-runtime-ubuntu22.04\n")
    (problem,) = misfits_of(runs, job_images(runs, tmp_path), tmp_path, "Standard_ND96isr_H100_v5")
    assert problem.startswith("trainup:runs.run-c.job: its base nvidia/cuda:11.7.1")
    assert misfits_of(runs, job_images(runs, tmp_path), tmp_path, "Standard_NC4as_T4_v3") == []
