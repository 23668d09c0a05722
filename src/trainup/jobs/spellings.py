"""The ways to spell a character in a log, as patterns: escaped as in JSON, Python's `repr`, URLs, HTML and shells."""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache

AGAIN = 3
"""How many more times an escaped text may be escaped for a URL or for HTML."""
_SHORT = {"\n": b"n", "\r": b"r", "\t": b"t", "\b": b"b", "\f": b"f", "\v": b"v", "\a": b"a", "\0": b"0"}
_HTML = {"&": b"amp", "<": b"lt", ">": b"gt", '"': b"quot", "'": b"apos"}
_QUOTED = {"'": (b"'\"'\"'", b"'\\''")}
"""What becomes of a quote between quotes in a shell."""
_DOUBLED = {"'": b"''", '"': b'""'}
"""What becomes of a quote between quotes in SQL and in CSV."""
_PART = re.compile(r"(\\*)(([\"'])\3+|[^\\]|\Z)", re.DOTALL)
"""Backslashes, and the character or the run of equal quotes that follows."""

Spelling = tuple[bytes, bytes]
"""What it begins with, literally, and a pattern for the rest."""
Token = bytes | Sequence[Spelling]
"""A part of a text: one that is written in one way, or all the ways to write it."""


def to_bytes(text: str) -> bytes:
    """The text in UTF-8, in which a lone surrogate is a question mark."""
    return text.encode("utf-8", "replace")


def tokens_of(text: str, kinds: bytes, again: int) -> Iterator[Token]:
    """The parts of a text. `kinds` are the first characters of the codes that count, each written `again` at most."""
    for match in _PART.finditer(text):
        backslashes, chars = len(match[1]), match[2]
        if len(chars) > 1 and backslashes:
            yield _token(backslashes, chars[0], kinds, again, doubled=False)
            backslashes, chars = 0, chars[1:]
        if len(chars) > 1:
            yield _quotes(chars[0], len(chars), kinds, again)
        elif backslashes or chars:
            yield _token(backslashes, chars, kinds, again)


@cache
def base64_token(char: str) -> Token:
    """A character of base64, which may be that of a URL, or escaped."""
    if char.isalnum():
        return char.encode()
    return (b"-" if char == "+" else b"_", b""), *_every_spelling(char, b"\\%&", AGAIN)


def _quotes(char: str, count: int, kinds: bytes, again: int) -> Token:
    """Equal quotes, all of them doubled or none: two could be one that is doubled."""
    single = _every_spelling(char, kinds, again, doubled=False)
    others = b"(?>" + pattern_of(single) + b"){%d}" % (count - 1)
    return (_DOUBLED[char] * count, b""), *((start, rest + others) for start, rest in single)


def _token(backslashes: int, char: str, kinds: bytes, again: int, *, doubled: bool = True) -> Token:
    """A character and the text's own backslashes before it; `doubled` is about a quote between quotes."""
    if not backslashes:
        return char.encode() if char.isascii() and char.isalnum() else _every_spelling(char, kinds, again)
    # These backslashes cannot be distinguished from those of an escape that follows, so one pattern matches both.
    any_char = (
        b"(?:"
        + b"|".join([pattern_of(_every_spelling(char, kinds, again, doubled=doubled)), *_behind_backslashes(char)])
        + b")"
        if char
        else b""
    )
    codes = codes_of("\\", kinds, again)
    coded = [(start, rest + b"(?:" + pattern_of(codes) + b"){%d}+" % (backslashes - 1)) for start, rest in codes]
    both = [*coded, (b"\\", rb"\\{%d,%d}+" % (backslashes - 1, 8 * backslashes + 7))]
    return tuple((start, rest + any_char) for start, rest in both)


@cache
def _every_spelling(char: str, kinds: bytes, again: int, *, doubled: bool = True) -> Sequence[Spelling]:
    whole = [*_QUOTED.get(char, ()), *([_DOUBLED[char]] if doubled and char in _DOUBLED else []), to_bytes(char)]
    bare = [] if char in "\n\r" else whole
    bare += [char.encode("latin-1")] if "\x7f" < char <= "\xff" else []
    bare += [b"+"] if char == " " else []
    # Codes first: some begin with the character itself.
    return (*codes_of(char, kinds, again), *((item, b"") for item in bare))


def codes_of(char: str, kinds: bytes, again: int = AGAIN) -> list[Spelling]:
    """The spellings of a character that begin so: an escape, a code of a URL, one of HTML, each written `again`."""
    spellings: list[Spelling] = []
    for kind in (bytes([kind]) for kind in kinds):
        if kind == b"\\":  # doubled each time that the text is escaped again
            spellings += [(kind, rb"\\{0,7}+" + code) for code in _behind_backslashes(char)]
        elif kind == b"%":
            code = b"(?:25){0,%d}+" % again
            code += (b"%" + code).join(map(_hex, to_bytes(char)))
            spellings.append((kind, b"(?:25){1,%d}+" % (again + 1) if char == "%" else code))
        else:
            amp = b"(?:amp;){0,%d}+" % again
            spellings.append((kind, amp + b"#(?:0{0,4}+%d|[xX]0{0,4}+%s);" % (ord(char), _any_case(f"{ord(char):x}"))))
            if char in _HTML:
                more = b"(?:amp;){1,%d}+" % (again + 1) if char == "&" else amp + _HTML[char] + b";"
                spellings.append((kind, more))
    return spellings


def _behind_backslashes(char: str) -> list[bytes]:
    """Patterns for what follows the backslashes of an escape."""
    more = rb"\\{1,8}+"
    data, wide = to_bytes(char), char.encode("utf-16-be", "replace")
    units = [b"u" + _hex(wide[at]) + _hex(wide[at + 1]) for at in range(0, len(wide), 2)]
    patterns = [
        more.join(units),
        more.join(b"x" + _hex(byte) for byte in data),
        more.join(b"%03o" % byte for byte in data),
    ]
    patterns += [b"x" + _hex(ord(char))] if "\x7f" < char <= "\xff" else []
    patterns += [b"U" + _any_case(f"{ord(char):08x}")] if char > "\uffff" else []
    patterns += [_SHORT[char]] if char in _SHORT else []
    patterns += [re.escape(data)] if char not in "\n\r" else []
    return patterns


def _hex(byte: int) -> bytes:
    return _any_case(f"{byte:02x}")


def _any_case(digits: str) -> bytes:
    return "".join(f"[{digit}{digit.upper()}]" if digit.isalpha() else digit for digit in digits).encode()


def token_pattern(token: Token) -> bytes:
    """A pattern that commits itself to the first spelling that fits: a line takes time proportional to its length."""
    return re.escape(token) if isinstance(token, bytes) else b"(?>" + pattern_of(token) + b")"


def pattern_of(spellings: Iterable[Spelling]) -> bytes:
    """A pattern for any of them."""
    return b"|".join(re.escape(start) + rest for start, rest in spellings)
