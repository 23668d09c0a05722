"""Patterns are matched as their expressions are, and in bounded time whatever is in them."""

import re
import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

from trainup.core.globs import MOST_WILD, Glob, Wild

TOKENS = st.lists(st.sampled_from([*Wild, "a", "b", "/", "[^/]"]), max_size=7)


@given(tokens=TOKENS, text=st.text("ab/", max_size=8))
def test_a_pattern_with_any_wildcards_matches_as_its_expression_does(tokens: list[str], text: str) -> None:
    many = [*tokens, *[Wild.WITHIN] * (MOST_WILD + 1)]
    for pattern in (tokens, many):
        wanted = re.compile("".join(pattern), re.DOTALL).fullmatch(text) is not None
        assert Glob(pattern).fullmatch(text) == wanted
    assert Glob(many).expression is None


BOMBS = """
from trainup.core import dockerignore
from trainup.jobs.snapshot import gitignore
for line in ("*a*a*a*a*a*a*a*ab", "**/a/**/a/**/a/**/a/**/ab", "**a**a**a**a**b", "[a]*[a]*[a]*[a]*b", "*" * 200 + "b"):
    for path in ("a" * 4000, "a/" * 2000 + "a"):
        assert gitignore.Rules(line.encode()).decide(path.encode(), False) is None
        assert not dockerignore.Rules([line]).excludes(path[:400])
        dockerignore.Rules([f"!{line}"]).may_include_below(path[:400])
"""


def test_no_pattern_takes_long() -> None:
    """In a process of its own: an expression that never ends could not be stopped."""
    subprocess.run([sys.executable, "-c", BOMBS], check=True, timeout=60)
