"""Git's ignore rules: the patterns of one file, matched exactly as git matches them.

Git decides one path component after the other, in bytes, and lets the last matching line win. pathspec (1.1, tried)
matches whole paths, in characters. It differs from git for `foo` followed by `!foo/a`, for `[[:alpha:]]`, for `[!b]`
beside a slash, for `?` beside names outside ASCII, and for tabs at the end of a line.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from trainup.core.globs import Glob, Token, Wild

_SPECIAL = re.compile(rb"[*?\[\\]")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_NEVER = "(?!)"
_CLASSES = {
    b"alnum": rb"[0-9A-Za-z]",
    b"alpha": rb"[A-Za-z]",
    b"blank": rb"[ \t]",
    b"cntrl": rb"[\x00-\x1f\x7f]",
    b"digit": rb"[0-9]",
    b"graph": rb"[!-~]",
    b"lower": rb"[a-z]",
    b"print": rb"[ -~]",
    b"punct": rb"[!-/:-@\[-`{-~]",
    b"space": rb"[ \t\n\r]",
    b"upper": rb"[A-Z]",
    b"xdigit": rb"[0-9A-Fa-f]",
}


@dataclass(frozen=True)
class Rule:
    """One line of an ignore file."""

    pattern: bytes
    negated: bool
    folders_only: bool
    by_name: bool
    """Matched against the last component alone, at any depth."""
    line: int = 0
    """Its number in the file, from 1."""
    text: bytes = b""
    """The line as it is written."""

    @cached_property
    def glob(self) -> Glob:
        """The rule for the whole name, or the whole path below the ignore file; a character is a byte."""
        wild = _SPECIAL.search(self.pattern)
        start = wild.start() if wild else len(self.pattern)
        # Git compares the part before the first wildcard literally, so `a**/b` begins a pattern with its `**/`.
        literal = self.pattern[:start].decode("latin-1")
        return Glob([*map(re.escape, literal), *_translate(self.pattern[start:])])

    def matches(self, path: str, name: str) -> bool:
        """Whether the line matches this path, relative to the ignore file."""
        return self.glob.fullmatch(name if self.by_name else path)


class Rules:
    """The rules of one ignore file, for the paths below its folder."""

    def __init__(self, content: bytes, base: bytes = b"", file: bytes = b"") -> None:
        """`base` is the folder of the ignore file, with a final slash, as paths will be given; `file` is its name."""
        self.base, self.file = base, file
        self._rules = tuple(parse(content))[::-1]

    def decide(self, path: bytes, is_folder: bool) -> bool | None:
        """True excludes, False includes, None leaves it to the next ignore file up. `path` begins with `base`."""
        rule = self.deciding(path, is_folder)
        return None if rule is None else not rule.negated

    def deciding(self, path: bytes, is_folder: bool) -> Rule | None:
        """The line that decides about a path, if one does."""
        text = path[len(self.base) :].decode("latin-1")
        name = text[text.rfind("/") + 1 :]
        # Most paths match no rule, which two combined expressions find out without trying each rule.
        if (
            self._any_name.fullmatch(name)
            or self._any_path.fullmatch(text)
            or any(rule.matches(text, name) for rule in self._without_expression)
        ):
            for rule in self._rules:
                if (is_folder or not rule.folders_only) and rule.matches(text, name):
                    return rule
        return None

    @cached_property
    def _without_expression(self) -> tuple[Rule, ...]:
        return tuple(rule for rule in self._rules if rule.glob.expression is None)

    @cached_property
    def _any_name(self) -> re.Pattern[str]:
        return _any_of(rule.glob.expression for rule in self._rules if rule.by_name)

    @cached_property
    def _any_path(self) -> re.Pattern[str]:
        return _any_of(rule.glob.expression for rule in self._rules if not rule.by_name)


def parse(content: bytes) -> Iterator[Rule]:
    """The rules of an ignore file, in order; comments and blank lines are none."""
    for number, line in enumerate(content.removeprefix(_BYTE_ORDER_MARK).split(b"\n"), 1):
        if line.startswith(b"#"):
            continue
        text = _without_trailing_spaces(line.removesuffix(b"\r").partition(b"\0")[0])
        pattern = text.removeprefix(b"!")
        folders_only = pattern.endswith(b"/")
        if folders_only:
            pattern = pattern[:-1]
        by_name = b"/" not in pattern
        if not by_name:
            pattern = pattern.removeprefix(b"/")
        if pattern:
            yield Rule(pattern, text.startswith(b"!"), folders_only, by_name, number, text)


def _without_trailing_spaces(line: bytes) -> bytes:
    end = len(line)
    while end and line[end - 1 : end] == b" ":
        end -= 1
    backslashes = end - len(line[:end].rstrip(b"\\"))
    # An odd number of backslashes quotes the first of the spaces.
    return line[: end + backslashes % 2]


def _any_of(expressions: Iterable[str | None]) -> re.Pattern[str]:
    unique = dict.fromkeys(expression for expression in expressions if expression is not None)
    return re.compile("|".join(unique) or _NEVER, re.DOTALL)


def _translate(pattern: bytes) -> Iterator[Token]:
    position = 0
    while position < len(pattern):
        character = pattern[position : position + 1]
        if character == b"*":
            token, position = _translate_stars(pattern, position)
        elif character == b"[":
            token, position = _translate_set(pattern, position + 1)
        elif character == b"?":
            token, position = "[^/]", position + 1
        elif character == b"\\":
            literal = pattern[position + 1 : position + 2].decode("latin-1")
            token, position = re.escape(literal) if literal else _NEVER, position + 2
        else:
            token, position = re.escape(character.decode("latin-1")), position + 1
        yield token


def _translate_stars(pattern: bytes, start: int) -> tuple[Token, int]:
    end = start
    while pattern[end : end + 1] == b"*":
        end += 1
    rest = pattern[end:]
    begins_component = start == 0 or pattern[start - 1 : start] == b"/"
    if end - start == 1 or not begins_component or (rest and not rest.startswith((b"/", b"\\/"))):
        return Wild.WITHIN, end
    if rest.startswith(b"/"):
        return Wild.FOLDERS, end + 1
    return Wild.ANYTHING, end


def _translate_set(pattern: bytes, position: int) -> tuple[Token, int]:
    """`[…]` as git reads it: the set of single bytes, never the slash; a set without an end matches nothing."""
    negated = pattern[position : position + 1] in (b"!", b"^")
    position += negated
    chosen: set[int] = set()
    previous: int | None = None
    first = True
    while first or pattern[position : position + 1] != b"]":
        first = False
        if position >= len(pattern):
            return _NEVER, len(pattern)
        current = pattern[position]
        if current == ord("-") and previous is not None and pattern[position + 1 : position + 2] not in (b"", b"]"):
            position += 1 + (pattern[position + 1] == ord("\\"))
            if position >= len(pattern):
                return _NEVER, len(pattern)
            chosen.update(range(previous, pattern[position] + 1))
            previous = None
        elif (
            pattern.startswith(b"[:", position)
            and (end := pattern.find(b"]", position + 2)) > 0
            and (end > position + 2 and pattern[end - 1 : end] == b":")
        ):
            members = _CLASSES.get(pattern[position + 2 : end - 1])
            if members is None:
                return _NEVER, len(pattern)
            chosen.update(byte for byte in range(256) if re.match(members, bytes([byte])))
            position, previous = end, None
        else:
            if current == ord("\\"):
                position += 1
                if position >= len(pattern):
                    return _NEVER, len(pattern)
                current = pattern[position]
            chosen.add(current)
            previous = current
        position += 1
    members_left = (set(range(256)) - chosen if negated else chosen) - {ord("/")}
    if not members_left:
        return _NEVER, position + 1
    return "[" + "".join(f"\\x{byte:02x}" for byte in sorted(members_left)) + "]", position + 1
