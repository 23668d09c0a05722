"""How the text of a file changed: lines added and removed, with what looks like a secret masked."""

import difflib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from trainup.core import input_secrets, likely_secrets
from trainup.jobs.facts.wording import HIDDEN
from trainup.jobs.masking import Mask

MOST_BYTES = 512 * 1024
MOST_LINES = 5_000
"""Larger files are not compared line by line, which would take long."""
CONTEXT = 3
"""Unchanged lines that are shown around changed ones."""
NO_END = " (no line feed)"
_CONTROL = re.compile("[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u2028\\u2029]")
"""What would end a line elsewhere, or move the cursor of a terminal."""
_KEY_BEGINS, _KEY_ENDS = re.compile("-----BEGIN .*PRIVATE KEY"), re.compile("-----END ")


@dataclass(frozen=True)
class LineChanges:
    """The difference between two versions of a text; `added` and `removed` are None where it was not compared."""

    added: int | None = None
    removed: int | None = None
    note: str = ""
    """What else is to be said, such as `binary`."""
    shown: tuple[str, ...] = ()
    """The lines as `diff -u` shows them, without the names of the files."""

    @property
    def counts(self) -> str:
        """`+12 −3`, and the note."""
        is_counted = self.added is not None and not (self.note and self.added == self.removed == 0)
        numbers = [f"+{self.added:,} −{self.removed:,}"] if is_counted else []
        return ", ".join([*numbers, *([self.note] if self.note else [])])


def compare(before: bytes, now: bytes, name: str, secrets: Iterable[str] = ()) -> LineChanges:
    """The difference between two contents of the file `name`; the texts of `secrets` are masked wherever they stand."""
    if not (likely_secrets.is_text(before) and likely_secrets.is_text(now)):
        return LineChanges(note="binary")
    if max(len(before), len(now)) > MOST_BYTES:
        return LineChanges(note="too large to compare by lines")
    old, new = (text.decode("utf-8", "replace") for text in (before, now))
    old_lines, new_lines = (_lines(text) for text in (old, new))
    if max(len(old_lines), len(new_lines)) > MOST_LINES:
        return LineChanges(note="too long to compare by lines")
    note = ""
    if (ends := [_line_end(text) for text in (old, new)])[0] != ends[1] and all(ends):
        note = f"line ends {ends[0]} → {ends[1]}"
    masked = _masked(old_lines, name, secrets), _masked(new_lines, name, secrets)
    matcher = difflib.SequenceMatcher(None, old_lines, new_lines, autojunk=False)
    added = removed = 0
    for kind, from_old, to_old, from_new, to_new in matcher.get_opcodes():
        if kind != "equal":
            removed += to_old - from_old
            added += to_new - from_new
    if added == removed == 0 and not note and before != now:
        note = "only its line ends or unreadable characters differ"
    return LineChanges(added, removed, note, tuple(_hunks(matcher, *masked)))


def _lines(text: str) -> list[str]:
    """The lines; a last one that does not end says so, as in `diff`."""
    lines = text.replace("\r\n", "\n").split("\n")
    return lines[:-1] if not lines[-1] else [*lines[:-1], f"{lines[-1]}{NO_END}"]


def _line_end(text: str) -> str:
    if "\n" not in text:
        return ""
    return "CRLF" if text.count("\r\n") * 2 > text.count("\n") else "LF"


def _hunks(matcher: "difflib.SequenceMatcher[str]", old: list[str], new: list[str]) -> Iterator[str]:
    """As `difflib.unified_diff`, but with the masked lines: compared are the real ones."""
    for group in matcher.get_grouped_opcodes(CONTEXT):
        first, last = group[0], group[-1]
        yield f"@@ -{first[1] + 1},{last[2] - first[1]} +{first[3] + 1},{last[4] - first[3]} @@"
        for kind, from_old, to_old, from_new, to_new in group:
            if kind == "equal":
                yield from (f" {line}" for line in old[from_old:to_old])
                continue
            yield from (f"-{line}" for line in old[from_old:to_old])
            yield from (f"+{line}" for line in new[from_new:to_new])


def _masked(lines: list[str], name: str, secrets: Iterable[str]) -> list[str]:
    """The lines, with those that look like a secret or are part of a private key as `***`."""
    lines = [_CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", line) for line in lines]
    suspects = {number for number, _ in input_secrets.in_text("\n".join(lines), name)}
    mask = Mask(secrets)
    result, is_key = [], False
    for number, line in enumerate(lines, 1):
        is_key = is_key or bool(_KEY_BEGINS.search(line))
        result.append(HIDDEN if is_key or number in suspects else mask.mask_text(line))
        is_key = is_key and not _KEY_ENDS.search(line)
    return result
