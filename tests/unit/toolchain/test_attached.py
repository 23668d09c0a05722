"""The plugin that is started by us, where the engine cannot."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from trainup.toolchain import attached, projects, stack_files
from trainup.toolchain.paths import SetupError
from trainup.toolchain.stack_files import StackFile

PLUGIN = "#!/bin/sh\n# Writes down how it was called, tells a port, and lives until its standard input closes.\n"


@pytest.fixture
def plugin(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    program = tmp_path / "plugin"
    program.write_text(f'{PLUGIN}echo "$@" > "$0.call"\necho 1234\ncat\n')
    program.chmod(0o755)
    monkeypatch.setattr(attached, "PLUGIN", (str(program),))
    monkeypatch.setattr(attached, "ROOT", tmp_path)
    before = pipes()
    yield program
    for kept in pipes() - before:  # it keeps the plugin alive
        os.close(kept)


def pipes() -> set[int]:
    """The descriptors of this process that are pipes."""
    numbers = {int(number) for number in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{number}")}
    return {number for number in numbers if stat.S_ISFIFO(os.fstat(number).st_mode)}


NAMED = "name: own\nplugins: {providers: [{name: trainup, path: there}]}\n"


def file_of(folder: Path, length: int, project: str = NAMED) -> StackFile:
    (folder / "Pulumi.yaml").write_text(project)
    (folder / "Pulumi.local.yaml").write_text("# " + "x" * length)
    return stack_files.read(projects.read(folder), "local")


def test_a_stack_of_few_settings_leaves_the_plugin_to_the_engine(plugin: Path) -> None:
    assert attached.with_plugin(file_of(plugin.parent, 100), "up", {"A": "b"}) == {"A": "b"}


@pytest.mark.parametrize("operation", ["up", "preview", "refresh", "destroy"])
def test_the_engine_is_told_where_the_plugin_of_many_settings_listens(plugin: Path, operation: str) -> None:
    before = pipes()
    made = attached.with_plugin(file_of(plugin.parent, attached.LONG), operation, {"PATH": os.environ["PATH"]})
    assert made[attached.ATTACHED] == "trainup:1234"
    assert plugin.with_name("plugin.call").read_text() == "--attached\n"
    (kept,) = pipes() - before
    assert os.get_inheritable(kept), "the CLI that takes this process's place keeps the plugin alive"


@pytest.mark.parametrize("project", ["name: own\n", "name: own\nplugins: {providers: [{name: aws, path: there}]}\n"])
def test_a_project_that_names_no_plugin_gets_the_one_of_the_trainup_at_work(plugin: Path, project: str) -> None:
    made = attached.with_plugin(file_of(plugin.parent, 100, project), "up", {"PATH": os.environ["PATH"]})
    assert made[attached.ATTACHED] == "trainup:1234"


def test_providers_that_are_attached_already_stay_so(plugin: Path) -> None:
    given = {attached.ATTACHED: "aws:1,trainup:2", "PATH": os.environ["PATH"]}
    assert attached.with_plugin(file_of(plugin.parent, attached.LONG), "up", given) == given


@pytest.mark.parametrize("operation", ["config", "cancel", "stack"])
def test_commands_without_a_plugin_start_none(plugin: Path, operation: str) -> None:
    assert attached.with_plugin(file_of(plugin.parent, attached.LONG), operation, {}) == {}


def test_a_plugin_that_does_not_start_is_told_in_a_sentence(plugin: Path) -> None:
    plugin.write_text("#!/bin/sh\nexit 7\n")
    with pytest.raises(SetupError, match=r"did not start: `.*` ended with exit code 7"):
        attached.with_plugin(file_of(plugin.parent, attached.LONG), "up", {"PATH": os.environ["PATH"]})
    plugin.unlink()
    with pytest.raises(SetupError, match="cannot be started"):
        attached.with_plugin(file_of(plugin.parent, attached.LONG), "up", {"PATH": os.environ["PATH"]})
