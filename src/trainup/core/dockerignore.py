"""Docker's ignore rules: which paths of a build context a `.dockerignore` excludes.

They are read as BuildKit reads them: patterns are those of Go's `filepath.Match`, with `**` for any number of folders,
and start at the root of the context; everything in an excluded folder is excluded; the last matching line decides, so
a later `!pattern` includes a path again. Git's rules differ in each of these points and have a module of their own.
"""

import posixpath
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from trainup.core.globs import Glob, Token, Wild

_BYTE_ORDER_MARK = "\ufeff"
_LITERAL = frozenset(".+()|{}$^")
"""Characters that are special in a regular expression and ordinary in a pattern."""


@dataclass(frozen=True)
class Pattern:
    """One line of a `.dockerignore`."""

    text: str
    """The path without the exclamation mark, normalized."""
    included: bool
    """Whether the line begins with an exclamation mark, and so includes what it matches."""
    glob: Glob
    line: int = 0
    """Its number in the file, from 1; 0 for a default."""


class Rules:
    """The lines of one file, in order."""

    def __init__(self, lines: Iterable[str], first: int = 1) -> None:
        """`first` is the number of the first line. Raises ValueError for a line that Docker would refuse."""
        numbered = ((_parse(line), number) for number, line in enumerate(lines, first))
        self.patterns = tuple(replace(pattern, line=max(number, 0)) for pattern, number in numbered if pattern)
        self._folders: dict[str, list[bool]] = {}
        """Folder → for each line, whether it matches the folder or one above it."""

    @classmethod
    def read(cls, content: str, defaults: Sequence[str] = ()) -> "Rules":
        """The default lines, followed by those of a file's content; comments (`#`) and blank lines are skipped."""
        lines = content.removeprefix(_BYTE_ORDER_MARK).splitlines()
        return cls([*defaults, *("" if line.startswith("#") else line for line in lines)], 1 - len(defaults))

    def excludes(self, path: str) -> bool:
        """Whether a path, relative to the context and with slashes, is excluded."""
        return self._decide(path)[0]

    def excluding(self, path: str) -> Pattern | None:
        """The line that excludes a path; None if it is not excluded."""
        excluded, matches = self._decide(path)
        pairs = zip(reversed(self.patterns), reversed(matches), strict=True)
        return next((pattern for pattern, match in pairs if match and not pattern.included), None) if excluded else None

    def may_include_below(self, folder: str) -> bool:
        """Whether a later line may include something in an excluded folder; if not, the folder need not be read."""
        return any(pattern.included and _reaches(pattern.text, folder) for pattern in self.patterns)

    def _decide(self, path: str) -> tuple[bool, list[bool]]:
        """(whether the path is excluded, for each line whether it matches the path or a folder above it)."""
        folder = posixpath.dirname(path)
        if folder and folder not in self._folders:
            self._folders[folder] = self._decide(folder)[1]
        above = self._folders.get(folder) or [False] * len(self.patterns)
        excluded, matches = False, []
        for pattern, from_above in zip(self.patterns, above, strict=True):
            # Like Docker, skip a line that would not change the decision, here and for all paths below: therefore
            # `*`, `!a/b`, `a` includes the files in a/b.
            match = from_above or (pattern.included is excluded and pattern.glob.fullmatch(path))
            matches.append(match)
            if match:
                excluded = not pattern.included
        return excluded, matches


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
    """The position of the `]` that ends a set; ValueError if there is none."""
    start = position + text.startswith("^", position)
    end = start
    while end < len(text) and (text[end] != "]" or end == start):
        end += 2 if text[end] == "\\" else 1
    if end >= len(text):
        raise ValueError(f"{text!r} is no pattern of a .dockerignore: its [ has no end")
    return end


def _reaches(pattern: str, folder: str) -> bool:
    """Whether a pattern can match below a folder: its components match the folder's, as far as both go."""
    for part, component in zip(pattern.split("/"), folder.split("/"), strict=False):
        if "**" in part:
            return True
        if not Glob(list(_translate(part))).fullmatch(component):
            return False
    return True
