"""Docker's ignore rules, as its documentation and its own tests have them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainup.core.dockerignore import Rules

CASES = [
    # From Docker's documentation.
    ("*/temp*", ["a/temporary.txt", "a/temp", "a/temp/b"], ["temp", "a/b/temporary.txt"]),
    ("*/*/temp*", ["a/b/temporary.txt"], ["a/temporary.txt", "a/b/c/temp"]),
    ("temp?", ["tempa", "tempb/c"], ["temp", "a/tempb", "tempab"]),
    ("**/*.go", ["x.go", "a/b/x.go"], ["x.gone"]),
    ("*.md\n!README.md", ["a.md"], ["README.md", "a/b.md"]),
    ("*.md\n!README*.md\nREADME-secret.md", ["a.md", "README-secret.md"], ["README.md"]),
    ("*.md\nREADME-secret.md\n!README*.md", ["a.md"], ["README.md", "README-secret.md"]),
    # What is in an excluded folder is excluded, and can come back.
    ("docs", ["docs", "docs/a", "docs/b/c"], ["a/docs", "docsy"]),
    ("docs\n!docs/b", ["docs/a"], ["docs/b", "docs/b/c"]),
    ("*\n!requirements.txt", ["a", "a/requirements.txt"], ["requirements.txt"]),
    # Slashes at either end, blanks and detours mean nothing.
    ("/docs/\n  spaced  \na/../b", ["docs/a", "spaced", "b"], ["a"]),
    ("./here", ["here"], ["there"]),
    # Two stars are any number of folders, none too.
    ("**/cache", ["cache/a", "a/b/cache"], ["caches"]),
    ("a/**/z", ["a/z", "a/b/c/z"], ["z", "ab/z"]),
    ("a/**", ["a/b", "a/b/c"], ["a", "b"]),
    ("**", ["a", "a/b"], []),
    # Sets, escapes, and what means something to a regular expression only.
    ("[a-c]x", ["ax", "cx"], ["dx", "[a-c]x"]),
    ("[^a]x", ["bx"], ["ax"]),
    (r"a\*b", ["a*b"], ["axb"]),
    ("a.b+(c)|d", ["a.b+(c)|d"], ["axb+(c)|d", "d"]),
    ("]x", ["]x"], ["x"]),
    ("# comment\n\n#a", [], ["# comment", "#a", "a"]),
    ("\ufeffa", ["a"], ["b"]),
]


@pytest.mark.parametrize(("content", "out", "in_"), CASES)
def test_a_path_is_excluded_as_docker_excludes_it(content: str, out: list[str], in_: list[str]) -> None:
    rules = Rules.read(content)
    assert [path for path in out if not rules.excludes(path)] == []
    assert [path for path in in_ if rules.excludes(path)] == []


def test_what_the_defaults_exclude_comes_back_when_the_file_says_so() -> None:
    assert Rules.read("", ("**/.git",)).excludes("a/.git/config")
    assert not Rules.read("!a/.git", ("**/.git",)).excludes("a/.git/config")


@pytest.mark.parametrize("content", ["a\n!", "[a", "a[", "[]a"])
def test_what_docker_cannot_read_is_an_error_with_the_line(content: str) -> None:
    with pytest.raises(ValueError, match=r"nothing back|no pattern"):
        Rules.read(content)


@pytest.mark.parametrize(
    ("content", "folder", "answer"),
    [
        ("*\n!a/b", "a", True),
        ("*\n!a/b", "b", False),
        ("*\n!**/keep", "any/where", True),
        ("*\n!*/keep", "a", True),
        ("*", "a", False),
    ],
)
def test_a_folder_is_looked_into_only_where_something_may_come_back(content: str, folder: str, answer: bool) -> None:
    assert Rules.read(content).may_include_below(folder) is answer


NAMES = st.sampled_from(["a", "b", "ab", "a.b", "c", "d"])
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)
PARTS = st.sampled_from(["a", "b", "*", "a*", "?", "**", "[ab]", "d"])
LINES = st.tuples(st.sampled_from(["", "!"]), st.lists(PARTS, min_size=1, max_size=3).map("/".join)).map("".join)


@given(lines=st.lists(LINES, max_size=5), path=PATHS)
def test_nothing_comes_back_in_a_folder_that_is_not_looked_into(lines: list[str], path: str) -> None:
    rules = Rules(lines)
    folders = ["/".join(path.split("/")[:end]) for end in range(1, path.count("/") + 1)]
    skipped = any(rules.excludes(folder) and not rules.may_include_below(folder) for folder in folders)
    assert not skipped or rules.excludes(path)
