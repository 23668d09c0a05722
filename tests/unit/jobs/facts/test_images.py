"""Why an image is built again, in words."""

from typing import Any

import pytest

from trainup.core.values import UNKNOWN, Secret
from trainup.jobs.facts.images import reasons

ACR: dict[str, Any] = {
    "builder": "acr",
    "context": "image",
    "digest": "1",
    "manifest": {"(Dockerfile)": "a", "a.txt": "1:2"},
}
CASES: dict[str, tuple[dict[str, Any], dict[str, Any], list[str]]] = {
    "nothing": ({}, {"digest": "2"}, []),
    "a file": ({}, {"manifest": {"(Dockerfile)": "a", "a.txt": "2:3"}}, ["a.txt changed (2 B → 3 B)"]),
    "the Dockerfile in its context": (
        {"manifest": {"(Dockerfile)": "a", "Dockerfile": "a:9"}},
        {"manifest": {"(Dockerfile)": "b", "Dockerfile": "b:9"}},
        ["Dockerfile changed"],
    ),
    "the text of the Dockerfile": (
        {"dockerfile_text": "FROM a\nRUN b\n", "manifest": {"(Dockerfile)": "a"}},
        {"dockerfile_text": "FROM a\nRUN c\n", "manifest": {"(Dockerfile)": "b"}},
        ["Dockerfile changed (+1 −1)"],
    ),
    "packages": (
        {"packages": {"requirements.txt": ["torch==2.8"]}},
        {"packages": {"requirements.txt": ["torch==2.9"]}},
        ["requirements.txt: torch 2.8 → 2.9"],
    ),
    "packages of a version that recorded none": ({}, {"packages": {"requirements.txt": ["torch==2.9"]}}, []),
    "build arguments": ({"arguments": {"A": "1"}}, {"arguments": {"A": "2"}}, ["arguments: A 1 → 2"]),
    "a tag": ({"image": "a:1"}, {"image": "a:2"}, ["image: a:1 → a:2"]),
    "a password": ({"password": Secret("one")}, {"password": Secret("two")}, ["password changed"]),
    "what is known later": ({}, {"manifest": UNKNOWN}, ["its files are known later"]),
}


@pytest.mark.parametrize("case", CASES)
def test_a_difference_is_told_in_words(case: str) -> None:
    before, now, expected = CASES[case]
    assert [one.text for one in reasons({**ACR, **before}, {**ACR, **now}, [None, None])] == expected


def test_the_requirements_of_an_environment_are_compared_where_both_are_known() -> None:
    old, new = ({"builder": "venv", "requirements": "r.txt", "reference": name} for name in "ab")
    assert [one.text for one in reasons(old, new, [["torch==2.8"], ["torch==2.9"]])] == ["torch 2.8 → 2.9"]
    assert reasons(old, new, [None, ["torch==2.9"]]) == []
