"""Points in commands."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.sweeps import sweep
from trainup.core.sweeps.commands import command_findings, substitute
from trainup.core.sweeps.distributions import text_of

BOTH = ["--lr=${{search_space.lr}}", "${{ search_space.batch }}"]


def told(*texts: str, shell: bool = False, **space: list[str]) -> list[str]:
    declared = sweep(**({"search_space": space} if space else {}))
    return [f"{one.key}: {one.reason}" for one in command_findings(declared, texts, shell=shell)]


def test_values_take_the_place_of_expressions() -> None:
    point = {"lr": 1e-05, "batch": 16, "name": "a b"}
    assert substitute("--lr=${{search_space.lr}} ${{ search_space.batch }}", point) == "--lr=1e-05 16"
    assert substitute("${{search_space.name}}", point) == "a b"
    assert substitute("${{inputs.data}} ${{search_space.other}}", point) == "${{inputs.data}} ${{search_space.other}}"


def test_a_value_that_looks_like_an_expression_is_not_filled_in_again() -> None:
    assert substitute("${{search_space.a}}", {"a": "${{search_space.b}}", "b": 1}) == "${{search_space.b}}"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1, "1"),
        (1.0, "1"),
        (-0.0, "0"),
        (0.1, "0.1"),
        (1e-7, "1e-07"),
        (1e22, "1e+22"),
        (2.0**53, "9007199254740992.0"),
    ],
)
def test_a_number_has_one_text(value: float, text: str) -> None:
    assert text_of(value) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_the_text_of_a_number_reads_back_as_the_same_number(value: float) -> None:
    assert float(text_of(value)) == value


def test_a_command_that_uses_every_name_has_no_findings() -> None:
    assert told(*BOTH) == []


def test_a_name_that_the_space_lacks_is_told_with_what_may_be_meant() -> None:
    assert told(*BOTH, "${{search_space.btch}}") == [
        "command: ${{search_space.btch}} names nothing in `search_space`, which has lr, batch; did you mean batch?"
    ]


def test_a_name_that_the_command_does_not_use_is_told() -> None:
    assert told("--lr=${{search_space.lr}}") == [
        "search_space.batch: the command does not use it, so all its values would be the same training: write "
        "${{search_space.batch}} into the command, or remove it"
    ]


def test_a_shell_would_act_on_some_values() -> None:
    line = "python a.py ${{search_space.name}}"
    (reason,) = told(line, shell=True, name=["plain-1.5", "$(reboot)"])
    assert reason.startswith("search_space.name.1: the value holds '$'")
    assert told(line, name=["$(reboot)", "x"]) == []
