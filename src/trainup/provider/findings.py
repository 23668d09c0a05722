"""What is wrong with several resources, told at once: the engine itself stops at the first that is refused."""

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from trainup.core.values import UNKNOWN
from trainup.core.wire import UNKNOWN_TEXTS
from trainup.provider.handler import Context, Handler

TOKEN = "trainup:index:check"
"""The function: `resources` is JSON, a list of `{type, inputs}`; what is not known yet is the engine's sentinel. It
returns `findings`, JSON as well: for each resource a list of `{property, reason}`. Nothing is written."""


def find(text: str, handler_of: Callable[[str], Handler], project: Path, canceled: threading.Event) -> str:
    """The findings of these resources' checks, in their order."""
    found = []
    for one in json.loads(text):
        context = Context(urn="", project=project, canceled=canceled)
        _, findings = handler_of(one["type"]).check(context, _known(one["inputs"]))
        found.append([{"property": item.property, "reason": item.reason} for item in findings])
    return json.dumps(found)


def _known(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _known(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_known(item) for item in value]
    return UNKNOWN if isinstance(value, str) and value in UNKNOWN_TEXTS else value
