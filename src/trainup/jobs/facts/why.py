"""Why a run trains again, or what an update changes in place: the differences between two sets of inputs, in words."""

import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trainup.core import input_secrets, package_lists
from trainup.core.declaration import Role
from trainup.core.input_assets import CONTENT
from trainup.core.inputs import COMPUTED, with_definition
from trainup.core.run_keys import KEYS
from trainup.core.values import Secret, Unknown, has_unknown
from trainup.jobs.facts import arguments
from trainup.jobs.facts.files import FileChange
from trainup.jobs.facts.wording import HIDDEN, from_to, listed, shown

MOST_FILES_NAMED = 4
MOST_WORDS = 8
PLACES = frozenset({"source", "job", "allow_secrets", "environment", *COMPUTED}) - {
    "shell_command",
    "conda",
    "services",
}
"""Inputs that only say where something lies, or that sum up others."""
_RUN = re.compile(r"([a-z][a-z0-9]*(?:-[a-z0-9]+)*)-[0-9a-f]{12}(?:-a\d+)?(?=/|$)")
"""The id of a run in the address of its outputs."""
LONGEST_REFERENCE = 12
"""Digits of an image's digest that are shown."""

Packages = Callable[[Any], Sequence[str] | None]
"""The requirements of an image by its reference; None where they are not known."""


@dataclass(frozen=True)
class Reason:
    """One difference."""

    key: str
    """The input; `source` for files."""
    text: str
    """`arguments: --epochs 3 → 5`."""
    in_place: bool = False
    """Whether nothing trains again for it."""
    lines: tuple[str, ...] = ()
    """The changed lines of a file, as `diff -u` shows them."""


@dataclass(frozen=True)
class Surroundings:
    """What is known beside the inputs."""

    files: Sequence[FileChange] = ()
    packages: Packages = lambda reference: None
    new_image: str = ""
    """What is known of an image that will be built: `torch 2.8 → 2.9`."""


def reasons(before: Mapping[str, Any], now: Mapping[str, Any], around: Surroundings) -> list[Reason]:
    """The differences between the inputs of a run, those for which it trains again first."""
    old, new = with_definition(dict(before)), with_definition(dict(now))
    result = list(_files(str(new.get("source") or ""), old, new, around.files))
    for key in sorted(old.keys() | new.keys(), key=_order):
        if key in PLACES or _equal(old.get(key), new.get(key)):
            continue
        in_place = key not in IDENTITY
        result += [Reason(key, text, in_place) for text in _texts(key, old.get(key), new.get(key), around)]
    unique = {reason.text: reason for reason in reversed(result)}  # an upstream run may be named twice
    return sorted(reversed(unique.values()), key=lambda reason: reason.in_place)


IDENTITY = frozenset(
    {name for name, key in KEYS.items() if key.role is not Role.POLICY} | {"shell_command", "conda", "build"}
)
_ORDER = {name: number for number, name in enumerate(KEYS)}


def _order(key: str) -> tuple[int, str]:
    return _ORDER.get(key, -1), key


def _equal(before: Any, now: Any) -> bool:
    return before == now or (not before and not now and before not in (0, False) and now not in (0, False))


def _files(
    source: str, before: Mapping[str, Any], now: Mapping[str, Any], changes: Sequence[FileChange]
) -> Iterator[Reason]:
    """The changed files. Those of another folder are summed up."""
    if isinstance(now.get("manifest"), Unknown):
        yield Reason("source", "source: its files are known later")
        return
    former = before.get("source")
    is_other = bool(former) and bool(source) and former != source
    if not changes:
        if bool(before.get("manifest")) != bool(now.get("manifest")):
            yield Reason("source", f"source: {from_to(former, source or None)}")
        return
    if is_other or not before.get("manifest") or not now.get("manifest"):
        kinds = ("changed", "renamed", "added", "removed")
        counts = [(kind, sum(change.kind == kind for change in changes)) for kind in kinds]
        summary = ", ".join(f"{count:,} {kind}" for kind, count in counts if count)
        yield Reason("source", f"source: {from_to(former, source or None)} (files: {summary})")
    if not before.get("manifest") or not now.get("manifest"):
        return
    texts = [_in_source(source, change) for change in changes]
    if not is_other:
        for change, text in list(zip(changes, texts, strict=True))[:MOST_FILES_NAMED]:
            yield Reason("source", text, lines=change.lines.shown)
        if more := changes[MOST_FILES_NAMED:]:
            lines = tuple(line for change in more for line in _headed(source, change))
            yield Reason("source", f"and {len(more):,} more files of {source}", lines=lines)
    else:
        lines = tuple(line for change in changes for line in _headed(source, change))
        if lines:
            yield Reason("source", "lines of files that both folders have", lines=lines)


