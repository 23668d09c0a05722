"""Finding a workspace by the `config.json` that Azure ML offers for download."""

import json
import re
from pathlib import Path

import pytest

from trainup.core.azure_ids import WORKSPACE, AzureId
from trainup.infra import workspace_file

SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
HERE = AzureId(SUBSCRIPTION, "g", WORKSPACE, ("here",))


def _write(path: Path, name: str = "here") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_text(workspace_name=name))


def _text(**parts: object) -> str:
    whole = {"subscription_id": SUBSCRIPTION, "resource_group": "g", "workspace_name": "here"}
    return json.dumps(whole | parts)


@pytest.mark.parametrize("place", ["config.json", ".azureml/config.json", "aml_config/config.json", "project.json"])
@pytest.mark.parametrize("start", [".", "a", "a/b/c"])
def test_it_is_found_from_any_folder_below(tmp_path: Path, place: str, start: str) -> None:
    _write(tmp_path / place)
    (tmp_path / start).mkdir(parents=True, exist_ok=True)
    assert workspace_file.read(tmp_path / start) == HERE


def test_a_file_may_be_named_itself(tmp_path: Path) -> None:
    _write(tmp_path / "team.json")
    assert workspace_file.read(tmp_path / "team.json") == HERE


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (".azureml/config.json", "a/config.json"),
        (".azureml/config.json", "a/aml_config/config.json"),
        ("aml_config/project.json", "a/config.json"),
        ("a/config.json", "config.json"),
        ("config.json", "a/project.json"),
    ],
)
def test_the_first_one_in_the_clients_order_wins(tmp_path: Path, first: str, second: str) -> None:
    _write(tmp_path / first)
    _write(tmp_path / second, "elsewhere")
    assert workspace_file.read(tmp_path / "a") == HERE


def test_a_file_too_far_above_is_not_found(tmp_path: Path) -> None:
    _write(tmp_path / "config.json")
    deep = tmp_path.joinpath(*"abcdefghijklmnopqrst")
    (deep / "u").mkdir(parents=True)
    assert workspace_file.read(deep) == HERE
    with pytest.raises(ValueError, match=r"there is no config.json in .*: download it from the workspace's page"):
        workspace_file.read(deep / "u")


def test_a_scope_names_the_workspace_too(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"Scope": str(HERE)}))
    assert workspace_file.read(tmp_path) == HERE


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"subscription_id": "s"}', '{"Scope": "x"}', '{"Scope": 5}'])
def test_a_file_that_names_no_workspace_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(ValueError, match="names no workspace: it is JSON with subscription_id, resource_group, works"):
        workspace_file.read(tmp_path)


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        ({"subscription_id": "<your subscription>"}, "subscription_id is '<your subscription>', and it is 32 hex"),
        ({"subscription_id": None}, "subscription_id is None, and it is 32 hexadecimal digits"),
        ({"resource_group": ""}, "resource_group is '', and no name"),
        ({"workspace_name": 5}, "workspace_name is 5, and no name"),
        ({"workspace_name": "a/b", "resource_group": "a/b"}, "resource_group is 'a/b', and no name; workspace_name is"),
        ({"Scope": str(HERE).replace(SUBSCRIPTION, "s")}, "subscription_id is 's', and it is 32 hexadecimal digits"),
    ],
)
def test_a_part_that_cannot_be_is_named_with_the_way_out(tmp_path: Path, parts: dict[str, object], says: str) -> None:
    (tmp_path / "config.json").write_text(_text(**parts))
    with pytest.raises(ValueError, match=rf"names no workspace: .*{re.escape(says)}.*: put in what Azure's page"):
        workspace_file.read(tmp_path)
