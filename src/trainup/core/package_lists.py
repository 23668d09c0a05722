"""How requirements changed: `torch 2.8 → 2.9, +pandas 2.3, −scipy`."""

import re
from collections.abc import Iterable

from trainup.core import requirements

MOST_NAMED = 6
_REQUIREMENT = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*([^;]*)")
_OPTIONS = re.compile(r"\s--?[a-z].*$")
_LOGIN = re.compile(r"(?<=://)[^/\s@]+@")


def lines_of(text: str) -> list[str]:
    """The lines of a file of requirements, or the packages of a Conda file, with logins in addresses masked."""
    if re.search(r"^dependencies\s*:", text, re.MULTILINE):
        items = re.findall(r"^\s*-\s+(?!pip\s*:)(.*?)\s*(?:#.*)?$", text, re.MULTILINE)
        return [_LOGIN.sub("***@", item.strip("\"'")) for item in items]
    return [_LOGIN.sub("***@", line) for line in requirements.lines(text)]


def changes(before: Iterable[str], now: Iterable[str]) -> list[str]:
    """What differs between two lists of requirements, in words; empty if only order or hashes do."""
    old, new = _by_name(before), _by_name(now)
    changed = [
        f"{name} {old[name] or 'any'} → {new[name] or 'any'}" for name in new if old.get(name, new[name]) != new[name]
    ]
    added = [f"+{name} {new[name]}".rstrip() for name in new if name not in old]
    removed = [f"−{name}" for name in old if name not in new]
    return [*changed, *added, *removed]


def summary(before: Iterable[str], now: Iterable[str]) -> str:
    """The same as one text; empty if nothing differs."""
    texts = changes(before, now)
    more = len(texts) - MOST_NAMED
    return ", ".join([*texts[:MOST_NAMED], *([f"and {more} more"] if more > 0 else [])])


def _by_name(lines: Iterable[str]) -> dict[str, str]:
    """Package → its version or specifier, in the order of the lines; other lines stand for themselves."""
    result: dict[str, str] = {}
    for line in lines:
        line = _LOGIN.sub("***@", line)
        text = _OPTIONS.sub("", line).strip()
        match = _REQUIREMENT.fullmatch(text.partition(";")[0].strip())
        if match is None or line.startswith("-"):
            result[line] = ""
            continue
        name, version = match[1].lower().replace("_", "-"), match[2].strip()
        marker = text.partition(";")[2].strip()
        exact = re.fullmatch(r"={1,3}\s*([^=,<>!~\s]+)", version)
        shown = exact[1] if exact else version.replace(" ", "")
        shown = f"{shown} ({marker})" if marker else shown
        result[name] = f"{result[name]} | {shown}" if name in result else shown
    return result
