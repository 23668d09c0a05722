"""How a Dockerfile is parsed, and what it builds on."""

import pytest

from trainup.core.dockerfiles import Instruction, base_images, environment, instructions


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FROM python:3.11\n", [(1, "python:3.11")]),
        ("# a comment\n\nfrom --platform=linux/amd64 python:3.11 as one\nFROM one\n", [(3, "python:3.11")]),
        ("FROM scratch\nCOPY --from=golang:1.25 /a /b\nCOPY --from=0 /a /b\n", [(2, "golang:1.25")]),
        ("FROM a AS one\nFROM b AS two\nCOPY --from=ONE /a /b\n", [(1, "a"), (2, "b")]),
        ("ARG TAG=1\nFROM a:$TAG\nFROM b:${TAG}-x\nFROM c:${NONE:-2}\n", [(2, "a:1"), (3, "b:1-x"), (4, "c:2")]),
        ("ARG TAG\nFROM a:$TAG\n", []),
        ("FROM a:${NONE}\n", []),
        ("FROM \\\n  python:3.11 \\\n  AS one\nFROM one\n", [(1, "python:3.11")]),
        ("# escape=`\nFROM `\n  python:3.11\n", [(2, "python:3.11")]),
        ("# a comment\n# escape=`\nFROM \\\n  python:3.11\n", [(3, "python:3.11")]),
        ("FROM a\nCOPY <<END /b\n--from=b\nEND\n", [(1, "a")]),
        ("FROM a\nRUN <<END\nFROM b\nEND\nFROM c\n", [(1, "a"), (5, "c")]),
        ("", []),
    ],
)
def test_images_are_found_as_docker_finds_them(text: str, expected: list[tuple[int, str]]) -> None:
    assert [(image.line, image.reference) for image in base_images(text)] == expected


def test_build_arguments_count_more_than_defaults() -> None:
    text = "ARG TAG=1\nARG OTHER\nFROM a:$TAG\nFROM b:$OTHER\n"
    assert [image.reference for image in base_images(text, {"TAG": "2", "OTHER": "3"})] == ["a:2", "b:3"]


def test_variables_are_read_in_both_forms() -> None:
    assert environment('FROM a\nENV A=1 B="2 3"\nENV C 4 5\n') == {"A": "1", "B": "2 3", "C": "4 5"}


def test_an_instruction_has_flags_and_words_and_the_lines_of_its_heredoc() -> None:
    found = list(
        instructions('# a comment\ncopy --link --from=one \\\n  a b\nRUN <<END\n  pip install x\nEND\nCMD ["a b"]\n')
    )
    assert found == [
        Instruction("COPY", "--link --from=one a b", 2),
        Instruction("RUN", "<<END\n  pip install x", 4),
        Instruction("CMD", '["a b"]', 7),
    ]
    assert [step.flags for step in found] == [{"link": "", "from": "one"}, {}, {}]
    assert [step.words for step in found] == [["a", "b"], ["<<END"], ["a b"]]
