"""Matches the patterns of ignore files, in linear time also where a regular expression would take too long."""

import re
from collections.abc import Sequence
from enum import StrEnum
from functools import cached_property


class Wild(StrEnum):
    """A wildcard for text of any length, as the equivalent regular expression."""

    WITHIN = "[^/]*"
    """Within a name."""
    FOLDERS = "(?:.*/)?"
    """Any number of folders, or none."""
    ANYTHING = ".*"


Token = str
"""A `Wild`, or a regular expression for a single character."""
MOST_WILD = 2
"""Maximum of wildcards in a regular expression: each further one multiplies its time by the length of the path."""


class Glob:
    """A pattern made of tokens. Matching takes at most its length times the path's, whatever it contains."""

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
        """Whether the pattern matches the whole text."""
        if self._compiled is not None:
            return self._compiled.fullmatch(text) is not None
        return self._matches_by_bits(text)

    def _matches_by_bits(self, text: str) -> bool:
        """Whether the tokens match the text. Bit n of `reached`: the tokens so far match the first n characters."""
        end = len(text)
        whole = (1 << (end + 1)) - 1
        names = ~sum(1 << index for index, character in enumerate(text) if character == "/") & (whole >> 1)
        starts = ~names & (whole >> 1)  # a folder begins after each slash
        positions: dict[Token, int] = {}
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
                if token not in positions:
                    fits = self._characters[token]
                    fits_character = {character: fits.fullmatch(character) is not None for character in set(text)}
                    positions[token] = sum(
                        1 << index for index, character in enumerate(text) if fits_character[character]
                    )
                reached = (reached & positions[token]) << 1
        return bool(reached >> end & 1)
