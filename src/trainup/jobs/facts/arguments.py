"""How a command or its arguments changed: `--epochs 3 → 5, +--smoke`."""

import difflib
import re
from collections.abc import Iterator, Sequence

from trainup.core import input_secrets
from trainup.jobs.facts.wording import HIDDEN, clipped

_FLAG = re.compile(r"--?[A-Za-z][\w.-]*")
Unit = tuple[str, ...]
"""A flag with its value, or one word."""


def changes(before: Sequence[str], now: Sequence[str]) -> list[str]:
    """What differs between two lists of words, in words; values that look like secrets are masked."""
    hidden = {word for words in (before, now) for word in _suspects(words)}
    old, new = list(_units(before)), list(_units(now))
    if _are_unique(old) and _are_unique(new):
        by_flag = {unit[0]: unit for unit in old if len(unit) == 2}
        pairs = [(by_flag[unit[0]], unit) for unit in new if len(unit) == 2 and unit[0] in by_flag]
        texts = [f"{a[0]} {_shown(a[1], hidden)} → {_shown(b[1], hidden)}" for a, b in pairs if a[1] != b[1]]
        flags = {a[0] for a, _ in pairs}
        old, new = ([unit for unit in units if unit[0] not in flags] for units in (old, new))
    else:
        texts = []
    for kind, from_old, to_old, from_new, to_new in difflib.SequenceMatcher(
        None, old, new, autojunk=False
    ).get_opcodes():
        removed, added = old[from_old:to_old], new[from_new:to_new]
        if kind == "replace" and len(removed) == len(added):
            texts += [f"{_text(a, hidden)} → {_text(b, hidden)}" for a, b in zip(removed, added, strict=True)]
        elif kind != "equal":
            texts += [*(f"−{_text(unit, hidden)}" for unit in removed), *(f"+{_text(unit, hidden)}" for unit in added)]
    if not texts and list(before) != list(now):
        texts = ["their order" if sorted(before) == sorted(now) else "written in another way"]
    return texts


def text_of(words: Sequence[str]) -> str:
    """The words as one text, masked and clipped; `none` where there are none."""
    hidden = set(_suspects(words))
    return clipped(" ".join(_shown(word, hidden) for word in words)) or "none"


def _units(words: Sequence[str]) -> Iterator[Unit]:
    position = 0
    while position < len(words):
        word = words[position]
        flag, equals, value = word.partition("=")
        following = words[position + 1] if position + 1 < len(words) else None
        position += 1
        if equals and _FLAG.fullmatch(flag):
            yield flag, value
        elif _FLAG.fullmatch(word) and following is not None and not _FLAG.match(following):
            yield word, following
            position += 1
        else:
            yield (word,)


def _are_unique(units: list[Unit]) -> bool:
    flags = [unit[0] for unit in units if len(unit) == 2]
    return len(flags) == len(set(flags))


def _suspects(words: Sequence[str]) -> Iterator[str]:
    for suspect in input_secrets.in_values(list(words)):
        word = words[int(suspect.place[0])]
        yield word
        yield word.partition("=")[2] or word


def _text(unit: Unit, hidden: set[str]) -> str:
    return " ".join(_shown(word, hidden) for word in unit)


def _shown(word: str, hidden: set[str]) -> str:
    if word in hidden:
        return HIDDEN
    return clipped(word) if word else "''"
