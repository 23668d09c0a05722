"""`pulumi` in a shell of `make env`: the CLI itself, given what a stack of this project needs."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.selected import select
from trainup.toolchain import as_pulumi, stacks

STARTED = list[tuple[list[str], Mapping[str, str]]]


@pytest.fixture
def started(repository: Path, monkeypatch: pytest.MonkeyPatch) -> STARTED:
    """What takes this process's place, in its folder."""
    made: STARTED = []
    monkeypatch.setattr(stacks, "become", lambda command, variables, place: made.append((list(command), variables)))
    monkeypatch.setenv("PULUMI_STACK", "local")
    monkeypatch.chdir(repository)
    return made


@pytest.mark.parametrize(
    ("words", "at"),
    [
        (["up"], 0),
        (["--color", "never", "-C", "x", "up", "--yes"], 4),
        (["--color=never", "--non-interactive", "-v9", "preview"], 3),
        (["--help"], None),
        (["-s"], None),
        ([], None),
    ],
)
def test_the_command_is_found_among_options(words: list[str], at: int | None) -> None:
    assert as_pulumi.command_at(words) == at


@pytest.mark.parametrize("words", [["-s", "x"], ["-sx"], ["--stack=x"], ["a", "--stack", "x"]])
def test_a_stack_is_named_in_any_way_that_the_cli_knows(words: list[str]) -> None:
    assert as_pulumi.option(words, "-s", "--stack") == "x"
    assert as_pulumi.option(["--st=x", "-Cx", "--stack"], "-s", "--stack") is None


@pytest.mark.parametrize(
    "words", [["up", "--yes"], ["--color", "never", "preview"], ["dn"], ["refresh", "-s", "local"]]
)
def test_commands_on_the_stack_get_its_passphrase_and_a_copy_of_its_file(started: STARTED, words: list[str]) -> None:
    before = Path("Pulumi.local.yaml").read_bytes()
    as_pulumi.main(os.getcwd(), "/cli", words)
    (command, variables) = started[0]
    assert command[:-2] == ["/cli", *words]
    assert command[-2] == "--config-file"
    assert Path(variables["PULUMI_CONFIG_PASSPHRASE_FILE"]).is_file()
    assert Path("Pulumi.local.yaml").read_bytes() == before


@pytest.mark.parametrize("words", [["version"], ["stack", "ls"], [], ["--help"], ["-C", "..", "up"], ["new", "x"]])
def test_everything_else_goes_through_as_it_is(started: STARTED, words: list[str], repository: Path) -> None:
    (repository.parent / "Pulumi.yaml").write_text("name: other\n")
    as_pulumi.main(os.getcwd(), "/cli", words)
    assert started == [(["/cli", *words], dict(os.environ))]


def test_the_selected_stack_counts_where_no_variable_names_one(
    started: STARTED, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PULUMI_STACK")
    (repository / "Pulumi.second.yaml").write_text("config: {}\n")
    select(repository, "second")
    as_pulumi.main(str(repository), "/cli", ["up"])
    assert started[0][0][-1].endswith("/Pulumi.second.yaml")


def test_the_folder_that_an_option_names_is_the_one_that_counts(
    started: STARTED, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repository.parent)
    as_pulumi.main(str(repository), "/cli", ["--cwd", "repository", "up", "--yes"])
    assert started[0][0][:3] == ["/cli", "up", "--yes"]
    assert Path.cwd() == repository


def test_the_script_runs_from_anywhere_with_any_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cli = tmp_path / "the cli"
    cli.write_text('#!/bin/sh\nprintf "%s|" "$@"; umask\n')
    cli.chmod(0o755)
    script = tmp_path / "a folder's" / "pulumi"
    as_pulumi.write(cli, tmp_path, script.parent)
    done = subprocess.run([script, "version", "it's", "$HOME"], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout == "version|it's|$HOME|0077\n", done.stderr
    assert sys.executable in script.read_text()
