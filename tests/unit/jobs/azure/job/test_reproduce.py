"""The command that runs a job by hand, as a shell hands it to Docker."""

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path, PurePath
from typing import Any

import pytest

from tests.unit.jobs.azure.job.test_body import WORKSPACE, job_of
from trainup.jobs.azure.job.reproduce import reproduce

ENVIRONMENT = f"{WORKSPACE}/environments/fastai2/versions/3"
GIVEN = {"image": "ghcr.io/a/b:1", "size": "cpu-small"}


def docker(folder: Path, text: str) -> list[str]:
    """What a program called docker is given."""
    program = folder / "docker"
    program.write_text(f"#!{sys.executable}\nimport json, sys\nprint(json.dumps(sys.argv[1:]))\n")
    program.chmod(0o755)
    environment = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", "PWD": "/here"}
    done = subprocess.run(["bash", "-c", f"cd {folder}; {text}"], env=environment, capture_output=True, check=True)
    return [word.replace(str(folder), "/here") for word in json.loads(done.stdout)]


def after(words: list[str], option: str) -> list[str]:
    """The values of an option."""
    return [value for name, value in itertools.pairwise(words) if name == option]


def test_the_command_arrives_as_it_is_whatever_the_images_entry_point(tmp_path: Path) -> None:
    command = ["python", "train.py", "it's $HOME", "", "a\nb"]
    text = reproduce(job_of({**GIVEN, "command": command}), PurePath("my code"))
    words = docker(tmp_path, text)
    at = words.index("--entrypoint")
    assert words[at:] == ["--entrypoint", "python", "ghcr.io/a/b:1", *command[1:]]
    assert (after(words, "-v"), after(words, "-w")) == (["/here/my code:/code"], ["/code"])


def test_options_of_docker_are_repeated_by_hand(tmp_path: Path) -> None:
    words = docker(tmp_path, reproduce(job_of({**GIVEN, "docker_args": "--ulimit memlock=-1"}), None))
    assert after(words, "--ulimit") == ["memlock=-1"]


def test_the_text_of_a_job_file_is_one_word_for_bash(tmp_path: Path) -> None:
    file = {"job": "j.yml", "command": None, "definition": {"shell_command": "cd x && python 'a b.py' > log"}}
    words = docker(tmp_path, reproduce(job_of({**GIVEN, **file}), None))
    assert words[words.index("--entrypoint") :] == [
        "--entrypoint", "bash", "ghcr.io/a/b:1", "-c", "cd x && python 'a b.py' > log",
    ]  # fmt: skip


def test_inputs_are_what_the_command_gets_on_a_node(tmp_path: Path) -> None:
    inputs = {
        "epochs": {"value": "5"},
        "pets": {"uri": "azureml:pets:2", "digest": "2", "path": "train"},
        "index": {"uri": "https://a.example/b", "digest": "1", "mode": "direct"},
    }
    command = ["x", *(f"${{{{{kind}}}}}" for kind in ("inputs.epochs", "inputs.pets", "inputs.index", "outputs.model"))]
    text = reproduce(job_of({**GIVEN, "command": command, "inputs": inputs}), None)
    words = docker(tmp_path, text)
    assert words[-4:] == ["5", "/inputs/pets/train", "https://a.example/b", "/outputs/model"]
    assert after(words, "-v") == ["/here/inputs/pets:/inputs/pets:ro", "/here/outputs/model:/outputs/model"]
    assert text.startswith(": 'inputs/pets: what lies at azureml:pets:2'; docker run ")


@pytest.mark.parametrize(
    ("size", "has_gpu"),
    [("cpu-small", False), ("Standard_F4s_v2", False), ("gpu-small", True), ("Standard_NC4as_T4_v3", True)],
)
def test_only_what_ran_on_gpus_asks_for_them(tmp_path: Path, size: str, has_gpu: bool) -> None:
    words = docker(tmp_path, reproduce(job_of({**GIVEN, "size": size}), None))
    assert ("--gpus" in words) == has_gpu


@pytest.mark.parametrize(
    "image", [{"image": "azureml:fastai2:3"}, {"image": "fastai2@sha256:" + "0" * 64, "environment": ENVIRONMENT}]
)
def test_an_image_that_only_azure_ml_knows_is_told_as_such(tmp_path: Path, image: dict[str, Any]) -> None:
    text = reproduce(job_of({**GIVEN, **image}), None)
    assert docker(tmp_path, text)[-1] == "IMAGE"
    assert ": 'IMAGE: the one that the studio names for the environment " in text
    assert "fastai2" in text


def test_an_image_with_conda_packages_is_the_one_that_azure_ml_made(tmp_path: Path) -> None:
    definition = {"shell_command": "true", "image": "ghcr.io/a/b:1", "conda": "dependencies: [python]"}
    text = reproduce(job_of({**GIVEN, "job": "j.yml", "command": None, "definition": definition}), None)
    assert "IMAGE" in docker(tmp_path, text)
    assert "which Azure ML made of ghcr.io/a/b:1 and its Conda packages" in text


def test_secrets_come_from_the_shell(tmp_path: Path) -> None:
    given = {**GIVEN, "secrets": {"TOKEN": "planted-1f0c"}, "environment_variables": {"A": "b c"}}
    words = docker(tmp_path, reproduce(job_of(given), None))
    assert after(words, "-e") == ["A=b c", "TOKEN"]
    assert "planted" not in " ".join(words)
