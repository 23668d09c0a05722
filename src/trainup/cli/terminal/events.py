"""The engine's events, as the Pulumi CLI writes them with `--event-log`: a JSON object in each line.

Their form is that of Pulumi's `sdk/go/common/apitype/events.go`, which Pulumi's Automation API reads as well. Its
Python classes are not used: they take 0.4 s to import.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

STACK_TYPE = "pulumi:pulumi:Stack"
_MARK = re.compile(r"<\{%[^%]*%\}>")


class Moment(StrEnum):
    """What an event says of a step."""

    BEGUN = "resourcePreEvent"
    DONE = "resOutputsEvent"
    FAILED = "resOpFailedEvent"


@dataclass(frozen=True)
class Step:
    """One operation on one resource."""

    moment: Moment
    operation: str
    """`create`, `update`, `same`, `replace`, `create-replacement` …"""
    urn: str
    type: str
    is_component: bool
    inputs: Mapping[str, Any] = field(default_factory=dict)
    outputs: Mapping[str, Any] = field(default_factory=dict)
    old_outputs: Mapping[str, Any] = field(default_factory=dict)
    changes: tuple[str, ...] = ()
    """The properties that differ."""

    @property
    def name(self) -> str:
        return self.urn.rpartition("::")[2]


@dataclass(frozen=True)
class Message:
    """A line of text about a resource, or about none."""

    severity: str
    """`debug`, `info`, `info#err`, `warning` or `error`."""
    text: str
    urn: str = ""
    is_ephemeral: bool = False
    """Progress, which nobody keeps."""


@dataclass(frozen=True)
class Summary:
    """The end of a preview or of an update."""

    is_preview: bool
    seconds: float
    changes: Mapping[str, int]
    """Operation → number of resources."""


Event = Step | Message | Summary


def parse(line: str) -> Event | None:
    """The event of a line; None for those of other kinds, and for a line that was cut off."""
    try:
        event = json.loads(line)
    except ValueError:
        return None
    for moment in Moment:
        if (body := event.get(moment)) is not None:
            return _step(moment, body["metadata"])
    if (body := event.get("diagnosticEvent")) is not None:
        text = uncolored(str(body.get("message", ""))).rstrip("\n")
        return Message(str(body.get("severity", "info")), text, body.get("urn") or "", bool(body.get("ephemeral")))
    if (body := event.get("stdoutEvent")) is not None:
        return Message("info", uncolored(str(body.get("message", ""))).rstrip("\n"))
    if (body := event.get("policyEvent")) is not None:
        severity = "error" if body.get("enforcementLevel") == "mandatory" else "warning"
        return Message(severity, uncolored(str(body.get("message", ""))).rstrip("\n"), body.get("resourceUrn") or "")
    if (body := event.get("summaryEvent")) is not None:
        return Summary(
            bool(body.get("isPreview")), float(body.get("durationSeconds", 0)), dict(body.get("resourceChanges") or {})
        )
    return None


def _step(moment: Moment, metadata: Mapping[str, Any]) -> Step:
    new, old = metadata.get("new") or {}, metadata.get("old") or {}
    return Step(
        moment,
        str(metadata.get("op", "")),
        str(metadata.get("urn", "")),
        str(metadata.get("type", "")),
        is_component=not (new or old).get("custom", False),
        inputs=new.get("inputs") or old.get("inputs") or {},
        outputs=new.get("outputs") or {},
        old_outputs=old.get("outputs") or {},
        changes=tuple(metadata.get("detailedDiff") or metadata.get("diffs") or ()),
    )


def uncolored(text: str) -> str:
    """The text without the engine's marks for colors, which stand in it as `<{%reset%}>`."""
    return _MARK.sub("", text)