def _headed(source: str, change: FileChange) -> Iterator[str]:
    if change.lines.shown:
        yield f"--- {_path(source, change.path)}"
        yield from change.lines.shown


def _path(source: str, path: str) -> str:
    return path if source in ("", ".") else f"{source.rstrip('/')}/{path}"


def _in_source(source: str, change: FileChange) -> str:
    prefix = "" if source in ("", ".") else f"{source.rstrip('/')}/"
    return f"{prefix}{change.text}"


def _texts(key: str, before: Any, now: Any, around: Surroundings) -> Iterator[str]:
    special = _SPECIAL.get(key)
    if special:
        yield from special(before, now, around)
    elif isinstance(now, Unknown):
        yield f"{key}: known later"
    elif isinstance(before, dict) or isinstance(now, dict):
        yield f"{key}: {listed(map_changes(key, before or {}, now or {}), MOST_WORDS)}"
    else:
        yield f"{key}: {from_to(*_masked(key, before, now))}"


def map_changes(key: str, before: Any, now: Any) -> list[str]:
    """What differs between two maps, name by name."""
    if not isinstance(before, dict) or not isinstance(now, dict):
        return [from_to(*_masked(key, before, now))]
    hidden = {
        str(suspect.place[0])
        for values in (before, now)
        for suspect in input_secrets.in_values({name: _plain(value) for name, value in values.items()})
    }
    texts = []
    for name in sorted(before.keys() | now.keys()):
        old, new = before.get(name), now.get(name)
        if old == new:
            continue
        a, b = (HIDDEN, HIDDEN) if name in hidden else (shown(old), shown(new))
        if name not in before:
            texts.append(f"+{name}={b}")
        elif name not in now:
            texts.append(f"−{name}")
        else:
            texts.append(f"{name} {a} → {b}")
    return texts


def _plain(value: Any) -> Any:
    return "" if isinstance(value, (Unknown, Secret)) else value


def _masked(key: str, before: Any, now: Any) -> tuple[Any, Any]:
    """Two values, masked if one of them looks like a secret."""
    suspects = input_secrets.in_values({key: [_plain(before), _plain(now)]})
    return (HIDDEN, HIDDEN) if suspects else (before, now)


def _arguments(key: str) -> Callable[[Any, Any, Surroundings], Iterator[str]]:
    def texts(before: Any, now: Any, around: Surroundings) -> Iterator[str]:
        if has_unknown(now):
            yield f"{key}: known later"
            return
        old, new = _words(before), _words(now)
        if key == "command" and not (old and new):
            yield f"{key}: {arguments.text_of(old)} → {arguments.text_of(new)}"
        else:
            yield f"{key}: {listed(arguments.changes(old, new), MOST_WORDS)}"

    return texts


def _words(value: Any) -> list[str]:
    if isinstance(value, str):
        try:
            return shlex.split(value)
        except ValueError:  # an open quote, or one that only bash understands
            return value.split()
    return [str(word) for word in value or ()]


