"""`pulumi config set --secret --path`: a secret inside of a section would be stored in clear, so it is refused."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml

from trainup.infra import settings, stack_config
from trainup.infra.stack_config import StackConfig

PLANTED = "pl4nted s3cret"
RUN = {"source": "code", "script": "main.py"}
IMAGE = {"builder": "prebuilt", "reference": "ghcr.io/team/fastai:1"}
LOCAL: list[tuple[str, Any]] = [
    ("runs", {"r": {**RUN, "environment_variables": {"TOKEN": PLANTED}}}),
    ("runs", {"r": {**RUN, "arguments": ["--token", PLANTED]}}),
    ("runs", {"r": {**RUN, "tags": {"a": PLANTED}}}),
    ("runs", {"r": {**RUN, "description": PLANTED}}),
    ("runs", {"r": {**RUN, "inputs": {"x": {"uri": PLANTED, "version": "1"}}}}),
    ("runs", {"r": {**RUN, "after": [PLANTED]}}),  # which would be repeated as the name of no run
    ("runs", {"r": {**RUN, "retries": PLANTED}}),
    ("data", {"d": {"path": PLANTED}}),
    ("image", {"requirements": PLANTED}),
    ("cluster", {"max_nodes": PLANTED}),
    ("workspace", {"tracking": f"https://me:{PLANTED}@mlflow.example"}),
    ("workspace", PLANTED),
]
AZURE: list[tuple[str, Any]] = [
    *((key, value) for key, value in LOCAL if key == "runs"),
    ("tags", {"owner": PLANTED}),
    ("image", {**IMAGE, "reference": PLANTED}),
    ("image", {"dockerfile_text": f"ENV A={PLANTED}"}),
    ("registry", {"server": "ghcr.io", "username": PLANTED}),
    ("registry", {"server": "ghcr.io", "username": "me", "password": PLANTED}),
    ("workspace", {"name": PLANTED}),
    ("cluster", {"ssh_user": "me", "ssh_public_key": PLANTED}),
    ("data", {"pets": {"storage": PLANTED, "container": "c"}}),
    ("access", {"users": [PLANTED]}),
    ("discard", [PLANTED]),
]

Refused = Callable[..., str]


@pytest.fixture
def refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Refused:
    """What a stack with one secret section is told."""

    def refuse(target: str, key: str, value: Any, **more: Any) -> str:
        given = {"trainup:target": target, f"trainup:{key}": json.dumps(value), **more}
        if target == "azure":
            given = {"trainup:image": json.dumps(IMAGE), "azure-native:location": "westeurope", **given}
        monkeypatch.setattr(pulumi, "get_stack", lambda: "test")
        monkeypatch.setattr(pulumi, "get_project", lambda: "trainup")
        monkeypatch.setattr(stack_config, "get_root_directory", lambda: str(tmp_path))
        monkeypatch.setattr(stack_config, "get_config_env", dict)
        monkeypatch.setattr(stack_config, "CONFIG", type("Config", (), {"get": staticmethod(lambda: given)}))
        monkeypatch.setattr(stack_config, "is_config_secret", lambda name: name == f"trainup:{key}")
        with pytest.raises(pulumi.RunError) as caught:
            settings.load(StackConfig.read())
        return str(caught.value)

    return refuse


@pytest.mark.parametrize(
    ("target", "key", "value"), [*(("local", *case) for case in LOCAL), *(("azure", *case) for case in AZURE)]
)
def test_a_secret_in_a_section_is_refused_and_never_shown(refused: Refused, target: str, key: str, value: Any) -> None:
    told = refused(target, key, value)
    assert f"trainup:{key}: a value in it is set as a secret" in told
    assert "`pulumi config set --secret trainup:NAME`" in told
    assert not any(part in told for part in (PLANTED, "pl4nted"))


def test_the_refusal_names_where_the_stack_file_has_secrets(refused: Refused, tmp_path: Path) -> None:
    hidden = {"secure": "v1:abc:def"}
    run = {
        **RUN,
        "environment_variables": {"TOKEN": hidden, "A": "b"},
        "arguments": ["--token", hidden],
        "tags": {"a.b": hidden},
    }
    (tmp_path / "Pulumi.test.yaml").write_text(yaml.safe_dump({"config": {"trainup:runs": {"r": run}}}))
    told = refused("local", "runs", {"r": RUN})
    assert "trainup:runs.r.environment_variables.TOKEN" in told
    assert "pulumi config rm --path 'trainup:runs.r.arguments[1]'" in told
    assert 'trainup:runs.r.tags["a.b"]' in told


@pytest.mark.parametrize("text", ["", "[", "config:", "config: 5", "config: {trainup:runs: {}}", "\0"])
def test_a_stack_file_that_tells_nothing_changes_nothing(refused: Refused, tmp_path: Path, text: str) -> None:
    (tmp_path / "Pulumi.test.yaml").write_text(text)
    assert "trainup:runs: a value in it is set as a secret" in refused("local", "runs", {"r": RUN})


def test_what_such_a_section_asks_for_is_no_unknown_key(refused: Refused) -> None:
    told = refused("local", "runs", {"r": {**RUN, "secrets": ["TOKEN"]}}, **{"trainup:TOKEN": "x"})
    assert "there is no such key" not in told


def test_a_secret_for_azure_native_is_not_shown_where_it_is_wrong(
    refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {"azure-native:subscriptionId": PLANTED, "azure-native:location": PLANTED}
    hidden = {"trainup:tags", *given}
    with monkeypatch.context() as patch:
        patch.setattr(stack_config, "is_config_secret", lambda name: name in hidden)
        patch.setattr(pulumi, "get_stack", lambda: "test")
        patch.setattr(pulumi, "get_project", lambda: "trainup")
        patch.setattr(stack_config, "get_config_env", dict)
        texts = {"trainup:target": "azure", "trainup:image": json.dumps(IMAGE), **given}
        patch.setattr(stack_config, "CONFIG", type("Config", (), {"get": staticmethod(lambda: texts)}))
        with pytest.raises(pulumi.RunError) as caught:
            settings.load(StackConfig.read())
    assert "azure-native:subscriptionId: its value is invalid" in str(caught.value)
    assert "pl4nted" not in str(caught.value)
