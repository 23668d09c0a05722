"""Azure's published types, where they lie beside the repository."""

from collections.abc import Callable
from typing import Any

Check = Callable[[str, str, dict[str, Any], str | None], list[str]]
"""`(type, version, body, name)` → what Azure's types have against it, strictly."""
