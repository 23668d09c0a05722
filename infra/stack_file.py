"""Reads how values are spelled in the stack's file: the engine changes the text of a date, of `1.10` or `00123`."""

import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from math import isfinite
from pathlib import Path
from typing import Any

from trainup.core.written import changed, quotes, remember
from trainup.infra import project_files

TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)? [+-]\d{4} \S+")
"""A time in the engine's format, into which it converts every date."""
NOTHING = "<nil>"
"""The engine's text for a key that is null."""
DATE = re.compile(r"\d{4}-\d\d?-\d\d?(?:[Tt\s].*)?", re.DOTALL)
WORDS = {word: text for text in ("true", "false") for word in (text, text.title(), text.upper())}
WORDS |= dict.fromkeys(("", "~", "null", "Null", "NULL"), NOTHING)
"""YAML word that the engine reads as a boolean or null → the text into which it converts it."""
DECIMAL = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
INTEGER = re.compile(r"([-+]?)0(?:[xX]([0-9a-fA-F]+)|[bB]([01]+)|[oO]?([0-7]+))")
BASES = (16, 2, 8)
MERGE, TEXT = "tag:yaml.org,2002:merge", "tag:yaml.org,2002:str"

Node = Any
"""A node of PyYAML, whose type stubs lack the attributes that are used here."""
ValuePath = tuple[str | int, ...]
"""Keys and indices below a key of the configuration."""


class StackFile:
    """The files that a stack's configuration may come from; read only where the engine may have changed a value."""

    def __init__(self, root: Path, project: str, stack: str) -> None:
        self._root, self._project, self._stack = root, project, stack
        self._children: dict[int, Mapping[str, list[tuple[str, Node]]]] = {}

    def marked(self, name: str, value: Any) -> tuple[Any, list[tuple[ValuePath, str]]]:
        """The value of a key, with numbers that remember their spelling, and a problem for each changed text."""
        problems: list[tuple[ValuePath, str]] = []

        def mark(value: Any, path: ValuePath) -> Any:
            if isinstance(value, dict):
                for inner in value:
                    problems.extend(((*path, inner), problem) for problem in self._key_problems(name, path, inner))
                return {inner: mark(item, (*path, inner)) for inner, item in value.items()}
            if isinstance(value, list):
                return [mark(item, (*path, index)) for index, item in enumerate(value)]
            if isinstance(value, str) and TIME.fullmatch(value) and (problem := self._time_problem(name, path, value)):
                problems.append((path, problem))
            return remember(value, lambda: self._written(name, path, value))

        return mark(value, ()), problems

    def text_problem(self, name: str, text: str) -> str | None:
        """How the text of a key differs from its spelling in the file; None where it does not."""
        if TIME.fullmatch(text):
            return self._time_problem(name, (), text)
        if number_of(text) is not None:
            spelling = self._written(name, (), text)
            return None if spelling in (None, text) else changed(str(spelling), text, "a number")
        return None

    def _time_problem(self, name: str, path: ValuePath, value: str) -> str | None:
        spelling = self._written(name, path, value)
        if spelling is None:
            return f"{value} is what becomes of a date that is not in quotes: put it in quotes"
        return None if spelling == value else changed(spelling, value, "a date")

    def _key_problems(self, name: str, path: ValuePath, key: str) -> Iterator[str]:
        """Problems of a key in a map, which YAML may have read as a date, number or boolean."""
        if not (TIME.fullmatch(key) or key in WORDS.values() or number_of(key) is not None):
            return
        spellings = {text for node in self._nodes(name, path) for text, _ in self._below(node).get(_meaning(key), [])}
        if not spellings and TIME.fullmatch(key):
            yield f"the key {key} is what becomes of a date that is not in quotes: put it in quotes"
        elif spellings and key not in spellings:
            (text, *_) = sorted(spellings)
            yield f"the key {text} was written, and {key} arrives: {quotes(text)}"

    def _written(self, name: str, path: ValuePath, value: Any) -> str | None:
        """The spelling of a value at a path; None where no file has it."""
        spellings = [
            node.value
            for node in self._nodes(name, path)
            if node.id == "scalar"
            and (_is_plain(node) or node.value == value)
            and _meaning(node.value) == _meaning(value)
        ]
        return next((text for text in spellings if text == str(value)), spellings[0] if spellings else None)

    def _nodes(self, name: str, path: ValuePath) -> list[Node]:
        """The nodes at a path, one for each file that has it."""
        nodes = self._tops.get(name, [])
        for step in path:
            nodes = [below for node in nodes for below in self._step(node, step)]
        return nodes

    def _step(self, node: Node, step: str | int) -> list[Node]:
        if isinstance(step, int):
            is_list = isinstance(node.value, list) and node.id == "sequence" and step < len(node.value)
            return [node.value[step]] if is_list else []
        return [below for text, below in self._below(node).get(_meaning(step), [])]

    def _below(self, node: Node) -> Mapping[Any, list[tuple[str, Node]]]:
        """Meaning of a map's key → the key's spellings with their nodes; empty for a node that is no map."""
        if node.id != "mapping":
            return {}
        if id(node) not in self._children:
            # Stored before it is complete, so that a map that merges itself does not recurse forever.
            children: dict[Any, list[tuple[str, Node]]] = {}
            self._children[id(node)] = children
            merged = [key_node for key_node in node.value if key_node[0].tag == MERGE]
            for key, value in node.value:
                if key.tag != MERGE and isinstance(key.value, str):
                    children.setdefault(_meaning(key.value), []).append((key.value, value))
            for _, source in merged:
                for each in source.value if source.id == "sequence" else [source]:
                    for meaning, pairs in list(self._below(each).items()):
                        children.setdefault(meaning, pairs)
        return self._children[id(node)]

    @cached_property
    def _tops(self) -> dict[str, list[Node]]:
        """Key of the configuration, with its namespace → its nodes."""
        import yaml  # slow to import, and used for nothing else

        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        nodes: dict[str, list[Node]] = {}
        for path in _candidates(self._root, self._stack):
            try:
                document = yaml.compose(path.read_bytes(), Loader=loader)
            except (OSError, yaml.YAMLError, ValueError, RecursionError):
                continue  # the engine reads another file, or accepts what PyYAML does not
            if document is None:
                continue
            for config in self._step(document, "config"):
                for key, node in config.value if config.id == "mapping" else []:
                    if isinstance(key.value, str):
                        nodes.setdefault(_whole(key.value, self._project), []).extend(self._values(node))
        return nodes

    def _values(self, node: Node) -> list[Node]:
        """The node itself, as in the stack's file, and those at `value` and `default`, as in the project's."""
        return [node, *(below for name in ("value", "default") for below in self._step(node, name))]


