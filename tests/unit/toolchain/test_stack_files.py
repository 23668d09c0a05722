"""A stack's file is read as far as its secrets and its target, and edited without touching anything else."""

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from trainup.toolchain import stack_files
from trainup.toolchain.paths import SetupError
from trainup.toolchain.projects import Project
from trainup.toolchain.stack_files import SALT, StackFile

VALUE = "v1:T4w5Y6mgTO8=:v1:88uTU+HAixeifk3+:qRxhyQOg6fr5OKWQ5TFVgdC8hCYinQ=="
TARGET = {"target": {"type": "string", "default": "local"}}


def stack(text: str | None, name: str = "Pulumi.x.yaml", **declared: object) -> StackFile:
    project = Project(Path("Pulumi.yaml"), "own", {"config": TARGET, **declared})
    return StackFile(Path(name), text, project)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# only words\n",
        "config:\n",
        "config:\n  trainup:protect:   false # off\n  'trainup:x': 010\n",
        "--- # start\nconfig: {}\n...\n",
        "{config: {trainup:target: local}}",
        "{}",
        "# first\n  config: {}\n  environment: []\n",
        "config:\r\n  a:b: 2020-01-01\r\n",
        "encryptionsalt:\nconfig: {}\n",
        "encryptionsalt: v1:old\nconfig: {}",
        "config: {}\nencryptionsalt: ''\n",
        "config: {a:b: ü \U0001f600}\n",
    ],
)
def test_a_salt_is_put_in_and_all_else_stays_to_the_byte(text: str) -> None:
    made = stack(text).with_values({SALT: VALUE})
    assert stack(made).salt == VALUE
    before, after = yaml.safe_load(text) or {}, yaml.safe_load(made)
    assert {**before, SALT: VALUE} == after
    left = made.replace(VALUE, "", 1).replace(f"{SALT}: \n", "", 1).replace(f'"{SALT}": "", ', "", 1)
    for line in text.split("\n"):
        assert line in left or line.startswith(SALT) or line == "{}"


def test_a_file_in_json_stays_json() -> None:
    text = '{\n\t"config": {"own:target": "local"}\n}\n'
    file = stack(text, "Pulumi.x.json")
    assert file.is_local
    assert json.loads(file.with_values({SALT: VALUE})) == {SALT: VALUE, "config": {"own:target": "local"}}


@given(
    st.dictionaries(
        st.text("abc:", min_size=1, max_size=4), st.integers() | st.booleans() | st.text(max_size=5), max_size=3
    ),
    st.booleans(),
)
def test_any_configuration_means_the_same_with_a_salt(config: dict[str, object], flow: bool) -> None:
    text = yaml.safe_dump({"config": config}, default_flow_style=flow)
    assert yaml.safe_load(stack(text).with_values({SALT: VALUE})) == {"config": config, SALT: VALUE}


@pytest.mark.parametrize(
    ("text", "is_local"),
    [
        ("", True),
        (None, True),
        ("config: {trainup:target: azure}\n", False),
        ("config: {own:target: azure}\n", False),
        ("config: {target: 'azure'}\n", False),
        ("config: {trainup:target: local, own:target: azure}\n", True),
        ("config: {trainup:runs: {target: azure}}\n", True),
    ],
)
def test_a_stack_is_local_unless_it_says_otherwise(text: str | None, is_local: bool) -> None:
    assert stack(text).is_local is is_local


def test_a_projects_own_default_target_counts() -> None:
    assert not stack("config: {}\n", config={"target": {"default": "azure"}}).is_local
    assert not stack("config: {}\n", config={"target": "azure"}).is_local
    assert stack("config: {trainup:target: local}\n", config={"target": {"default": "azure"}}).is_local


@pytest.mark.parametrize(
    ("text", "has_secrets"),
    [
        ("config: {a:b: {secure: v1:x}}\n", True),
        ("config: {a:b: {c: [1, {secure: v1:x}]}}\n", True),
        ("config: {a:b: secure}\n", False),
        ("config: {a:b: {secure: true, other: 1}}\n", False),
    ],
)
def test_secrets_are_seen_wherever_they_stand(text: str, has_secrets: bool) -> None:
    assert stack(text).has_secrets is has_secrets


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("- a\n", "has no map at its top"),
        ("just text\n", "has no map at its top"),
        ("config: {\n", "cannot be read as YAML.*line 2"),
        ("config:\n\ta: 1\n", "cannot be read as YAML.*line 2"),
    ],
)
def test_what_is_no_map_is_told(text: str, told: str) -> None:
    with pytest.raises(SetupError, match=f"(?s)Pulumi.x.yaml {told}"):
        _ = stack(text).salt


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.x.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SetupError, match=r"Pulumi\.x\.yaml cannot be read"):
        stack_files.at(tmp_path / "Pulumi.x.yaml", stack("").project)
    assert stack_files.at(tmp_path / "nothing", stack("").project).text is None


def test_a_file_keeps_its_mode_and_a_link_its_target(tmp_path: Path) -> None:
    target, link = tmp_path / "elsewhere", tmp_path / "Pulumi.x.yaml"
    target.write_text("old")
    target.chmod(0o640)
    link.symlink_to(target)
    stack_files.write(link, "new")
    assert (target.read_text(), target.stat().st_mode & 0o777, link.is_symlink()) == ("new", 0o640, True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["Pulumi.x.yaml", "elsewhere"]
