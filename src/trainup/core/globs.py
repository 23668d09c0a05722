"""Patterns of ignore files as regular expressions, and those that an expression would take too long for."""

import re
from collections.abc import Sequence
from enum import StrEnum
from functools import cached_property


class Wild(StrEnum):
    """A wildcard that stands for text of any length, as the expression that means it."""

    WITHIN = "[^/]*"
    """Within a name."""
    FOLDERS = "(?:.*/)?"
    """Any folders, none too."""
    ANYTHING = ".*"


Token = str
"""A `Wild`, or the expression of a single character."""
MOST_WILD = 2
"""Wildcards that an expression is tried with: each more takes as much longer as a path is long."""


class Glob:
    """A pattern made of tokens; matched in a time that grows with its length times the path's, whatever is in it."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self.tokens = tuple(tokens)

    @property
    def expression(self) -> str | None:
        """The pattern as a regular expression, unless it would take too long."""
        many = sum(isinstance(token, Wild) for token in self.tokens) > MOST_WILD
        return None if many else "".join(self.tokens)

    @cached_property
    def _compiled(self) -> "re.Pattern[str] | None":
        return None if self.expression is None else re.compile(self.expression, re.DOTALL)

    @cached_property
    def _characters(self) -> dict[Token, "re.Pattern[str]"]:
        return {token: re.compile(token, re.DOTALL) for token in self.tokens if not isinstance(token, Wild)}

    def fullmatch(self, text: str) -> bool:
        """Whether the pattern stands for the whole text."""
        if self._compiled is not None:
            return self._compiled.fullmatch(text) is not None
        return self._reaches_the_end(text)

    def _reaches_the_end(self, text: str) -> bool:
        """Follow all readings of the pattern at once: bit n stands for what has matched the first n characters."""
        end = len(text)
        whole = (1 << (end + 1)) - 1
        names = ~sum(1 << place for place, character in enumerate(text) if character == "/") & (whole >> 1)
        starts = ~names & (whole >> 1)  # a folder begins after each slash
        where: dict[Token, int] = {}
        reached = 1
        for token in self.tokens:
            if not reached:
                return False
            lowest = reached & -reached
            if token is Wild.WITHIN:
                # The carry of an addition runs through a name, and stops at its end.
                reached |= ((reached & names) + names) ^ names | reached
                reached &= whole
            elif token is Wild.FOLDERS:
                reached |= (starts << 1) & ~((lowest << 1) - 1)
            elif token is Wild.ANYTHING:
                reached = whole & ~(lowest - 1)
            else:
                if token not in where:
                    fits = self._characters[token]
                    known = {character: fits.fullmatch(character) is not None for character in set(text)}
                    where[token] = sum(1 << place for place, character in enumerate(text) if known[character])
                reached = (reached & where[token]) << 1
        return bool(reached >> end & 1)
