"""Docker's ignore rules: which paths of a build context a `.dockerignore` keeps out.

As BuildKit reads them: patterns are Go's `filepath.Match` with `**` for any number of folders, always from the root of
the context; what lies in an excluded folder is excluded; the last line that matches decides, so a later `!pattern`
brings back. Git's rules differ in each of these points, so its reader cannot be used.
"""

import posixpath
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from trainup.core.globs import Glob, Token, Wild

_BYTE_ORDER_MARK = "\ufeff"
_LITERAL = frozenset(".+()|{}$^")
"""What means something in a regular expression and nothing in a pattern."""


@dataclass(frozen=True)
class Pattern:
    """One line."""

    text: str
    """Without the exclamation mark, cleaned up as a path."""
    included: bool
    """Whether it brings back."""
    glob: Glob


class Rules:
    """The lines of one file, in their order."""

    def __init__(self, lines: Iterable[str]) -> None:
        """ValueError for a line that Docker would refuse."""
        self.patterns = tuple(pattern for line in lines if (pattern := _parse(line)))
        self._folders: dict[str, list[bool]] = {}
        """Folder → which lines speak of it."""

    @classmethod
    def read(cls, content: str, defaults: Sequence[str] = ()) -> "Rules":
        """The rules of a file's content after the defaults; `#` begins a comment, blank lines are none."""
        lines = content.removeprefix(_BYTE_ORDER_MARK).splitlines()
        return cls([*defaults, *(line for line in lines if not line.startswith("#"))])

    def excludes(self, path: str) -> bool:
        """Whether a path, relative to the context and with slashes, is kept out."""
        return self._judge(path)[0]

    def may_include_below(self, folder: str) -> bool:
        """Whether something in an excluded folder may come back: if not, nobody has to look into it."""
        return any(pattern.included and _reaches(pattern.text, folder) for pattern in self.patterns)

    def _judge(self, path: str) -> tuple[bool, list[bool]]:
        """Whether the path is excluded, and which lines speak of it, or of a folder that it is in."""
        folder = posixpath.dirname(path)
        if folder and folder not in self._folders:
            self._folders[folder] = self._judge(folder)[1]
        above = self._folders.get(folder) or [False] * len(self.patterns)
        excluded, speaks = False, []
        for pattern, from_above in zip(self.patterns, above, strict=True):
            # A line that could only confirm what holds already is not looked at, neither here nor below: so does
            # Docker, and `*`, `!a/b`, `a` includes what is in a/b.
            match = from_above or (pattern.included is excluded and pattern.glob.fullmatch(path))
            speaks.append(match)
            if match:
                excluded = not pattern.included
        return excluded, speaks


def _parse(line: str) -> Pattern | None:
    text = line.strip()
    included = text.startswith("!")
    if included:
        text = text[1:].strip()
        if not text:
            raise ValueError(f"{line.strip()!r} brings nothing back: write a path after the exclamation mark")
    if not text:
        return None
    text = posixpath.normpath(text)
    if len(text) > 1:
        text = text.lstrip("/")
    return Pattern(text, included, _compile(text))


def _compile(text: str) -> Glob:
    tokens = list(_translate(text))
    try:
        for token in {token for token in tokens if not isinstance(token, Wild)}:
            re.compile(token)
    except re.error as error:
        raise ValueError(f"{text!r} is no pattern of a .dockerignore: {error}") from error
    return Glob(tokens)


def _translate(text: str) -> Iterator[Token]:
    position = 0
    while position < len(text):
        character = text[position]
        position += 1
        if text.startswith("**", position - 1):
            position += 1
            at_end = position == len(text)
            if text.startswith("/", position):
                position += 1
                at_end = position == len(text)
            yield Wild.ANYTHING if at_end else Wild.FOLDERS
        elif character == "*":
            yield Wild.WITHIN
        elif character == "?":
            yield "[^/]"
        elif character == "[":
            end = _end_of_set(text, position)
            inside = text[position:end].replace("[", r"\[")
            yield f"[{inside}]"
            position = end + 1
        elif character == "\\" and position < len(text):
            yield re.escape(text[position])
            position += 1
        else:
            yield re.escape(character) if character in _LITERAL or character in "\\]" else character


def _end_of_set(text: str, position: int) -> int:
    """Where a `[…]` ends; ValueError when it does not."""
    start = position + text.startswith("^", position)
    end = start
    while end < len(text) and (text[end] != "]" or end == start):
        end += 2 if text[end] == "\\" else 1
    if end >= len(text):
        raise ValueError(f"{text!r} is no pattern of a .dockerignore: its [ has no end")
    return end


def _reaches(pattern: str, folder: str) -> bool:
    """Whether a pattern can match below a folder: as far as both go, its components fit the folder's."""
    for own, there in zip(pattern.split("/"), folder.split("/"), strict=False):
        if "**" in own:
            return True
        if not Glob(list(_translate(own))).fullmatch(there):
            return False
    return True
