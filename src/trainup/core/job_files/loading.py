"""Loads YAML with the original text of numbers, booleans and dates, since `1.10` used as a text must not become 1.1."""

from pathlib import Path
from typing import Any

import yaml

from trainup.core import bounded
from trainup.core.texts import decode
from trainup.core.written import WrittenOther, remember


class _Loader(yaml.SafeLoader):
    """Reads what Azure ML's client reads (PyYAML, which knows YAML 1.1)."""


def _keep_text_of(kind: str) -> None:
    tag = f"tag:yaml.org,2002:{kind}"
    construct = yaml.SafeLoader.yaml_constructors[tag]

    def construct_with_text(loader: Any, node: Any) -> Any:
        value, text = construct(loader, node), node.value
        return remember(value, lambda: text) if kind in ("int", "float") else WrittenOther(value, text)

    _Loader.add_constructor(tag, construct_with_text)


for _kind in ("int", "float", "bool", "timestamp"):
    _keep_text_of(_kind)


MOST_VALUES = 100_000
"""Maximum of values in a file, with every alias expanded."""


def load(text: str) -> Any:
    """The document. yaml.YAMLError, ValueError or RecursionError where it cannot be read."""
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        if (count := _values(node, {})) > MOST_VALUES:
            raise ValueError(f"its aliases stand for {count:,} values, and a job has at most {MOST_VALUES:,}")
        return loader.construct_document(node)
    finally:
        loader.dispose()


def _values(node: yaml.Node, counts: dict[int, int]) -> int:
    """How many values a node contains; an alias counts like the node that it names."""
    if id(node) not in counts:
        counts[id(node)] = 1  # of one that holds itself, which PyYAML refuses or makes once
        items = node.value if isinstance(node, yaml.CollectionNode) else []
        parts = [part for item in items for part in (item if isinstance(item, tuple) else (item,))]
        counts[id(node)] = 1 + sum(_values(part, counts) for part in parts)
    return counts[id(node)]


def read_yaml(path: Path) -> Any:
    """The document in a file. Raises OSError where it cannot be read, and ValueError where it is no YAML."""
    text = decode(bounded.read_bytes(path))
    try:
        return load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # of a date in month 99, of ten thousand brackets
        raise NoYaml(str(error)) from error


class NoYaml(ValueError):
    """The text is no YAML."""
