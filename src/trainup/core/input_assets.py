"""The kinds of a run's inputs and outputs: data, literals, folders to write to."""

import re
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any

from trainup.core.choices import InputMode, OutputMode
from trainup.core.input_values import Invalid, filled, mapping, text
from trainup.core.values import Unknown

SHELL_ACTIVE = frozenset('"$`\\\n')
INPUT_TYPES = ("uri_folder", "uri_file", "mltable", "custom_model", "mlflow_model", "triton_model")
OUTPUT_TYPES = tuple(kind for kind in INPUT_TYPES if kind != "uri_file")
IN_WORKSPACE = "azureml:"
"""Prefix of the names of assets and computes in the run's own workspace."""
CONTENT = "sha256:"
"""Prefix of the digest of data on this machine: over its content."""
CHECKPOINTS = "trainup_checkpoints"
"""The output that all attempts of a run share on Azure."""
ASSET_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
"""Names of inputs and outputs: Azure ML makes environment variables of them."""


def data_input(value: Any) -> dict[str, Any]:
    """One data input: `uri` and the `digest` of the content there, or a literal `value`."""
    if isinstance(value, dict) and "value" in value:
        return _literal(value)
    item = mapping(_unknown_or_filled, "a data input has `uri` and `digest`")(value)
    for key in item.keys() - {"uri", "digest", "path", "mode", "type"}:
        raise Invalid("a data input has `uri`, `digest`, `path`, `type` and `mode`", f"[{key!r}]")
    for key in ("uri", "digest"):
        if key not in item:
            raise Invalid(f"`{key}` is missing: a data input is named by where it lies and by its content")
    if _is_known(item, "path"):
        item["path"] = _inner_path(item["path"])
    for key, choices in (("mode", tuple(InputMode)), ("type", INPUT_TYPES)):
        if _is_known(item, key):
            _one(item[key], choices, key)
    return item


def _unknown_or_filled(value: Any) -> Any:
    return value if isinstance(value, Unknown) else filled(value)


def _is_known(item: dict[str, Any], key: str) -> bool:
    return key in item and not isinstance(item[key], Unknown)


def _inner_path(value: str) -> str:
    path = PurePosixPath(value)
    if path.is_absolute() or ".." in path.parts:
        raise Invalid(f"{value!r} leaves the data it is a part of; a path is relative to it", "['path']")
    return str(path)


def _literal(value: dict[str, Any]) -> dict[str, str]:
    if value.keys() != {"value"}:
        raise Invalid("a literal input has `value` alone")
    literal = text(value["value"])
    if not any(char.isalnum() and char.isascii() for char in literal):
        raise Invalid("Azure ML takes no literal without a letter or a digit: write it into `arguments`", "['value']")
    return {"value": literal}


def shell_problem(value: str) -> str | None:
    """Why a literal cannot be part of a command that trainup writes for bash, or None."""
    active = " ".join(sorted(repr(char) for char in SHELL_ACTIVE.intersection(value)))
    return f"the value holds {active}, which the shell would act on" if active else None


def output(value: Any) -> dict[str, str]:
    """One named output: how it gets to its location, the location, and the type of the folder."""
    item = mapping(filled, "an output has `mode`, `uri` and `type`, all optional")(value)
    for key in item.keys() - {"mode", "uri", "type"}:
        raise Invalid("an output has `mode`, `uri` and `type`", f"[{key!r}]")
    for key, choices in (("mode", tuple(OutputMode)), ("type", OUTPUT_TYPES)):
        # A default that is written out must not change the digest.
        if key in item and _one(item[key], choices, key) == choices[0]:
            del item[key]
    return item


def _one(value: str, choices: tuple[str, ...], key: str) -> str:
    if value not in choices:
        raise Invalid(f"{value!r} is none of {', '.join(choices)}", f"[{key!r}]")
    return value


def named(parse: Callable[[Any], Any], what: str) -> Callable[[Any], dict[str, Any]]:
    """A map of inputs or outputs, whose names become variables."""

    def parse_named(value: Any) -> dict[str, Any]:
        result = mapping(parse, what)(value)
        for name in result:
            if not ASSET_NAME.fullmatch(name):
                raise Invalid(
                    f"{name!r} is no name here: it is letters, digits and underscores, not starting with a digit",
                    f"[{name!r}]",
                )
            if name == CHECKPOINTS:
                raise Invalid(f"{name} is trainup's own; choose another name", f"[{name!r}]")
        return result

    return parse_named
