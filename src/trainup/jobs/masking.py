"""Replaces secrets in printed lines by `***`.

It masks the text of a secret and each of its lines: unchanged; escaped as in JSON, Python's `repr`, URLs, HTML and
shells, up to three times over; and in base64, also as a part of the encoded data. Texts and lines shorter than
`SHORTEST` are not masked: they would mask half of every log. Other forms of a secret (a piece of it, its hash, its
bytes in hexadecimal) are not recognised.
"""

import base64
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import dropwhile, takewhile

from trainup.jobs.spellings import (
    AGAIN,
    Spelling,
    Token,
    base64_token,
    codes_of,
    pattern_of,
    to_bytes,
    token_pattern,
    tokens_of,
)

MASK = b"***"
SHORTEST = 4
"""Characters."""
BLOCK = 510
"""A longer text is looked for in pieces of so many characters: in bytes, a whole number of base64's groups."""
LONGEST_CHARACTER = 64
"""Bytes that a character of a secret takes at most, such as `%252525F0%2525259F%25252594%25252591`."""
BASE64_START = 16
"""Characters of base64 by which the rest is known."""
WRAPPED = (64, 76)
"""Characters in a line of base64, as PEM and as MIME break it."""
WORD = 4
ANCHOR = 2 * WORD - 1
"""Bytes of which, wherever they lie, one whole word is at a multiple of its size."""

_BASE64_BYTES = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_"
_CODE = re.compile(r"%[0-9A-Fa-f]{2}|&#?\w+;")


@dataclass(frozen=True)
class _Needle:
    """A text to search for, with its spellings."""

    tokens: tuple[Token, ...]
    end: bytes = b""
    """A pattern for the end of the text that its tokens do not cover."""
    before: bool = False
    """Whether the character before it holds some of its bits."""

    @cached_property
    def anchor(self) -> bytes | None:
        """`ANCHOR` bytes that are in it however it is written, the least common ones; None where there are none."""
        literal = b"".join(token if isinstance(token, bytes) else b"\n" for token in self.tokens)
        candidates = [literal[at : at + ANCHOR] for at in range(len(literal) - ANCHOR + 1)]
        return max((part for part in candidates if b"\n" not in part), key=lambda part: len(set(part)), default=None)

    def spellings(self) -> Iterator[Spelling]:
        """One for each spelling of its first part."""
        first, *others = self.tokens
        literal = b"".join(takewhile(lambda token: isinstance(token, bytes), others))  # type: ignore[arg-type]
        patterns = [token_pattern(token) for token in dropwhile(lambda token: isinstance(token, bytes), others)]
        rest = b"".join(patterns) + self.end + (b"()" if self.before else b"")
        for start, more in [(first, b"")] if isinstance(first, bytes) else first:
            yield (start, more + re.escape(literal) + rest) if more else (start + literal, rest)


AMBIGUOUS = ("\u00c2\u0082", "\u00c3\u0083")
"""A character and the next whose codes are the two bytes of the first in UTF-8."""


