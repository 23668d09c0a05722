"""Which gate decides over which model: two of them would undo what the other lets through."""

import threading
from typing import Any

from trainup.core import targets
from trainup.core.inputs import Finding
from trainup.core.values import UNKNOWN, Unknown, has_unknown
from trainup.provider.handler import Context, Properties
from trainup.provider.input_checks import local_workspace

NAMED_BY_COMPONENT = "-live"
"""What a `Gate` adds to its own name for the resource in it."""


class Deciders:
    """The gates of one command. Their order is that in which the engine asks about them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._command: Any = None
        self._first: dict[tuple[Any, ...], str] = {}
        """Stack and model → URN of the first gate over it."""

    def findings(self, context: Context, inputs: Properties) -> list[Finding]:
        """A finding if another gate of the stack decides over the same model; only a warning where that is not sure."""
        if not context.urn or has_unknown([inputs.get("target"), inputs.get("model")]):
            return []
        workspace = _workspace(context, inputs)
        key = (context.urn.split("::")[0], inputs.get("target"), workspace, inputs.get("model"))
        with self._lock:
            if self._command is not context.canceled:  # what an earlier command declared may be gone
                self._command, self._first = context.canceled, {}
            first = self._first.setdefault(key, context.urn)
        if first == context.urn:
            return []
        other, model = first.rpartition("::")[2].removesuffix(NAMED_BY_COMPONENT), inputs.get("model")
        if workspace is UNKNOWN:
            context.warn(
                f"the gate {other} decides over a model {model} as well: if both are in one workspace, `pulumi up` "
                "refuses this one"
            )
            return []
        what_to_do = "put the rules of both into one gate, or give the models two names"
        why = "so that each would undo what the other lets through"
        return [
            Finding("model", f"the gate {other} decides over {model} in this workspace as well, {why}: {what_to_do}")
        ]


def _workspace(context: Context, inputs: Properties) -> Any:
    """The workspace, in one way of writing."""
    given = inputs.get("workspace")
    if isinstance(given, Unknown) or has_unknown(inputs.get("cloud")):
        return UNKNOWN
    if targets.is_on_this_machine(inputs.get("target")):
        return str(local_workspace(context, str(given)).root)
    return f"{inputs.get('cloud') or ''} {str(given).rstrip('/').lower()}"
