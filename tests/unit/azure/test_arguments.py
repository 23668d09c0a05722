"""What components say of arguments that they do not know, or that are missing."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pytest

from tests.support.recording import GROUP, record
from trainup.components.azure.cluster import GpuCluster
from trainup.components.azure.data import DataAsset
from trainup.components.azure.image import CustomImage
from trainup.components.local.cluster import LocalCluster
from trainup.components.run import TrainingRun, TrainingRunArgs

REPOSITORY = Path(__file__).parents[3]
PLACE = {"workspace_name": "ws", "resource_group_name": "team"}
DATA = {**PLACE, "storage_id": f"{GROUP}/providers/Microsoft.Storage/storageAccounts/pets", "container": "pets"}
CLUSTER = {**PLACE, "location": "westeurope", "identity_id": "id"}


def said(make: Callable[[], object]) -> str:
    """The message with which a program ends that makes this."""
    with pytest.raises(pulumi.RunError) as error:
        record(lambda: make() and None, "dev", root=REPOSITORY)
    return str(error.value)


@pytest.mark.parametrize(
    ("component", "args", "sentence"),
    [
        (GpuCluster, {**CLUSTER, "max_node": 2}, "max_node: there is no such argument"),
        (GpuCluster, {**CLUSTER, "subnet": "id"}, "did you mean subnet_id?"),
        (GpuCluster, {**CLUSTER, "location": None}, "location is missing"),
        (GpuCluster, {**CLUSTER, "ssh_user": "me"}, "ssh_public_key is missing, and logging in takes both"),
        (CustomImage, PLACE, "registry_id is missing, and the builder `acr` puts the image there"),
        (CustomImage, {**PLACE, "builder": "docker"}, "login_server is missing, and the builder `docker` pushes"),
        (CustomImage, {**PLACE, "builder": "prebuilt"}, "reference is missing, and the builder `prebuilt` takes"),
        (LocalCluster, {"workspace_id": "ws", "max-nodes": 2}, "did you mean max_nodes?"),
        (TrainingRun, {"target": "local", "workspace_id": "ws", "argument": []}, "did you mean arguments?"),
        (GpuCluster, {**CLUSTER, "size": ""}, "size is empty: leave it out or give it a value"),
        (DataAsset, {**DATA, "version": " "}, "version is empty"),
        (LocalCluster, {"workspace_id": "ws", "cluster_name": ""}, "cluster_name is empty"),
        (TrainingRun, {"target": "local", "workspace_id": "ws", "script": ""}, "script is empty"),
    ],
)
def test_a_component_says_what_is_wrong_with_its_arguments(component: Any, args: dict[str, Any], sentence: str) -> None:
    message = said(lambda: component("mine", args))
    assert message.startswith(f"{component.__name__} mine: ")
    assert sentence in message


def test_all_that_is_wrong_is_said_at_once() -> None:
    message = said(lambda: GpuCluster("mine", {**PLACE, "max_node": 2}))  # type: ignore[typeddict-item, typeddict-unknown-key]
    assert [line.split(": ", 1)[1].split(":")[0] for line in message.splitlines()] == [
        "identity_id is missing",
        "location is missing",
        "max_node",
    ]


def test_an_optional_argument_that_is_none_was_not_given() -> None:
    found = record(
        lambda: GpuCluster("mine", {**CLUSTER, "size": None, "max_nodes": None}) and None,  # type: ignore[typeddict-item]
        "dev",
        root=REPOSITORY,
    )
    plain = record(lambda: GpuCluster("mine", CLUSTER) and None, "dev", root=REPOSITORY)  # type: ignore[typeddict-item]
    assert [one.inputs for one in found] == [one.inputs for one in plain]


def test_a_text_for_people_to_read_may_be_empty() -> None:
    args: TrainingRunArgs = {"target": "local", "workspace_id": "ws", "command": ["true"], "description": ""}
    (run,) = [
        one
        for one in record(lambda: TrainingRun("mine", args) and None, "dev", root=REPOSITORY)
        if one.type == "trainup:index:Run"
    ]
    assert run.inputs["description"] == ""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "key", "misspelt"),
    [("azure.py", "max_nodes", "max_node"), ("azure.py", "subnet_id", "subnet"), ("edges.py", "cluster_id", "cluster")],
)
def test_type_checkers_find_a_misspelt_argument_in_the_program(
    tmp_path: Path, file: str, key: str, misspelt: str
) -> None:
    text = (REPOSITORY / "infra" / file).read_text()
    assert f'"{key}":' in text
    (tmp_path / "program.py").write_text(text.replace(f'"{key}":', f'"{misspelt}":', 1))
    command = [sys.executable, "-m", "mypy", "--config-file", REPOSITORY / "pyproject.toml", tmp_path / "program.py"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert f'"{misspelt}"' in done.stdout
    assert "program.py" in done.stdout
