"""What the commands about runs do, beside what they print."""

import json
import os
import webbrowser
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support import stand_in
from trainup.cli import collecting
from trainup.cli.__main__ import COMMANDS, main
from trainup.cli.runs import shown, tables
from trainup.jobs.local import environments
from trainup.jobs.local.files import read_json, write_json
from trainup.jobs.local.owners import Owners
from trainup.jobs.local.workspace import Workspace
from trainup.jobs.target import Owner

State = Callable[..., None]
FAILURE = {"failure_class": "canceled", "message": "the run was canceled: enough"}


def test_watching_in_a_pipe_tells_each_change_once_and_ends_with_the_last_run(
    records: Any, state: State, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    digits, pets = records.add("digits", status="Running", log="a\n"), records.add("pets")
    state(digits, pets)
    monkeypatch.setattr(tables, "PAUSE", 0.0)
    looks = []
    live = tables.results.now

    def look(*arguments: Any) -> Any:
        looks.append(1)
        if len(looks) == 3:
            write_json(digits.status, {"status": "Canceled", "failure": FAILURE, "phases": {}})
        return live(*arguments)

    monkeypatch.setattr(tables.results, "now", look)
    assert main(["runs", "--watch"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{digits.name}: Running",
        f"{pets.name}: Completed",
        f"{digits.name}: Canceled, canceled: the run was canceled: enough",
    ]


def test_the_json_of_runs_says_which_are_current(
    records: Any, state: State, capsys: pytest.CaptureFixture[str]
) -> None:
    former, now = records.add("digits", 1), records.add("digits", metrics={"loss": "NaN"})
    state(now)
    assert main(["runs", "--all", "--json"]) == 0
    told = {item["name"]: item for item in json.loads(capsys.readouterr().out)}
    assert {name: item["current"] for name, item in told.items()} == {former.name: False, now.name: True}
    assert told[now.name]["metrics"] == {"loss": "NaN"}
    assert told[now.name]["git"] is None


def test_a_record_that_cannot_be_read_is_told_beside_the_others(
    records: Any, state: State, capsys: pytest.CaptureFixture[str]
) -> None:
    damaged, newer, whole = records.add("a"), records.add("b"), records.add("c")
    damaged.definition.write_text("{")
    write_json(newer.status, {"version": 7, "status": "Completed"})
    state(whole)
    for command in (["history"], ["runs", "--all"]):
        assert main(command) == 0
        told = capsys.readouterr()
        assert whole.name in told.out
        assert str(damaged.path) in told.err
        assert "has format 7" in told.err


def test_a_stack_that_has_never_run_is_told_what_to_do(state: State, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status"]) == 0
    assert "no runs yet, `trainup up` starts those that it declares" in capsys.readouterr().out
    assert main(["history"]) == 0
    assert main(["runs", "--watch"]) == 0
    assert main(["history", "digits"]) != 0
    assert "has never had a run 'digits'; there are none" in capsys.readouterr().err


def test_a_stack_that_is_gone_is_told_where_only_records_of_others_are_left(
    records: Any, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    records.add("digits", stack="other")
    stand_in.pulumi(project, "error: no stack named 'local' found", 255)
    assert main(["runs"]) != 0
    assert "there is no stack 'local'" in capsys.readouterr().err


def test_a_run_that_is_declared_and_has_no_record_is_told(
    project: Path, capsys: pytest.CaptureFixture[str], workspace: Workspace
) -> None:
    stand_in.pulumi(project, stand_in.state(stand_in.run_resource("digits-0123456789ab")))
    assert main(["status"]) == 0
    assert "digits: declared, and its target has no record of it" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("since", "lines"), [("2026-11-28T09:00:05+00:00", ["b", "c"]), ("2026-11-28T09:00:00+00:00", ["a", "b", "c"])]
)
def test_a_log_is_printed_from_a_time_on(
    records: Any, state: State, capsys: pytest.CaptureFixture[str], since: str, lines: list[str]
) -> None:
    folder = records.add("digits", log="a\nb\nc\n")
    folder.log_times.write_text("1795856400 0\n1795856406 2\n")
    state(folder)
    assert main(["logs", "digits", "--since", since]) == 0
    assert capsys.readouterr().out.splitlines() == lines


def test_a_log_without_times_is_not_guessed_at(records: Any, state: State, capsys: pytest.CaptureFixture[str]) -> None:
    state(records.add("digits", log="a\n"))
    assert main(["logs", "digits", "--since", "10m"]) != 0
    assert "it is not recorded when the lines" in capsys.readouterr().err
    assert main(["logs", "digits", "--since", "soon"]) == 2
    assert "neither a duration, such as 10m or 2h, nor a time" in capsys.readouterr().err


def test_the_lines_of_one_process_and_the_last_of_them(
    records: Any, state: State, capsys: pytest.CaptureFixture[str]
) -> None:
    state(records.add("digits", log="begin\n[default0]:a\n[default1]:b\n[default0]:c\n[default10]:d\n"))
    assert main(["logs", "digits", "--rank", "0"]) == 0
    assert capsys.readouterr().out == "[default0]:a\n[default0]:c\n"
    assert main(["logs", "digits", "--rank", "0", "--tail", "1"]) == 0
    assert capsys.readouterr().out == "[default0]:c\n"
    assert main(["logs", "digits", "--tail", "0"]) == 0
    assert capsys.readouterr().out == ""


FILE = """\
# Mine.
config:
  trainup:target:   local  # here
  trainup:runs:
    digits:   # the first
      source: code
      script: train.py   # trains
    pets: {source: code, script: main.py}
    old: {source: code, script: main.py, rerun: yesterday}  # kept
    none:
"""


@pytest.mark.parametrize(
    ("run", "before", "after"),
    [
        ("digits", "      source: code\n", '      rerun: "NOW"\n      source: code\n'),
        ("pets", "pets: {source", 'pets: {"rerun": "NOW", source'),
        ("old", "rerun: yesterday}", 'rerun: "NOW"}'),
    ],
)
def test_a_rerun_is_written_into_the_stacks_file_and_all_else_stays(
    project: Path, run: str, before: str, after: str
) -> None:
    file = project / "Pulumi.local.yaml"
    file.write_text(FILE)
    assert main(["rerun", run, "--no-up"]) == 0
    text = file.read_text()
    token = text.partition('rerun": "' if '"rerun"' in text else 'rerun: "')[2].partition('"')[0]
    assert token.endswith("Z")
    assert text.replace(token, "NOW") == FILE.replace(before, after)


def test_a_run_of_a_program_or_behind_an_alias_is_refused_with_what_to_write(
    project: Path, state: State, capsys: pytest.CaptureFixture[str]
) -> None:
    file = project / "Pulumi.local.yaml"
    alias = "config:\n  trainup:runs:\n    a: &one {source: code}\n    b: *one\n"
    for text, run, says in (
        (FILE, "other", "declares no run 'other': where a program declares it"),
        (FILE, "none", "write `rerun:"),
        (alias, "b", "by hand"),
        (alias, "a", "by hand"),
        ("", "a", "declares no run"),
    ):
        file.write_text(text)
        assert main(["rerun", run, "--no-up"]) != 0
        assert says in capsys.readouterr().err
        assert file.read_text() == text


def test_a_page_is_opened_where_there_is_a_display_and_always_printed(
    records: Any, state: State, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    for name in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME"):
        monkeypatch.delenv(name, raising=False)
    state(records.add("digits", web_url="http://127.0.0.1:1/x"), records.add("pets"))
    assert main(["open", "digits"]) == 0
    assert (capsys.readouterr().out, opened) == ("http://127.0.0.1:1/x\n", [])
    monkeypatch.setenv("DISPLAY", ":0")
    assert main(["open", "digits"]) == 0
    assert opened == ["http://127.0.0.1:1/x"]
    assert main(["open", "pets"]) != 0
    assert "has no page" in capsys.readouterr().err


def test_what_nobody_needs_is_removed_and_nothing_else(
    records: Any,
    state: State,
    workspace: Workspace,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(collecting, "TOOLCHAIN", workspace.root / "none")
    names = "a" * 24, "b" * 24, "c" * 24
    for name in (*names, f".{names[0]}.trash"):
        (workspace.environments / name).mkdir(parents=True)
    Owners(workspace.environments / f"{names[0]}.owners").join(Owner("urn", "t"))
    active = records.add("digits", status="Running", log="a\n")
    definition = read_json(active.definition) or {}
    definition["spec"]["image"] = f"venv@sha256:{names[1]}"
    write_json(active.definition, definition)
    trash = workspace.runs / ".digits-0123456789ab.1"
    trash.mkdir()
    state(active)
    assert main(["gc"]) == 0
    assert trash.is_dir(), "without --yes it only tells"
    assert main(["gc", "--yes", "--dry-run"]) == 0
    assert trash.is_dir()
    assert main(["gc", "--yes"]) == 0
    left = {path.name for path in workspace.environments.iterdir() if path.is_dir()}
    assert left == set(names[:2]), "one has an owner, and one an active run"
    assert not trash.exists()
    assert active.path.is_dir()
    capsys.readouterr()
    assert main(["gc", "--json"]) == 0
    assert all(item["is_needed"] for item in json.loads(capsys.readouterr().out))


def test_an_environment_that_is_needed_by_now_is_not_removed(
    state: State, workspace: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "a" * 24
    (workspace.environments / name).mkdir(parents=True)
    monkeypatch.setattr(collecting, "TOOLCHAIN", workspace.root / "none")
    answers = iter([False, True])  # an `up` begins between the look and the removal
    monkeypatch.setattr(environments, "is_in_use", lambda *_: next(answers))
    assert main(["gc", "--yes"]) == 0
    assert (workspace.environments / name).is_dir()
    assert "kept, since somebody uses it by now" in capsys.readouterr().err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_completes_commands(
    shell: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["completion", shell]) == 0
    assert "_TRAINUP_COMPLETE" in capsys.readouterr().out
    monkeypatch.setenv("_TRAINUP_COMPLETE", f"{shell}_complete")
    monkeypatch.setenv("COMP_WORDS", "trainup ca")
    monkeypatch.setenv("COMP_CWORD", "ca" if shell == "fish" else "1")
    with pytest.raises(SystemExit):
        main([])
    assert "cancel" in capsys.readouterr().out


def test_help_comes_without_arguments_and_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    main([])
    told = capsys.readouterr()
    for names in COMMANDS.values():
        for name in names:
            assert f"  {name} " in told.out + told.err
            assert main([name, "--help"]) == 0


def test_a_terminal_without_colours_or_without_dots_gets_neither(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal:
        encoding = "ascii"

        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(shown.sys, "stdout", Terminal())
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert shown.has_colour()
    monkeypatch.setenv("NO_COLOR", "1")
    assert not shown.has_colour()
    assert shown.fitted("x" * 100, 80) == "x" * 77 + "..."
    assert os.environ["TERM"] == "xterm"
