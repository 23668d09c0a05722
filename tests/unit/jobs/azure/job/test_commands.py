"""Words on their way through bash, hostile ones too."""

import re
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainup.core.commands import EXPRESSION
from trainup.jobs.azure.job import commands

PATH = "/mnt/azureml/cr/j/0a1b/cap/data-capability/wd/"
HOSTILE = st.text(st.sampled_from("$`\"'\\!&|;<>(){}[]*?~#% \n\tab\u00e9${{inputs.x}}"), max_size=30)


def arrived(line: str) -> list[str]:
    """The arguments that a program gets from a line, once Azure ML has filled it in."""
    filled = EXPRESSION.sub(lambda match: PATH + match[2], line)
    script = 'show() { printf "%s\\0" "$@"; }; show ' + filled
    done = subprocess.run(["bash", "-c", script], capture_output=True, check=True)
    return done.stdout.decode().split("\0")[:-1]


def meant(word: str) -> str:
    return EXPRESSION.sub(lambda match: PATH + match[2], word)


@pytest.mark.parametrize(
    "words",
    [
        ["python", "train.py", "--lr", "0.1"],
        ["$(rm -rf /)", "`id`", "$HOME", "a b", "", "'", '"', "\\", "!x", "*", "~", "#", "a\nb", "&&", "|"],
        ["--data=${{inputs.pets}}/images", "${{ outputs.model }}", 'it\'s ${{inputs.pets}} "quoted" $x'],
        ["${{secrets.x}}", "$${{inputs.pets}}", "${{inputs.pets}}${{inputs.pets}}"],
    ],
)
def test_each_word_arrives_as_it_is_with_its_expressions_filled_in(words: list[str]) -> None:
    assert arrived(commands.line(words)) == [meant(word) for word in words]


@given(st.lists(HOSTILE, min_size=1, max_size=5))
def test_no_word_escapes(words: list[str]) -> None:
    assert arrived(commands.line(words)) == [meant(word) for word in words]


def test_azure_ml_sees_its_own_expressions_alone() -> None:
    line = commands.line(["${{inputs.a}}", "${{secrets.b}}", "${{ c }}"])
    assert re.findall(r"\$\{\{.*?\}\}", line) == ["${{inputs.a}}"]


def test_an_expression_may_be_filled_in_by_a_variable_as_well() -> None:
    line = commands.line(["${{inputs.a}}/x y"]).replace("${{inputs.a}}", "$AZURE_ML_INPUT_a")
    done = subprocess.run(["bash", "-c", f"printf %s {line}"], capture_output=True, env={"AZURE_ML_INPUT_a": "/a b"})
    assert done.stdout == b"/a b/x y"
