"""Files that are no command jobs, and job files as people write them."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from trainup.core.job_files import assets
from trainup.core.job_files.reading import read

SCHEMA = "https://azuremlschemas.azureedge.net/latest/{}.schema.json"
OTHERS: list[tuple[Any, str]] = [
    ({"$schema": SCHEMA.format("pipelineJob"), "type": "pipeline", "jobs": {}}, "a pipeline"),
    ({"jobs": {"one": {"type": "command", "command": "x"}}, "compute": "azureml:c"}, "a pipeline"),
    ({"$schema": SCHEMA.format("sparkJob"), "type": "spark", "entry": {}}, "a Spark job"),
    ({"$schema": SCHEMA.format("schedule"), "trigger": {}, "create_job": "file:job.yml", "name": "s"}, "a schedule"),
    ({"name": "s", "trigger": {"type": "cron"}, "create_job": {"type": "pipeline"}}, "a schedule"),
    ({"$schema": SCHEMA.format("commandComponent"), "type": "command", "command": "x", "version": 1}, "a component"),
    ({"type": "command", "command": "x", "is_deterministic": False}, "a component"),
    ({"$schema": SCHEMA.format("environment"), "name": "e", "image": "a"}, "an environment"),
    ({"name": "e", "build": {"path": "."}}, "an environment"),
    ({"$schema": SCHEMA.format("data"), "type": "uri_folder", "path": "x", "name": "d"}, "a data asset"),
    ({"type": "mltable", "name": "d", "path": "x"}, "a data asset"),
    ({"type": "mlflow_model", "name": "m", "path": "x"}, "a model"),
    ({"$schema": SCHEMA.format("amlCompute"), "name": "c", "size": "s"}, "a compute"),
    ({"name": "c", "type": "amlcompute", "min_instances": 0}, "a compute"),
    ({"$schema": SCHEMA.format("managedOnlineEndpoint"), "name": "e", "auth_mode": "key"}, "an endpoint"),
    ({"$schema": SCHEMA.format("managedOnlineDeployment"), "name": "d", "endpoint_name": "e"}, "a deployment"),
    ({"$schema": SCHEMA.format("pipelineComponentBatchDeployment"), "name": "d"}, "a deployment"),
    ({"$schema": SCHEMA.format("azureBlob"), "type": "azure_blob", "name": "d"}, "a datastore"),
    ({"$schema": SCHEMA.format("workspace"), "name": "w", "location": "l"}, "a workspace"),
    ({"type": "git", "target": "https://a", "name": "c"}, "a connection"),
    ({"name": "c", "channels": ["conda-forge"], "dependencies": ["python=3.11"]}, "a Conda file"),
    ("on: push\njobs: {a: {runs-on: ubuntu}}\n", "a workflow of GitHub Actions"),
    ({"name": "p", "runtime": "python"}, "a Pulumi project"),
    ({"a": 1, "b": 2}, "no job file"),
]


def definition_of(folder: Path, content: Any) -> tuple[dict[str, Any], list[str]]:
    (folder / "jobs").mkdir(exist_ok=True)
    (folder / "jobs" / "pets.yml").write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return read(folder, "jobs/pets.yml")


@pytest.mark.parametrize(("content", "kind"), OTHERS, ids=[f"{kind}-{n}" for n, (_, kind) in enumerate(OTHERS)])
def test_what_is_no_command_job_is_told_in_one_line(tmp_path: Path, content: Any, kind: str) -> None:
    _, problems = definition_of(tmp_path, content)
    assert len(problems) == 1
    assert problems[0].startswith(f"jobs/pets.yml is {kind}, and trainup runs command jobs")


CONDA = {"channels": ["conda-forge"], "dependencies": ["python=3.11", {"pip": ["torch==2.9"]}]}
CONDA_TEXT = yaml.safe_dump(CONDA, sort_keys=False)
BUILD = {"build": {"context": "envs/one", "dockerfile": "envs/one/Dockerfile"}}
SHARED = "azureml://registries/r/environments/a/labels/latest"
LABEL = {"uri": "azureml:d@latest", "digest": "azureml:d@latest"}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"environment": "azureml:a@latest"}, {"image": "azureml:a@latest"}),
        ({"environment": "a@latest"}, {"image": "azureml:a@latest"}),
        ({"environment": "azureml:a/labels/latest"}, {"image": "azureml:a/labels/latest"}),
        ({"environment": SHARED}, {"image": SHARED}),
        ({"environment": {"image": "python:3.11", "name": "e", "tags": {"a": "b"}}}, {"image": "python:3.11"}),
        ({"environment": "file:../envs/one/env.yml"}, BUILD),
        ({"environment": {"build": {"path": "../envs/one"}}}, BUILD),
        (
            {"environment": {"build": {"path": "../envs", "dockerfile_path": "one/Dockerfile"}}},
            {"build": {"context": "envs", "dockerfile": "envs/one/Dockerfile"}},
        ),
        ({"environment": {"image": "a", "conda_file": CONDA}}, {"image": "a", "conda": CONDA_TEXT}),
        ({"environment": {"image": "a", "conda_file": "../envs/conda.yml"}}, {"image": "a", "conda": CONDA_TEXT}),
        ({"inputs": {"d": {"path": "azureml:d@latest"}}}, {"inputs": {"d": LABEL}}),
        (
            {"inputs": {"d": {"path": "../data", "mode": "download"}}},
            {"inputs": {"d": {"uri": "data", "mode": "download"}}},
        ),
        (
            {"inputs": {"d": {"type": "uri_file", "path": "file:./a.csv"}}},
            {"inputs": {"d": {"uri": "jobs/a.csv", "type": "uri_file"}}},
        ),
        (
            {"services": {"dir": {"type": "tensor_board", "log_dir": "outputs/tb", "nodes": "all"}}},
            {"services": {"dir": {"type": "tensor_board", "nodes": "all", "properties": {"logDir": "outputs/tb"}}}},
        ),
        (
            {"services": {"code": {"type": "vs_code", "port": 80}}},
            {"services": {"code": {"type": "vs_code", "port": 80}}},
        ),
    ],
)
def test_files_are_taken_as_people_write_them(tmp_path: Path, content: Any, expected: dict[str, Any]) -> None:
    one = tmp_path / "envs" / "one"
    one.mkdir(parents=True)
    (one / "Dockerfile").write_text("FROM python:3.11\n")
    (one / "env.yml").write_text("$schema: a/environment.schema.json\nname: e\nbuild: {path: .}\n")
    (tmp_path / "envs" / "conda.yml").write_text(f"# a comment\n{CONDA_TEXT}")
    definition, problems = definition_of(tmp_path, {"command": "x", **content})
    assert problems == []
    assert definition == {"shell_command": "x", **expected}


WHOLE = (
    "azureml:/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/environments/a"
)


@pytest.mark.parametrize(
    ("text", "at_seven"),
    [
        ("azureml:a@latest", "azureml:a:7"),
        ("azureml:a/labels/latest", "azureml:a:7"),
        (SHARED, "azureml://registries/r/environments/a/versions/7"),
        ("azureml://registries/r/data/a@latest", "azureml://registries/r/data/a/versions/7"),
        (f"{WHOLE}/labels/latest", f"{WHOLE}/versions/7"),
    ],
)
def test_a_label_becomes_the_name_of_a_version(text: str, at_seven: str) -> None:
    label = assets.label_of(text)
    assert label is not None
    assert (label.name, label.label, label.at("7")) == ("a", "latest", at_seven)


@pytest.mark.parametrize(
    "text", ["azureml:a:7", "python:3.11", "azureml://datastores/a/paths/b@c", "a@sha256:" + "0" * 64]
)
def test_what_has_no_label_is_left_as_it_is(text: str) -> None:
    assert assets.label_of(text) is None
