"""How the caches get to disk: whole, or not at all."""

import json
from pathlib import Path
from typing import Any

from trainup.core import bounded
from trainup.core.disk import replace_record

MOST_BYTES = 1024**3
"""Of a cache."""


def load_json(path: Path) -> Any:
    """The content of a cache's file; None if it is missing or damaged, since a cache can be computed again."""
    try:
        return json.loads(bounded.read_bytes(path, MOST_BYTES))
    except (OSError, ValueError, RecursionError):
        return None


def save_text(path: Path, text: str) -> None:
    """Replace a file, making its folder where there is none. Readers see the old text or the new one. OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_record(path, text)
