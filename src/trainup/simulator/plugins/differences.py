"""Finds the differences between two sets of inputs, and which of them replace the resource."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pulumi.runtime.proto import provider_pb2

from trainup.core.values import reveal
from trainup.simulator.cloud.regions import plain_region
from trainup.simulator.plugins.catalog import Kind

_KINDS = {
    (False, False): (provider_pb2.PropertyDiff.UPDATE, provider_pb2.PropertyDiff.UPDATE_REPLACE),
    (True, False): (provider_pb2.PropertyDiff.ADD, provider_pb2.PropertyDiff.ADD_REPLACE),
    (False, True): (provider_pb2.PropertyDiff.DELETE, provider_pb2.PropertyDiff.DELETE_REPLACE),
}


@dataclass(frozen=True)
class Diff:
    """One property that differs."""

    kind: Any
    """The engine's kind of the difference."""

    replaces: bool


def differences(kind: Kind, old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Diff]:
    """Path in the SDK's inputs, such as `properties.scaleSettings.maxNodeCount` → difference."""
    old = {key: value for key, value in old.items() if key != "__createBeforeDelete"}
    new = {key: value for key, value in new.items() if key != "__createBeforeDelete"}
    diffs: dict[str, Diff] = {}
    for path, before, after in _walk("", reveal(old), reveal(new)):
        if path.startswith("location") and _same_region(before, after):
            continue
        # A nested value replaces the resource if the value that contains it does.
        steps = path.replace("[", ".").split(".")
        above = {".".join(steps[:length]) for length in range(1, len(steps) + 1)}
        replaces = bool(above & (kind.fixed | set(kind.placed)))
        diffs[path] = Diff(_KINDS[before is None, after is None][replaces], replaces)
    return diffs


def _same_region(before: Any, after: Any) -> bool:
    return isinstance(before, str) and isinstance(after, str) and plain_region(before) == plain_region(after)


def _walk(path: str, old: Any, new: Any) -> list[tuple[str, Any, Any]]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        changes = []
        for key in sorted({**old, **new}):
            inner = f"{path}.{key}" if path else key
            changes += _walk(inner, old.get(key), new.get(key))
        return changes
    if isinstance(old, list) and isinstance(new, list):
        if path.endswith("userAssignedIdentities") and _same_ids(old, new):
            return []
        if len(old) == len(new):
            return [
                item
                for index, (before, after) in enumerate(zip(old, new, strict=True))
                for item in _walk(f"{path}[{index}]", before, after)
            ]
    return [] if old == new else [(path, old, new)]


def _same_ids(old: list[Any], new: list[Any]) -> bool:
    return {str(item).lower() for item in old} == {str(item).lower() for item in new}