class Mask:
    """Finds secrets in lines, however they are spelled."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        secrets = [secret for secret in secrets if len(secret.strip()) >= SHORTEST]
        # In these, an escape of one character reads like those of two: `\\xc3\\x83` is both, and only one is tried.
        ambiguous = [secret for secret in secrets if any(pair in secret for pair in AMBIGUOUS)]
        self._secrets = sorted({*secrets, *(ascii(secret.strip())[1:-1] for secret in ambiguous)})

    @property
    def longest(self) -> int:
        """The most bytes that are found as one."""
        return LONGEST_CHARACTER * (BLOCK + SHORTEST) if self._secrets else 1

    def mask(self, lines: bytes) -> bytes:
        """The lines without secrets. They are whole: half a secret is not recognised."""
        if not self._may_hold_one(lines):
            return lines
        parts, position = [], 0
        for begin, end in self._places(lines):
            parts += [lines[position:begin], MASK]
            position = end
        return b"".join(parts) + lines[position:]

    def mask_text(self, text: str) -> str:
        """The same for text."""
        return self.mask(to_bytes(text)).decode("utf-8", "replace") if self._secrets else text

    def next_cut(self, line: bytes, cut: int) -> int:
        """The first place, from `cut` on, where a line can be cut without halving a secret."""
        for begin, end in self._places(line) if self._may_hold_one(line) else ():
            if begin >= cut:
                break
            cut = max(cut, end)
        return cut

    def _may_hold_one(self, lines: bytes) -> bool:
        """Whether the lines may hold a secret. Comparing machine words is many times faster than any pattern."""
        if not self._secrets:
            return False
        words = memoryview(lines + bytes(-len(lines) % WORD)).cast("I")
        if not self._anchors.keys().isdisjoint(words):
            hits = self._anchors.keys() & set(words)
            if any(anchor in lines for hit in hits for anchor in self._anchors[hit]):
                return True
        return bool(self._short and self._short.search(lines))

    def _places(self, lines: bytes) -> Iterator[tuple[int, int]]:
        position = 0
        for match in self._all.finditer(lines):
            begin = match.start()
            if match.lastindex and begin > position and lines[begin - 1] in _BASE64_BYTES:
                begin -= 1
            yield begin, match.end()
            position = match.end()

    @cached_property
    def _needles(self) -> list[_Needle]:
        return list(dict.fromkeys(needle for secret in self._secrets for needle in _all_of(secret)))

    @cached_property
    def _anchors(self) -> dict[int, set[bytes]]:
        """Word → the anchors that it is in."""
        anchors: dict[int, set[bytes]] = {}
        for anchor in {needle.anchor for needle in self._needles if needle.anchor}:
            for at in range(ANCHOR - WORD + 1):
                anchors.setdefault(int.from_bytes(anchor[at : at + WORD], sys.byteorder), set()).add(anchor)
        return anchors

    @cached_property
    def _short(self) -> re.Pattern[bytes] | None:
        short = [needle for needle in self._needles if not needle.anchor]
        return _compiled(short) if short else None

    @cached_property
    def _all(self) -> re.Pattern[bytes]:
        return _compiled(self._needles)


def _compiled(needles: Iterable[_Needle]) -> re.Pattern[bytes]:
    spellings = {spelling for needle in needles for spelling in needle.spellings()}
    return re.compile(_tree(sorted(spellings, key=lambda spelling: (-sum(map(len, spelling)), spelling))))


def _all_of(secret: str) -> Iterator[_Needle]:
    for text in {secret.strip(), *(line.strip() for line in secret.splitlines())}:
        if len(text) >= SHORTEST:
            for piece in _pieces(text):
                yield from _written(piece)
    for text in {secret, secret.strip()}:
        data = to_bytes(text)
        for start in range(0, len(data), BLOCK):
            yield from _encoded(data[start : start + BLOCK])
        for line in {*_wrapped(data), *_wrapped(data.rstrip() + b"\n")}:
            yield _run([base64_token(char) for char in line], max(WRAPPED) - len(line))


def _pieces(text: str) -> list[str]:
    """The text in pieces, none of which is too short to be looked for."""
    pieces = [text[start : start + BLOCK] for start in range(0, len(text), BLOCK)]
    if len(pieces) > 1 and len(pieces[-1]) < SHORTEST:
        pieces[-2:] = [pieces[-2] + pieces[-1]]
    return pieces


def _written(text: str) -> Iterator[_Needle]:
    """A text as it is, and with each of its characters spelled in any way."""
    yield _Needle((to_bytes(text),))
    # A text that looks escaped already can be told from its escapes only if they are of one kind and not nested.
    ways = [(b"\\%&", AGAIN), *([(b"\\", 0), (b"%", 0), (b"&", 0)] if _CODE.search(text) else [])]
    for kinds, again in ways:
        yield _Needle(tuple(tokens_of(text, kinds, again)))


def _encoded(data: bytes) -> Iterator[_Needle]:
    """A text in base64, wherever it begins among the bytes that are encoded in threes."""
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + data).decode()
        begin, end = -(-before * 8 // 6), (before + len(data)) * 8 // 6
        if end - begin >= SHORTEST:
            # The characters around may hold the first and the last bits of the text, with some of its neighbours'.
            tokens = [base64_token(char) for char in encoded[begin:end]]
            yield _run(tokens, 1 if (before + len(data)) % 3 else 0, before=before > 0)


def _run(tokens: Sequence[Token], more: int, *, before: bool = False) -> _Needle:
    """Characters of base64, recognised by the first ones, and `more` of them; it may be filled up at the end."""
    rest = len(tokens[BASE64_START:]) + more
    codes = pattern_of([*codes_of("+", b"%\\"), *codes_of("/", b"%\\")])
    filling = pattern_of([(b"=", b""), *codes_of("=", b"%\\")])
    end = b"(?:[A-Za-z0-9+/_-]|%s){0,%d}+(?:%s){0,2}+" % (codes, rest, filling)
    return _Needle(tuple(tokens[:BASE64_START]), end, before)


def _wrapped(data: bytes) -> Iterator[str]:
    """The lines of base64 that is broken into lines."""
    encoded = base64.b64encode(data).decode()
    for width in WRAPPED:
        lines = [encoded[start : start + width].rstrip("=") for start in range(0, len(encoded), width)]
        yield from (line for line in lines if len(lines) > 1 and len(line) >= SHORTEST)


def _tree(spellings: Sequence[Spelling], depth: int = 4) -> bytes:
    """One pattern for all, which decides by one byte at a time: most places in a log are left at the first."""
    if not depth or len(spellings) == 1:
        return pattern_of(spellings)
    branches: dict[bytes, list[Spelling]] = {}
    for start, rest in spellings:
        branches.setdefault(start[:1], []).append((start[1:], rest))
    # Those that go on with a pattern come first: it takes all of a spelling, where a literal may take its beginning.
    parts = [rest for _, rest in branches.pop(b"", [])]
    parts += [re.escape(first) + b"(?:" + _tree(inner, depth - 1) + b")" for first, inner in branches.items()]
    return b"|".join(parts)
