"""What the tables of properties that Azure fills in have in common."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from trainup.simulator.cloud import shape
from trainup.simulator.cloud.view import View

Resource = dict[str, Any]
Fill = Callable[[View, Resource, Resource | None], dict[str, Any]]
"""The resource that is about to be, and the one that was → properties under what was given."""


def unchanged(existing: Resource | None, path: str, new: str) -> Any:
    """What was there already, or something new."""
    return (shape.get(existing, path) if existing else None) or new


def first_time(existing: Resource | None, path: str) -> Any:
    """When it began: now, or when it was made."""
    return unchanged(existing, path, datetime.now(UTC).isoformat())