def _is_plain(node: Node) -> bool:
    """Whether YAML decides what the word means: it is not in quotes or has a tag."""
    return not node.style or node.tag != TEXT


def _candidates(root: Path, stack: str) -> list[Path]:
    """The stack's file, and the project's, which may hold values too."""
    import yaml

    own = project_files.project_file(root)
    try:
        return [project_files.stack_file(root, stack), *([own] if own else [])]
    except (OSError, ValueError, TypeError, RecursionError, yaml.YAMLError):
        return []  # the project file cannot be read; the engine would have refused it


def _whole(key: str, project: str) -> str:
    """The key with its namespace; the project's own may be left out."""
    namespace, _, name = key.rpartition(":")
    return f"{namespace.removesuffix(':config') or project}:{name}"


def _meaning(value: Any) -> Any:
    """The meaning of a spelling: equal for all spellings of the same number, date or word."""
    if not isinstance(value, str):
        value = str(value)
    number = number_of(value)
    if number is not None:
        return number
    if DATE.fullmatch(value):
        # The engine keeps the time as it was written, and prints the zone behind it.
        digits = [int(part) for part in re.findall(r"\d+", re.sub(r"\.\d+", "", value))]
        return tuple([*digits, 0, 0, 0][:6]) if len(digits) >= 6 else tuple([*digits[:3], 0, 0, 0])
    return WORDS.get(value, value)


def number_of(text: str) -> float | None:
    """The number that the engine reads in a plain word; None where it reads none."""
    if text[:1] == "_":
        return None
    plain = text.replace("_", "")
    if match := INTEGER.fullmatch(plain):
        (digits, base) = next((digits, base) for digits, base in zip(match.groups()[1:], BASES, strict=True) if digits)
        return float(int(match[1] + digits, base)) if len(digits) < 65 else None
    if not DECIMAL.fullmatch(plain):
        return None
    number = float(plain)
    return number if isfinite(number) else None
