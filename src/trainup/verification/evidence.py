"""What a journey has seen, redacted."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from trainup.core.exchange import Exchange, masked


@dataclass(frozen=True)
class Operation:
    """One operation of Pulumi on one resource."""

    step: str
    """The step of the journey: `up`, `second up` …"""
    type: str
    """The resource's type token."""
    op: str
    """What Pulumi did: `create`, `delete`, `replace` …"""
    succeeded: bool
    message: str = ""
    """Why it failed, masked."""


@dataclass(frozen=True)
class Step:
    """One step of the journey."""

    name: str
    exit_code: int
    seconds: float


@dataclass
class Evidence:
    """All that a journey has seen."""

    exchanges: list[Exchange] = field(default_factory=list)
    """In the order of their responses."""
    operations: list[Operation] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)

    def find(self, method: str, end: str, *statuses: int) -> list[Exchange]:
        """The exchanges of a method whose routes end so, in any case; with statuses, those that were answered so."""
        return [
            exchange
            for exchange in self.exchanges
            if exchange.method == method
            and exchange.route.lower().endswith(end.lower())
            and (not statuses or exchange.status in statuses)
        ]

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> "Evidence":
        """From JSON. Raises KeyError or TypeError where it is none."""
        return cls(
            [Exchange(**item) for item in value["exchanges"]],
            [Operation(**item) for item in value["operations"]],
            [Step(**item) for item in value["steps"]],
        )


def read_exchanges(file: Path) -> list[Exchange]:
    """The exchanges in a record; none where there is no file. A last line that was cut off is left out."""
    if not file.exists():
        return []
    lines = file.read_bytes().splitlines(keepends=True)
    return [Exchange(**json.loads(line)) for line in lines if line.endswith(b"\n")]


def read_operations(file: Path, step: str, names: Sequence[str] = ()) -> list[Operation]:
    """The operations in an event log of the Pulumi CLI; `names` are masked in messages."""
    if not file.exists():
        return []
    events = [json.loads(line) for line in file.read_text().splitlines() if line.endswith("}")]
    messages = _errors(events)
    return list(_operations(events, step, messages, names))


def _operations(
    events: Iterable[Mapping[str, Any]], step: str, messages: Mapping[str, str], names: Sequence[str]
) -> Iterator[Operation]:
    for event in events:
        for kind, succeeded in (("resOutputsEvent", True), ("resOpFailedEvent", False)):
            if metadata := event.get(kind, {}).get("metadata"):
                text = "" if succeeded else masked(messages.get(metadata["urn"], ""), names)
                yield Operation(step, metadata["type"], metadata["op"], succeeded, text)


def _errors(events: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """URN → its error messages."""
    errors: dict[str, str] = {}
    for event in events:
        item = event.get("diagnosticEvent", {})
        if item.get("severity") == "error" and item.get("urn"):
            errors[item["urn"]] = errors.get(item["urn"], "") + item["message"]
    return errors
