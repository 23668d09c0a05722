"""Reads a stack's settings from its files, for commands that do without the engine. Secrets stay closed."""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pulumi

from trainup.core.errors import UserError
from trainup.core.texts import decode
from trainup.infra import project_files, settings
from trainup.infra.stack_config import StackConfig
from trainup.infra.stack_file import DECIMAL, INTEGER, number_of
from trainup.infra.target_settings import TargetSettings

BOOLEAN, WHOLE, REAL = (f"tag:yaml.org,2002:{kind}" for kind in ("bool", "int", "float"))
NUMBER = re.compile(rf"(?:(?:{INTEGER.pattern}|{DECIMAL.pattern}|[-+]?[0-9][0-9_]*))$")
"""A plain word that the engine reads as a number."""
CLOSED = "[secret]"
"""Stands for the value of a secret."""


def settings_of(root: Path, stack: str) -> TargetSettings:
    """The settings of a stack whose Pulumi.yaml is in a folder. Raises UserError with all problems at once."""
    try:
        return settings.load(config_of(root, stack))
    except pulumi.RunError as error:
        raise UserError(str(error)) from None


def config_of(root: Path, stack: str) -> StackConfig:
    """The configuration of a stack as its files have it. Raises UserError where one of them cannot be read."""
    file = project_files.stack_file(root, stack)
    if not file.is_file():
        raise UserError(f"there is no {file.name} in {file.parent}, which says what the stack {stack!r} is: write one")
    try:
        project = project_files.project_settings(root)
        content = _parsed(file)
        name = str(project["name"])
        values = {**dict(_defaults(project.get("config") or {})), **(content.get("config") or {})}
    except (OSError, ValueError, TypeError, LookupError, RecursionError, AttributeError) as error:
        raise UserError(f"{file.name} and the project's file cannot be read as Pulumi's: {error}") from None
    whole = {_whole(str(key), name): value for key, value in values.items()}
    secrets = frozenset(key for key, value in whole.items() if _has_secret(value))
    return StackConfig({key: _text(value) for key, value in whole.items()}, name, stack, root, secrets)


def _parsed(file: Path) -> dict[str, Any]:
    import yaml

    text = decode(file.read_bytes())
    try:
        content = json.loads(text) if file.suffix == ".json" else yaml.load(text, Loader=_loader())
    except yaml.YAMLError as error:
        raise ValueError(error) from None
    return dict(content or {})


@cache
def _loader() -> Any:
    """A loader for YAML as the engine reads it: `yes` and `1:30` are texts, and `1e-3` and `0o17` are numbers."""
    import yaml

    class Loader(yaml.SafeLoader):
        """Its own rules for words without quotes."""

    def number(loader: Any, node: Any) -> Any:
        text = loader.construct_scalar(node)
        value = number_of(text)
        is_whole = bool(INTEGER.fullmatch(text)) or not set(text) & set(".eE")
        return text if value is None else int(value) if is_whole else value

    Loader.yaml_implicit_resolvers = {
        first: [rule for rule in rules if rule[0] not in (BOOLEAN, WHOLE, REAL)]
        for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    Loader.add_implicit_resolver(BOOLEAN, re.compile(r"(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF"))
    Loader.add_implicit_resolver(REAL, NUMBER, list("-+0123456789."))
    Loader.add_constructor(REAL, number)
    return Loader


def _defaults(declarations: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Key → value of what the project's file sets for all of its stacks."""
    for key, declaration in declarations.items():
        given = declaration if isinstance(declaration, dict) else {"value": declaration}
        value = given.get("value", given.get("default"))
        if value is not None:
            yield key, value


def _whole(key: str, project: str) -> str:
    namespace, _, name = key.rpartition(":")
    return f"{namespace.removesuffix(':config') or project}:{name}"


def _has_secret(value: Any) -> bool:
    if isinstance(value, dict):
        return value.keys() == {"secure"} or any(map(_has_secret, value.values()))
    return isinstance(value, list) and any(map(_has_secret, value))


def _text(value: Any) -> str:
    """The value as the engine hands it to a program."""
    plain = _plain(value)
    if isinstance(plain, bool):
        return str(plain).lower()
    return plain if isinstance(plain, str) else json.dumps(plain)


def _plain(value: Any) -> Any:
    """The value with closed secrets, and with dates in the engine's form, which a check then finds."""
    if isinstance(value, dict):
        return CLOSED if value.keys() == {"secure"} else {_key(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return _date(value) if isinstance(value, date) else value


def _key(key: Any) -> str:
    text = _plain(key)
    return text if isinstance(text, str) else json.dumps(text)


def _date(value: date) -> str:
    moment = value if isinstance(value, datetime) else datetime(value.year, value.month, value.day, tzinfo=UTC)
    return moment.strftime("%Y-%m-%d %H:%M:%S +0000 UTC")
