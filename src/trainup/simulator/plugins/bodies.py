"""Converts between the SDK's properties and the JSON of Azure Resource Manager, by the table of kinds."""

import copy
from collections.abc import Mapping
from typing import Any

from trainup.core.values import Secret
from trainup.simulator.cloud import shape
from trainup.simulator.plugins.catalog import Kind

OWN = frozenset({"azureApiVersion", "__createBeforeDelete"})
"""Inputs that azure-native does not send to Azure."""

SETS = ("identity.userAssignedIdentities",)
"""Paths of id lists in the SDK, which are objects with an empty object per id in the body."""


def request(kind: Kind, inputs: Mapping[str, Any], *, creating: bool) -> dict[str, Any]:
    """The body of a PUT for inputs; secrets stay wrapped."""
    body: dict[str, Any] = {}
    apart = OWN | kind.query | set(kind.placed)
    for key, value in inputs.items():
        if key in apart or value is None:
            continue
        inside = kind.flat and key not in kind.envelope
        shape.put(body, f"properties.{kind.renamed.get(key, key)}" if inside else key, _without_nulls(value))
    if kind.flat and kind.path.startswith("{scope}"):
        body.setdefault("properties", {})
    for path in SETS:
        if isinstance(ids := shape.get(body, path), list):
            shape.put(body, path, {item: {} for item in ids})
    for path, value in kind.defaults.items():
        if creating and shape.get(body, path) is None:
            shape.put(body, path, copy.deepcopy(value))
    return body


def outputs(kind: Kind, resource: Mapping[str, Any], version: str) -> dict[str, Any]:
    """The SDK's outputs for a resource."""
    properties: dict[str, Any] = {key: value for key, value in resource.items() if key not in ("id", "properties")}
    if kind.flat:
        names = {there: here for here, there in kind.renamed.items()}
        for key, value in resource.get("properties", {}).items():
            properties[names.get(key, key)] = value
        if kind.type == "Microsoft.Resources/resourceGroups":
            properties["properties"] = resource["properties"]
    elif "properties" in resource:
        properties["properties"] = resource["properties"]
    return {**copy.deepcopy(properties), "azureApiVersion": version}


def projected(kind: Kind, values: Mapping[str, Any], like: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs that correspond to the outputs, for the keys in `like`; a refresh stores them."""
    inputs = {}
    for key, old in like.items():
        if key in OWN or key in kind.query or key in kind.placed or key not in values:
            inputs[key] = old
        elif f"{key}.userAssignedIdentities" in SETS and isinstance(values[key], Mapping):
            plain = {**values[key]}
            if isinstance(plain.get("userAssignedIdentities"), Mapping):
                plain["userAssignedIdentities"] = list(plain["userAssignedIdentities"])
            inputs[key] = _alike(plain, old)
        else:
            inputs[key] = _alike(values[key], old)
    return inputs


def _alike(actual: Any, old: Any) -> Any:
    """The actual value, limited to the keys of the old input; secrets keep their old value."""
    if isinstance(old, Secret):
        return old
    if isinstance(old, Mapping) and isinstance(actual, Mapping):
        return {key: _alike(actual[key], item) if key in actual else item for key, item in old.items()}
    if isinstance(old, list) and isinstance(actual, list):
        same = len(old) == len(actual) and all(isinstance(item, str) for item in [*old, *actual])
        if same and {item.lower() for item in old} == {item.lower() for item in actual}:
            return old
        if len(old) == len(actual):
            return [_alike(item, before) for item, before in zip(actual, old, strict=True)]
    return old if old == actual else actual


def imported(kind: Kind, resource_id: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs of an imported resource: the names in its id, and its outputs without computed ones."""
    segments = resource_id.strip("/").split("/")
    pattern = kind.path.split("/")
    names = dict(zip(reversed(pattern), reversed(segments), strict=False))
    id_parts = {name: names[f"{{{name}}}"] for name in kind.placed if f"{{{name}}}" in names}
    if "{scope}" in kind.path:
        id_parts["scope"] = resource_id[: resource_id.lower().rfind("/providers/")]
    skip = {"name", "type", "systemData", *kind.computed}
    return {**id_parts, **{key: value for key, value in values.items() if key not in skip}}


def _without_nulls(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value
