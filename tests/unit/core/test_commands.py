"""What can be told of a command before it runs."""

from typing import Any

import pytest

from trainup.core.inputs import parse_run
from trainup.core.suggest import nearest, unknown

IMAGE = "venv@sha256:" + "0" * 64


def reasons(target: str, **inputs: Any) -> list[str]:
    given = {"run": "a", "target": target, "workspace": "w", "image": IMAGE, **inputs}
    return [f"{item.property}: {item.reason}" for item in parse_run(given)[1] if item.property != "workspace"]


@pytest.mark.parametrize("target", ["local", "azure"])
@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("${{input.x}}", "${{input.x}} is filled in by nothing"),
        ("${{ input.x }}", "did you mean ${{inputs.x}}?"),
        ("--m=${{output.model}}", "did you mean ${{outputs.model}}?"),
        ("${{secrets.TOKEN}}", "name the secret in `secrets`, and read the variable TOKEN"),
        ("${{parent.inputs.x}}", "is filled in within pipelines alone"),
        ("${{search_space.lr}}", "is filled in by sweeps alone: a sweep is a run with `sweep`"),
        ("${{ search_space.lr }}", "is filled in by sweeps alone"),
        ("${{inputs.y}}", "${{inputs.y}} names no input of this run; its `inputs` are: x"),
        ("${{}}", "is filled in by nothing"),
    ],
)
def test_an_expression_that_nothing_fills_in_is_told(target: str, word: str, says: str) -> None:
    x = {"x": {"uri": "azureml://datastores/a/paths/b", "digest": "d"}}
    (by_command,) = reasons(target, command=["echo", word], inputs=x)
    (by_argument,) = reasons(target, source="s", script="a.py", arguments=[word], inputs=x)
    assert says in by_command
    assert says in by_argument


@pytest.mark.parametrize("target", ["local", "azure"])
def test_expressions_are_for_the_command_and_not_for_variables(target: str) -> None:
    (reason,) = reasons(target, command=["true"], environment_variables={"X": "${{inputs.x}}"})
    assert reason.startswith("environment_variables['X']: ${{inputs.x}} is filled in by nothing")


@pytest.mark.parametrize("target", ["local", "azure"])
def test_what_a_shell_fills_in_is_no_expression(target: str) -> None:
    assert reasons(target, command=["bash", "-c", "echo ${HOME} $((1 + 1)) {{x}} ${{outputs.model}}"]) == []


@pytest.mark.parametrize("target", ["local", "azure"])
@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("train.ipynb", "jupyter nbconvert --to script train.ipynb"),
        ("run.sh", "give `command: [bash, run.sh]`"),
        ("a/fit.R", "give `command: [Rscript, a/fit.R]`"),
    ],
)
def test_a_script_that_is_no_python_is_told(target: str, script: str, says: str) -> None:
    assert any(says in reason for reason in reasons(target, source="s", script=script))


@pytest.mark.parametrize(
    ("target", "path", "command", "is_told"),
    [
        ("local", "/data/bin", ["python", "a.py"], True),
        ("local", "/usr/bin", ["python", "a.py"], True),
        ("azure", "/data/bin:$PATH", ["python3", "a.py"], True),
        ("azure", "/opt/conda/bin:/usr/bin", ["python", "a.py"], False),
        ("azure", "/data/bin", ["/opt/py/bin/python", "a.py"], False),
        ("local", "/data/bin", ["bash", "-c", "true"], False),
    ],
)
def test_a_path_that_hides_python_is_told(target: str, path: str, command: list[str], is_told: bool) -> None:
    found = reasons(target, command=command, environment_variables={"PATH": path})
    assert [reason.startswith("environment_variables['PATH']: PATH is ") for reason in found] == [True] * is_told


@pytest.mark.parametrize(
    ("given", "meant"),
    [("max_node", "max_nodes"), ("maxNodes", "max_nodes"), ("min-nodes", "min_nodes"), ("zzz", None), (5, None)],
)
def test_a_misspelt_name_is_told_with_the_one_that_was_meant(given: object, meant: str | None) -> None:
    assert nearest(given, ["min_nodes", "max_nodes", "size"]) == meant


def test_a_name_that_is_like_nothing_comes_with_those_that_there_are() -> None:
    assert unknown("zzz", ["a", "b"]) == "there is no such key; there are a, b"
    assert unknown("zzz", []) == "there is no such key; there are none"
