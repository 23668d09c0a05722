"""Which project and which stack file Pulumi means."""

from pathlib import Path

import pytest

from trainup.toolchain import projects
from trainup.toolchain.paths import SetupError


@pytest.mark.parametrize(
    ("name", "text", "stack_file"),
    [
        ("Pulumi.yaml", "name: own  # mine\n", "Pulumi.dev.yaml"),
        ("Pulumi.yml", "{name: 'own', stackConfigDir: stacks}", "stacks/Pulumi.dev.yml"),
        ("Pulumi.json", '\ufeff{\n\t"name": "own"\n}', "Pulumi.dev.json"),
    ],
)
def test_a_project_is_read_however_its_file_is_called(tmp_path: Path, name: str, text: str, stack_file: str) -> None:
    (tmp_path / name).write_text(text)
    found = projects.read(tmp_path)
    assert found.name == "own"
    for stack in ("dev", "organization/own/dev"):
        assert found.stack_file(stack) == tmp_path / stack_file


@pytest.mark.parametrize("text", ["", "name: [", "runtime: python\n", "- a\n"])
def test_a_project_without_a_name_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "Pulumi.yaml").write_text(text)
    with pytest.raises(SetupError, match=r"Pulumi\.yaml has no `name` that can be read"):
        projects.read(tmp_path)


def test_a_folder_without_a_project_is_told(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"there is no Pulumi\.yaml in"):
        projects.read(tmp_path)
