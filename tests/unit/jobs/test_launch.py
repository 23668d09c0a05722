"""From a definition to a command and its variables."""

import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.support.records import definition_of
from trainup.jobs.local import launch
from trainup.jobs.local.run_record import RunDefinition
from trainup.jobs.local.workspace import RunFolder, Workspace

WORDS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
NAMES = st.text(st.characters(exclude_characters="\0=", exclude_categories=["Cs"]), min_size=1)
IMAGE = "venv@sha256:" + "ab" * 32


def _definition(command: list[str], **spec: Any) -> RunDefinition:
    data_inputs = spec.pop("data_inputs", {})
    return definition_of("x-1", {"command": command, "nodes": 1, **spec}, data_inputs=data_inputs)


@pytest.fixture
def place(tmp_path: Path) -> tuple[Workspace, RunFolder]:
    workspace = Workspace(tmp_path / "w", tmp_path)
    return workspace, RunFolder(workspace.runs / "x-1")


def test_inputs_and_outputs_are_filled_in(place: tuple[Workspace, RunFolder]) -> None:
    words = ["x", "--data=${{inputs.train}}/a", "${{ outputs.model }}", "${{inputs.other}}", "$HOME ${x}"]
    definition = _definition(words, data_inputs={"train": {"value": "/data/\\1 ${{inputs.train}}"}})
    assert launch.argv(*place, definition) == [
        "x",
        "--data=/data/\\1 ${{inputs.train}}/a",
        str(place[1].outputs / "model"),
        "${{inputs.other}}",
        "$HOME ${x}",
    ]


def test_a_plain_address_is_filled_in_as_it_is_and_any_other_as_a_link_to_it(
    place: tuple[Workspace, RunFolder],
) -> None:
    data_inputs = {
        "plain": {"uri": "/data/train-1", "path": "a/b"},
        "blank": {"uri": "/my data"},
        "part": {"uri": "/data", "path": "it's"},
        "remote": {"uri": "https://host/a b"},
    }
    words = launch.argv(
        *place, _definition([f"${{{{inputs.{name}}}}}" for name in data_inputs], data_inputs=data_inputs)
    )
    links = place[1].path / "links" / "inputs"
    assert words == ["/data/train-1/a/b", f"{links}/blank", f"{links}/part", "https://host/a b"]


@given(words=st.lists(WORDS.filter(lambda word: "${{" not in word), min_size=1))
def test_every_other_word_reaches_the_command_as_it_is(words: list[str]) -> None:
    folder = RunFolder(Path("/w/runs/x"))
    assert launch.argv(Workspace(Path("/w")), folder, _definition(["prog", *words])) == ["prog", *words]


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@example(words=[], variables={"-i": "x"})
@given(words=st.lists(WORDS, max_size=6), variables=st.dictionaries(NAMES, WORDS, max_size=3))
def test_the_command_to_reproduce_a_run_survives_the_shell(
    tmp_path_factory: pytest.TempPathFactory, words: list[str], variables: dict[str, str]
) -> None:
    root = tmp_path_factory.mktemp("it's $HOME")
    workspace = Workspace(root, root)
    folder = RunFolder(workspace.runs / "x")
    folder.code.mkdir(parents=True)
    script = "import os, sys; print(ascii([sys.argv[1:], dict(os.environ), os.getcwd()]))"
    variables = {name: value for name, value in variables.items() if name not in ("PATH", "HOME")}
    definition = _definition(
        [sys.executable, "-I", "-c", script, *words], environment_variables=variables, data_inputs={"a": {"uri": "u"}}
    )
    text = launch.reproduce(workspace, folder, definition)
    answer = subprocess.run(["sh", "-c", text], cwd=root, capture_output=True, check=True).stdout
    seen_words, seen_variables, seen_folder = eval(answer)
    assert seen_words == launch.argv(workspace, folder, definition)[4:]
    assert variables.items() <= seen_variables.items()
    assert seen_folder == str(folder.code.resolve())


def test_the_command_to_reproduce_a_run_names_secrets_without_values(place: tuple[Workspace, RunFolder]) -> None:
    text = launch.reproduce(*place, _definition(["python", "a.py"], secrets=["TOKEN"], image=IMAGE))
    assert "TOKEN=…" in text
    assert "store/envs/" in text
    assert shlex.split(text)[-2:] == ["python", "a.py"]


def test_nothing_of_the_callers_environment_reaches_the_command_but_what_it_needs(
    place: tuple[Workspace, RunFolder],
) -> None:
    caller = {"PATH": "/bin", "HOME": "/h", "LC_ALL": "C", "https_proxy": "p", "CUDA_HOME": "/c"}
    private = {
        "AWS_SECRET_ACCESS_KEY": "x",
        "ARM_CLIENT_SECRET": "x",
        "PULUMI_CONFIG_PASSPHRASE": "x",
        "PYTHONPATH": "x",
        "VIRTUAL_ENV": "x",
        "XPATH": "x",
        "TRAINUP_TOKEN": "x",
        "MLFLOW_TRACKING_TOKEN": "x",
    }
    seen = launch.variables(*place, _definition(["x"]), {}, caller | private)
    assert caller.items() <= seen.items()
    assert "x" not in seen.values()


def test_the_runs_own_variables_win_and_trainups_cannot_be_changed(place: tuple[Workspace, RunFolder]) -> None:
    definition = _definition(["x"], environment_variables={"HOME": "/mine", "A": "1"})
    seen = launch.variables(*place, definition, {"A": "secret", "TRAINUP_TOKEN": "forged"}, {"HOME": "/h"})
    assert (seen["HOME"], seen["A"], seen["TRAINUP_TOKEN"]) == ("/mine", "secret", "t0ken")


def test_an_image_comes_first_on_the_path(place: tuple[Workspace, RunFolder]) -> None:
    seen = launch.variables(*place, _definition(["python"], image=IMAGE), {}, {"PATH": "/bin"})
    folder = launch.environment_folder(place[0], IMAGE)
    assert seen["PATH"] == f"{folder}/bin:/bin"
    assert launch.argv(*place, _definition(["python"], image=IMAGE)) == ["python"]


def test_without_an_image_python_is_the_one_that_trainup_runs_on(place: tuple[Workspace, RunFolder]) -> None:
    assert Path(launch.argv(*place, _definition(["python", "a.py"]))[0]).is_absolute()


@pytest.mark.parametrize(
    ("spec", "processes"),
    [
        ({"nodes": 2}, 2),
        ({"distribution": {"type": "pytorch"}}, 1),
        ({"nodes": 2, "distribution": {"process_count_per_node": 3}}, 6),
    ],
)
def test_several_processes_are_started_by_torchrun(
    place: tuple[Workspace, RunFolder], spec: dict[str, Any], processes: int
) -> None:
    words = launch.argv(*place, _definition(["python", "a.py", "--x"], image=IMAGE, **spec))
    assert words[:3] == ["python", "-m", "torch.distributed.run"]
    assert f"--nproc-per-node={processes}" in words
    assert words[-2:] == ["a.py", "--x"]


def test_all_attempts_share_their_checkpoints(place: tuple[Workspace, RunFolder]) -> None:
    found: Callable[[str], Path] = lambda name: launch.checkpoints(  # noqa: E731
        RunFolder(place[0].runs / name), _definition(["x"])
    )
    assert found("x-1") == found("x-1-a2")
