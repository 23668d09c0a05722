"""Whatever is set for a stack on Azure, it is settings or one message: no exception but `pulumi.RunError`."""

import json
from collections.abc import Iterator
from typing import Any

import pulumi
import pytest
from pulumi.runtime.config import set_all_config

from tests.support.declared import REPOSITORY, given
from trainup.infra import azure_sections, settings, stack_config
from trainup.infra.azure_image_settings import AzureImageSettings
from trainup.infra.azure_settings import AzureSettings
from trainup.infra.run_settings import RunSettings
from trainup.infra.sections import Section
from trainup.infra.stack_config import StackConfig

pytestmark = pytest.mark.slow

PROVIDERS = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/g/providers"
ML = f"{PROVIDERS}/Microsoft.MachineLearningServices/workspaces/ws"
STORAGE = f"{PROVIDERS}/Microsoft.Storage/storageAccounts/pets"
FOUND: dict[str, Any] = {"builder": "prebuilt", "reference": "ghcr.io/team/fastai:1"}
SCRIPT: dict[str, Any] = {"source": "training", "script": "train.py"}

VALUES: list[Any] = [
    *(None, True, False, -1, 0, 1, 1.5, float("nan"), 10**400),
    *(
        "",
        "a",
        "2h",
        "/",
        "..",
        "~",
        "'",
        "[",
        "x\0y",
        "FROM scratch\n" + "x" * 300,
        "training",
        "train.py",
        "Dockerfile",
    ),
    *("prebuilt", "docker", "acr", "gpu-small", "Standard_NC6s_v3", "ghcr.io", "ghcr.io/team/fastai:1", "rw_mount"),
    *(ML, f"{ML}/computes/gpu", STORAGE, f"{PROVIDERS}/Microsoft.ContainerRegistry/registries/images"),
    *("22222222-2222-2222-2222-222222222222", "${{inputs.a}}"),
    *([], [None], [1], ["a"], ["x\0"], {}, {"": ""}, {"a": None}, {"a": 1}, {"a": "b"}, {"a": {}}, {"a": "x\0"}),
]
USUAL: list[tuple[str, type[Section], dict[str, Any]]] = [
    ("workspace", azure_sections.AzureWorkspaceSettings, {}),
    ("workspace", azure_sections.AzureWorkspaceSettings, {"name": "ws"}),
    ("registry", azure_sections.RegistrySettings, {}),
    ("registry", azure_sections.RegistrySettings, {"server": "ghcr.io", "username": "team"}),
    ("cluster", azure_sections.AzureClusterSettings, {}),
    ("cluster", azure_sections.AzureClusterSettings, {"serverless": True}),
    ("access", azure_sections.AccessSettings, {}),
    ("data", azure_sections.DataSettings, {"storage": STORAGE, "container": "pets"}),
    ("image", AzureImageSettings, {"context": "training"}),
    ("image", AzureImageSettings, {"builder": "docker", "context": "training"}),
    ("image", AzureImageSettings, FOUND),
    ("image", AzureImageSettings, {**FOUND, "user_managed_dependencies": False}),
    ("runs", RunSettings, SCRIPT),
    ("runs", RunSettings, {"command": ["a"]}),
    ("runs", RunSettings, {**SCRIPT, "nodes": 2, "distribution": {"type": "mpi"}}),
]
"""Section, its keys, and a usual one: the value of every key is then another."""


@pytest.fixture(autouse=True)
def _stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(pulumi, "get_stack", lambda: "test")
    monkeypatch.setattr(pulumi, "get_project", lambda: "trainup")
    monkeypatch.setattr(stack_config, "get_root_directory", lambda: str(REPOSITORY))
    yield
    set_all_config({})


@pytest.mark.parametrize(
    ("section", "keys", "usual"), USUAL, ids=[f"{name}-{number}" for number, (name, _, _) in enumerate(USUAL)]
)
def test_any_value_of_a_key_is_settings_or_one_message(
    section: str, keys: type[Section], usual: dict[str, Any]
) -> None:
    for key in keys.model_fields:
        for value in VALUES:
            one = {**usual, key: value}
            _judge({section: {"a": one} if section in ("data", "runs") else one})


@pytest.mark.parametrize(
    "section", [key for key in AzureSettings.model_fields if key not in ("target", "azure_native")]
)
def test_any_section_is_settings_or_one_message(section: str) -> None:
    for value in VALUES:
        _judge({section: value})


def _judge(sections: dict[str, Any]) -> None:
    config = given(**{"image": {"context": "training"}, **sections})
    set_all_config({key: value if isinstance(value, str) else json.dumps(value) for key, value in config.items()})
    try:
        assert isinstance(settings.load(StackConfig.read()), AzureSettings)
    except pulumi.RunError as error:
        assert str(error).startswith("Pulumi.test.yaml has "), sections  # noqa: PT017
