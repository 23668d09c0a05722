"""A stack's settings from its files alone: the same that the engine hands to a program, and secrets stay closed."""

import json
import re
from pathlib import Path

import pytest

from trainup.core.errors import UserError
from trainup.infra import offline
from trainup.infra.azure_settings import AzureSettings
from trainup.infra.local_settings import LocalSettings


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "Pulumi.yaml").write_text("name: team\nruntime: python\n")
    (tmp_path / "code").mkdir()
    return tmp_path


def write(project: Path, text: str, stack: str = "local") -> None:
    (project / f"Pulumi.{stack}.yaml").write_text(text)


def arguments(project: Path, words: str) -> list[str]:
    write(project, f"config:\n  trainup:runs:\n    r: {{source: code, script: main.py, arguments: {words}}}\n")
    settings = offline.settings_of(project, "local")
    assert isinstance(settings, LocalSettings)
    return list(settings.runs["r"].model_dump(mode="json")["arguments"])


@pytest.mark.parametrize(
    ("words", "texts"),
    [
        ("[--rate, 0.1, --epochs, 5, --seed, -3]", ["--rate", "0.1", "--epochs", "5", "--seed", "-3"]),
        ("[on, yes, no, off, y, n]", ["on", "yes", "no", "off", "y", "n"]),
        ("[1:30, 190:20:30]", ["1:30", "190:20:30"]),
        ("--epochs 5", ["--epochs", "5"]),
    ],
)
def test_words_are_read_as_the_engine_reads_them(project: Path, words: str, texts: list[str]) -> None:
    assert arguments(project, words) == texts


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("config: {trainup:clutser: {}}", "trainup:clutser"),
        ("config: [", "Pulumi.local.yaml and the project's file cannot be read as Pulumi's"),
        (
            "config:\n  trainup:runs:\n    r: {source: code, script: main.py, arguments: [2026-01-02]}",
            "put in quotes what is meant",
        ),
        ("config:\n  trainup:runs:\n    r: {source: code, script: main.py, arguments: [true]}", "boolean"),
        ("config:\n  trainup:runs:\n    r: {source: code, script: main.py, arguments: [1.10]}", "turns into 1.1"),
        ("config:\n  trainup:runs:\n    r: {source: code, script: main.py, arguments: [1e-3]}", "turns into 0.001"),
        ("config:\n  trainup:runs:\n    r: {source: code, script: main.py, arguments: [0o17]}", "turns into 15"),
        ("config:\n  trainup:runs:\n    r: {source: code, script: main.py, secrets: [TOKEN]}", "it is not set"),
        ("config:\n  trainup:runs:\n    r: {environment_variables: {A: {secure: v1:x}}}", "is set as a secret"),
    ],
)
def test_what_is_wrong_is_told_as_in_a_preview(project: Path, text: str, told: str) -> None:
    write(project, text)
    with pytest.raises(UserError, match=re.escape(told)):
        offline.settings_of(project, "local")


def test_a_stack_file_that_is_not_there_is_told(project: Path) -> None:
    with pytest.raises(UserError, match=r"there is no Pulumi\.nowhere\.yaml"):
        offline.settings_of(project, "nowhere")


def test_secrets_are_there_and_stay_closed(project: Path) -> None:
    run = "trainup:runs: {r: {source: code, script: main.py, secrets: [TOKEN]}}"
    write(project, f"config:\n  {run}\n  trainup:TOKEN: {{secure: v1:sealed}}\n")
    config = offline.config_of(project, "local")
    assert config.values["trainup:TOKEN"] == offline.CLOSED
    assert config.is_secret("TOKEN")
    assert not config.is_secret("runs")
    assert offline.settings_of(project, "local").runs["r"].secrets == {"TOKEN": "TOKEN"}


def test_the_projects_own_values_are_defaults(project: Path) -> None:
    declared = "config:\n  target: {type: string, default: azure}\n  azure-native:location: westeurope\n"
    (project / "Pulumi.yaml").write_text(f"name: team\nruntime: python\n{declared}")
    (project / "Dockerfile").write_text("FROM scratch\n")
    write(project, "config:\n  image: {environment: mine}\n  team:protect: false\n", "dev")
    settings = offline.settings_of(project, "dev")
    assert isinstance(settings, AzureSettings)
    assert (settings.image.environment, settings.protect, settings.azure_native.location) == (
        "mine",
        False,
        "westeurope",
    )


def test_a_project_in_json_is_one(project: Path) -> None:
    (project / "Pulumi.yaml").unlink()
    (project / "Pulumi.json").write_text(json.dumps({"name": "team", "runtime": "python"}))
    (project / "Pulumi.local.json").write_text(json.dumps({"config": {"trainup:cluster": {"max_nodes": 3}}}))
    assert offline.settings_of(project, "local").node_limit == 3
