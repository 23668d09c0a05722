"""YAML whose numbers, booleans and dates remember how they were written: as a text they may be something else."""

from typing import Any

import yaml

from trainup.core.written import WrittenOther, remember


class _Loader(yaml.SafeLoader):
    """Reads what Azure ML's client reads (PyYAML, which knows YAML 1.1)."""


def _remembering(kind: str) -> None:
    tag = f"tag:yaml.org,2002:{kind}"
    construct = yaml.SafeLoader.yaml_constructors[tag]

    def made(loader: Any, node: Any) -> Any:
        value, text = construct(loader, node), node.value
        return remember(value, lambda: text) if kind in ("int", "float") else WrittenOther(value, text)

    _Loader.add_constructor(tag, made)


for _kind in ("int", "float", "bool", "timestamp"):
    _remembering(_kind)


def load(text: str) -> Any:
    """The document. yaml.YAMLError, ValueError or RecursionError where it cannot be read."""
    return yaml.load(text, Loader=_Loader)
