"""Shared parts of the tables that fill in the properties which Azure adds."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from trainup.simulator.cloud import shape
from trainup.simulator.cloud.view import View

Resource = dict[str, Any]
Fill = Callable[[View, Resource, Resource | None], dict[str, Any]]
"""Azure, the new resource, the existing one if any → default properties; those in the request take precedence."""


def unchanged(existing: Resource | None, path: str, new: str) -> Any:
    """The existing resource's value at a path, or a new one."""
    return (shape.get(existing, path) if existing else None) or new


def first_time(existing: Resource | None, path: str) -> Any:
    """The existing resource's time of creation at a path, or the current time."""
    return unchanged(existing, path, datetime.now(UTC).isoformat())
