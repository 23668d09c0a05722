"""The journal of HTTPS requests: in order of arrival, and written as JSON lines without secrets."""

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

SAFE_PARAMETERS = frozenset(
    {"api-version", "comp", "restype", "hash", "hashversion", "forcetopurge", "underlyingresourceaction"}
)
"""Query parameters that are written; any other could contain a signature, a token or private text."""


@dataclass(frozen=True)
class Entry:
    """One request and its response."""

    index: int
    """Position in the order of arrival, from 0."""

    method: str
    path: str
    query: Mapping[str, str]
    status: int
    """HTTP status; 0 when the connection was cut before a response."""

    sent: int = 0
    """Size of the response body that is sent, in bytes."""

    def to_dict(self) -> dict[str, object]:
        """The JSON object of a line in the journal's file."""
        parameters = {key: value for key, value in self.query.items() if key.lower() in SAFE_PARAMETERS}
        query = {"query": parameters} if parameters else {}
        return {
            "index": self.index,
            "method": self.method,
            "path": self.path,
            **query,
            "status": self.status,
            "sent": self.sent,
        }


class Journal:
    """The requests so far. Safe to use from several threads."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._entries: list[Entry] = []
        self._arrived = 0

    def arrive(self) -> int:
        """The index of a request that has just come in."""
        with self._lock:
            self._arrived += 1
            return self._arrived - 1

    def add(self, entry: Entry) -> None:
        """Record a request that was answered."""
        with self._lock:
            self._entries.append(entry)
            if self.path is not None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                line = {"time": datetime.now(UTC).isoformat(), **entry.to_dict()}
                with self.path.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(line) + "\n")

    @property
    def entries(self) -> list[Entry]:
        """The answered requests in the order of their arrival."""
        with self._lock:
            return sorted(self._entries, key=lambda entry: entry.index)
