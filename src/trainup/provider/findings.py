"""Checks several resources in one call: the engine itself stops at the first resource whose check fails."""

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from trainup.core.values import UNKNOWN, UNKNOWN_TEXTS
from trainup.provider.handler import Context, Handler

TOKEN = "trainup:index:check"
"""Name of the function. Its argument `resources` is JSON: a list of `{type, inputs}`, with the engine's sentinels for
unknown values. Its result `findings` is JSON too: for each resource a list of `{property, reason}`. Writes nothing."""


def find(text: str, handler_of: Callable[[str], Handler], project: Path, canceled: threading.Event) -> str:
    """The findings of these resources' checks, in their order."""
    findings_by_resource = []
    for resource in json.loads(text):
        context = Context(urn="", project=project, canceled=canceled)
        _, findings = handler_of(resource["type"]).check(context, _with_unknowns(resource["inputs"]))
        findings_by_resource.append([{"property": item.property, "reason": item.reason} for item in findings])
    return json.dumps(findings_by_resource)


def _with_unknowns(value: Any) -> Any:
    """The value with `UNKNOWN` in place of the engine's sentinels."""
    if isinstance(value, dict):
        return {key: _with_unknowns(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_unknowns(item) for item in value]
    return UNKNOWN if isinstance(value, str) and value in UNKNOWN_TEXTS else value
