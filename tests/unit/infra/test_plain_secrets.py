"""Tokens and passwords in the stack's configuration are told before anything is made, and never shown."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pytest

from trainup.infra import settings, stack_config
from trainup.infra.stack_config import StackConfig

GITHUB = "gh" + "p_" + "aB3" * 12
RUN = {"source": "code", "script": "main.py"}
IMAGE = {"builder": "prebuilt", "reference": "ghcr.io/team/fastai:1"}
PROVIDERS = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/g/providers"
STORAGE = f"{PROVIDERS}/Microsoft.Storage/storageAccounts/pets"

LOCAL: list[tuple[str, Any, str]] = [
    ("runs", {"r": {**RUN, "environment_variables": {"A": GITHUB}}}, "runs.r.environment_variables.A"),
    ("runs", {"r": {**RUN, "arguments": ["--password", "hunter2"]}}, "runs.r.arguments[1]"),
    ("runs", {"r": {**RUN, "arguments": f"--token {GITHUB}"}}, "runs.r.arguments"),
    ("runs", {"r": {**RUN, "secrets": [GITHUB]}}, "runs.r.secrets[0]"),
    ("runs", {"r": {**RUN, "retries": GITHUB}}, "runs.r.retries"),
    ("runs", {"r": {**RUN, "after": [GITHUB]}}, "runs.r.after[0]"),
    ("runs", {"r": {**RUN, "inputs": {"x": {"uri": "https://me:hunter2@x", "version": "1"}}}}, "runs.r.inputs.x.uri"),
    ("workspace", {"tracking": "https://me:hunter2@mlflow.example"}, "workspace.tracking"),
    ("data", {"d": {"path": GITHUB}}, "data.d.path"),
]
AZURE: list[tuple[str, Any, str]] = [
    *(case for case in LOCAL if case[0] == "runs"),
    ("tags", {"owner": GITHUB}, "tags.owner"),
    ("image", {"dockerfile_text": "FROM x\nENV DB_PASSWORD=hunter2"}, "image.dockerfile_text"),
    ("image", {**IMAGE, "user_managed_dependencies": False, "pip": ["-i https://me:hunter2@x/simple"]}, "image.pip[0]"),
    ("image", {"arguments": {"API_TOKEN": GITHUB}}, "image.arguments.API_TOKEN"),
    ("data", {"pets": {"storage": STORAGE, "container": "c", "path": f"x?token={GITHUB}"}}, "data.pets.path"),
]

Told = Callable[..., str]


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Told:
    """What is said about a stack; nothing where all is well."""

    def load(target: str, **sections: Any) -> str:
        given = {"trainup:target": target, **{f"trainup:{key}": json.dumps(value) for key, value in sections.items()}}
        if target == "azure":
            given = {"trainup:image": json.dumps(IMAGE), "azure-native:location": "westeurope", **given}
        monkeypatch.setattr(pulumi, "get_stack", lambda: "test")
        monkeypatch.setattr(pulumi, "get_project", lambda: "trainup")
        monkeypatch.setattr(stack_config, "get_root_directory", lambda: str(tmp_path))
        monkeypatch.setattr(stack_config, "get_config_env", dict)
        monkeypatch.setattr(stack_config, "CONFIG", type("Config", (), {"get": staticmethod(lambda: given)}))
        monkeypatch.setattr(stack_config, "is_config_secret", lambda name: False)
        try:
            settings.load(StackConfig.read())
        except pulumi.RunError as error:
            return str(error)
        return ""

    return load


@pytest.mark.parametrize(
    ("target", "key", "value", "place"), [*(("local", *case) for case in LOCAL), *(("azure", *case) for case in AZURE)]
)
def test_a_likely_secret_is_told_with_the_way_out_and_not_shown(
    told: Told, target: str, key: str, value: Any, place: str
) -> None:
    text = told(target, **{key: value})
    assert f"trainup:{place}: it looks like a secret (" in text
    assert "if it is none, add " in text
    assert not any(part in text for part in ("hunter2", GITHUB, "aB3"))


@pytest.mark.parametrize("target", ["local", "azure"])
def test_what_is_none_is_allowed_where_the_message_says(told: Told, target: str) -> None:
    run = {**RUN, "environment_variables": {"A": GITHUB, "DB_PASSWORD": "hunter2"}, "tags": {"b": GITHUB}}
    text = told(target, runs={"r": run})
    assert 'add "environment_variables.A" to trainup:runs.r.allow_secrets' in text
    assert "has 3 problem(s)" in text
    assert told(target, runs={"r": {**run, "allow_secrets": ["environment_variables", "tags.b"]}}) == ""


def test_what_is_none_outside_of_runs_is_allowed_by_the_stack(told: Told) -> None:
    text = told("azure", tags={"owner": GITHUB}, image={**IMAGE, "environment": "x", "repository": GITHUB})
    assert 'add "tags.owner" to trainup:allow_secrets' in text
    assert 'add "repository" to trainup:image.allow_secrets' in text
    assert told("azure", tags={"owner": GITHUB}, allow_secrets=["tags"]) == ""


@pytest.mark.parametrize("line", ["ENV DB_PASSWORD=hunter2", "RUN pip install -i https://me:hunter2@x/simple y"])
def test_a_dockerfile_that_docker_builds_is_searched(told: Told, tmp_path: Path, line: str) -> None:
    (tmp_path / "image").mkdir()
    file = tmp_path / "image" / "Dockerfile"
    file.write_text(f"FROM scratch\n{line}\n")
    image = {"builder": "docker", "context": "image"}
    text = told("azure", image=image)
    assert "trainup:image: image/Dockerfile:2 looks like a secret (" in text
    assert "hunter2" not in text
    assert told("azure", image={**image, "allow_secrets": ["image/Dockerfile:2"]}) == ""
    file.write_text(f"FROM scratch\n{line} # pragma: allowlist secret\n")
    assert told("azure", image=image) == ""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_conda_file_of_any_encoding_is_searched(told: Told, tmp_path: Path, encoding: str) -> None:
    lines = ["dependencies:", "- pip:", "  - --extra-index-url https://me:hunter2@pypi.example/simple", "  - numpy"]
    (tmp_path / "conda.yml").write_text("\n".join(lines), encoding=encoding)
    image = {**IMAGE, "user_managed_dependencies": False, "conda": "conda.yml"}
    text = told("azure", image=image)
    assert "trainup:image: conda.yml:3 looks like a secret (a password in an address)" in text
    assert "hunter2" not in text


@pytest.mark.parametrize("stack", ["local", "dev", "prod"])
def test_the_stacks_of_this_repository_have_none(told: Told, stack: str) -> None:
    import yaml

    from trainup.infra.plain_secrets import likely_secrets

    path = Path(__file__).parents[3] / f"Pulumi.{stack}.yaml"
    config = yaml.safe_load(path.read_text())["config"]
    assert likely_secrets({key.removeprefix("trainup:"): value for key, value in config.items()}) == {}
