"""Paths through nested values, as `properties.scaleSettings.maxNodeCount`."""

import copy
import re
from collections.abc import Iterable, Mapping
from typing import Any

from trainup.core.values import Secret

SECRETS = frozenset(
    (
        *("password", "adminuserpassword", "clientsecret", "sas", "sastoken", "pat"),
        *("key", "accesskey", "accountkey", "secretaccesskey"),
    )
)
"""Lower-case names of properties that hold secrets."""

_SIGNATURE = re.compile(r"([?&]sig=)[^&\s\"']+")


def get(value: Any, path: str) -> Any:
    """What is at a path; None when there is nothing. Looks through secrets."""
    for part in path.split("."):
        value = value.value if isinstance(value, Secret) else value
        if not isinstance(value, Mapping):
            return None
        value = value.get(part)
    return value.value if isinstance(value, Secret) else value


def put(value: dict[str, Any], path: str, item: Any) -> None:
    """Set what is at a path, making the objects on the way."""
    *parents, last = path.split(".")
    for part in parents:
        value = value.setdefault(part, {})
    value[last] = item


def drop(value: dict[str, Any], path: str) -> None:
    """Remove what is at a path, if it is there."""
    *parents, last = path.split(".")
    inner = get(value, ".".join(parents)) if parents else value
    if isinstance(inner, dict):
        inner.pop(last, None)


def merged(base: Any, over: Any) -> Any:
    """`over` laid over `base`, object by object."""
    if isinstance(base, Mapping) and isinstance(over, Mapping):
        return {key: merged(base.get(key), over[key]) if key in over else base[key] for key in {**base, **over}}
    return base if over is None else over


def with_texts(value: dict[str, Any], paths: Iterable[str]) -> dict[str, Any]:
    """The value with texts in the place of numbers in the maps at these paths."""
    value = copy.deepcopy(value)
    for path in paths:
        if isinstance(found := get(value, path), dict):
            put(value, path, {key: _text(item) for key, item in found.items()})
    return value


def _text(item: Any) -> Any:
    return str(item) if isinstance(item, int | float) and not isinstance(item, bool) else item


def masked(value: Any) -> Any:
    """The value with stars in the place of every secret: what is wrapped, what is called like one, signatures."""
    if isinstance(value, Secret):
        return _starred(value)
    if isinstance(value, Mapping):
        return {key: _starred(item) if key.lower() in SECRETS else masked(item) for key, item in value.items()}
    if isinstance(value, list):
        return [masked(item) for item in value]
    return _SIGNATURE.sub(r"\1***", value) if isinstance(value, str) else value


def _starred(value: Any) -> Any:
    if isinstance(value, Secret):
        return _starred(value.value)
    if isinstance(value, Mapping):
        return {key: _starred(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_starred(item) for item in value]
    return "***" if isinstance(value, str) else value
