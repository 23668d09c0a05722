"""What was asked for over HTTPS: kept in order, and written as lines of JSON without anything secret."""

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

TOLD = frozenset({"api-version", "comp", "restype", "hash", "hashversion", "forcetopurge", "underlyingresourceaction"})
"""Parts of a query that are written down; all others could be a signature, a token or somebody's text."""


@dataclass(frozen=True)
class Entry:
    """One request and how it was answered."""

    index: int
    """From 0, in the order of arrival."""

    method: str
    path: str
    query: Mapping[str, str]
    status: int
    """0 when the connection was cut before an answer."""

    sent: int = 0
    """Bytes of the answer's body that go out."""

    def to_dict(self) -> dict[str, object]:
        """The form of a line."""
        told = {key: value for key, value in self.query.items() if key.lower() in TOLD}
        query = {"query": told} if told else {}
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
        """Write down a request that was answered."""
        with self._lock:
            self._entries.append(entry)
            if self.path is not None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                line = {"time": datetime.now(UTC).isoformat(), **entry.to_dict()}
                with self.path.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(line) + "\n")

    @property
    def entries(self) -> list[Entry]:
        """Requests in the order of their arrival, as far as they were answered."""
        with self._lock:
            return sorted(self._entries, key=lambda entry: entry.index)
