"""Access to nested values by path, such as `properties.scaleSettings.maxNodeCount`."""

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
    """The value at a path, unwrapped if it is a secret; None when there is none."""
    for part in path.split("."):
        value = value.value if isinstance(value, Secret) else value
        if not isinstance(value, Mapping):
            return None
        value = value.get(part)
    return value.value if isinstance(value, Secret) else value


def put(value: dict[str, Any], path: str, item: Any) -> None:
    """Set the value at a path, and create missing objects on the way."""
    *parents, last = path.split(".")
    for part in parents:
        value = value.setdefault(part, {})
    value[last] = item


def drop(value: dict[str, Any], path: str) -> None:
    """Remove the value at a path, if there is one."""
    *parents, last = path.split(".")
    inner = get(value, ".".join(parents)) if parents else value
    if isinstance(inner, dict):
        inner.pop(last, None)


def merged(base: Any, over: Any) -> Any:
    """`base` with the values of `over`, merged recursively; None in `over` keeps the value of `base`."""
    if isinstance(base, Mapping) and isinstance(over, Mapping):
        return {key: merged(base.get(key), over[key]) if key in over else base[key] for key in {**base, **over}}
    return base if over is None else over


def with_texts(value: dict[str, Any], paths: Iterable[str]) -> dict[str, Any]:
    """A copy in which the maps at these paths have strings instead of numbers."""
    value = copy.deepcopy(value)
    for path in paths:
        if isinstance(texts := get(value, path), dict):
            put(value, path, {key: _text(item) for key, item in texts.items()})
    return value


def _text(item: Any) -> Any:
    return str(item) if isinstance(item, int | float) and not isinstance(item, bool) else item


def masked(value: Any) -> Any:
    """A copy with `***` for every secret: wrapped values, properties with a secret's name, signatures in URLs."""
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