def _image(before: Any, now: Any, around: Surroundings) -> Iterator[str]:
    if isinstance(now, Unknown):
        yield f"image: {around.new_image or 'built again; what it will be is known later'}"
        return
    old, new = (around.packages(reference) if reference else None for reference in (before, now))
    if old is not None and new is not None and (difference := package_lists.summary(old, new)):
        yield f"image: {difference}"
        return
    unknown = ""
    if before and now and old is None and str(now).startswith("venv@"):
        unknown = " (the packages before are not known)"
    yield f"image: {_reference(before)} → {_reference(now)}{unknown}"


def _reference(reference: Any) -> str:
    if not isinstance(reference, str):
        return shown(reference)
    name, separator, digest = reference.partition("@sha256:")
    return f"{name}@{digest[:LONGEST_REFERENCE]}" if separator else shown(reference)


def _after(before: Any, now: Any, around: Surroundings) -> Iterator[str]:
    old, new = before or {}, now or {}
    if isinstance(new, Unknown):
        yield "after: known later"
        return
    for name in sorted(old.keys() | new.keys()):
        if name not in old:
            yield f"after: +{name}"
        elif name not in new:
            yield f"after: −{name}"
        elif old[name] != new[name]:
            yield f"upstream {name} trains again"


def _inputs(before: Any, now: Any, around: Surroundings) -> Iterator[str]:
    old, new = before or {}, now or {}
    if isinstance(new, Unknown):
        yield "inputs: known later"
        return
    for name in sorted(old.keys() | new.keys()):
        if name not in old or name not in new:
            yield f"inputs: {'+' if name in new else '−'}{name}"
        elif text := _input(name, old[name], new[name]):
            yield text


def _input(name: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> str | None:
    if "value" in before or "value" in now:
        same = before.get("value") == now.get("value")
        return None if same else f"inputs: {name} {from_to(*_masked(name, before.get('value'), now.get('value')))}"
    if before.get("digest") != now.get("digest"):
        digest = now.get("digest")
        if isinstance(digest, str) and digest.startswith(CONTENT):
            return f"data {name} changed ({shown(now.get('uri'))})"
        if isinstance(digest, Unknown) or _is_of_run(digest):
            upstream = _RUN.search(str(before.get("uri"))) or _RUN.search(str(now.get("uri")))
            return f"upstream {upstream[1]} trains again" if upstream else f"the run that makes {name} trains again"
        return f"data {name}: {from_to(before.get('digest'), digest)}"
    differing = [key for key in ("path", "mode", "type") if before.get(key) != now.get(key)]
    details = ", ".join(f"{key} {from_to(before.get(key), now.get(key))}" for key in differing)
    return f"inputs: {name} {details}" if details else None


def _is_of_run(digest: Any) -> bool:
    return isinstance(digest, str) and len(digest) == 64


def _secrets(before: Any, now: Any, around: Surroundings) -> Iterator[str]:
    old, new = _names(before), _names(now)
    differing = [*(f"+{name}" for name in sorted(new - old)), *(f"−{name}" for name in sorted(old - new))]
    if differing:
        yield f"secrets: {', '.join(differing)}"
    elif not has_unknown(now):
        yield "secrets: a value changed"


def _names(value: Any) -> set[str]:
    value = value.value if isinstance(value, Secret) else value
    return set(value) if isinstance(value, dict) else set()


def _conda(before: Any, now: Any, around: Surroundings) -> Iterator[str]:
    old, new = (package_lists.lines_of(text) if isinstance(text, str) else [] for text in (before, now))
    difference = package_lists.summary(old, new)
    yield f"conda: {difference}" if difference else "conda: the file changed"


def _build(before: Any, now: Any, around: Surroundings) -> Iterator[str]:
    yield f"build: {listed(map_changes('build', before or {}, now or {}), MOST_WORDS)}"


_SPECIAL: dict[str, Callable[[Any, Any, Surroundings], Iterator[str]]] = {
    "arguments": _arguments("arguments"),
    "command": _arguments("command"),
    "shell_command": _arguments("command"),
    "image": _image,
    "after": _after,
    "inputs": _inputs,
    "secrets": _secrets,
    "conda": _conda,
    "build": _build,
}
