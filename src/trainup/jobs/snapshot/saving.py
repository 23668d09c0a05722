"""How the caches get to disk: whole, or not at all."""

import json
import os
import tempfile
import uuid
from pathlib import Path
from typing import Any

from trainup.jobs import bounded

MOST_BYTES = 1024**3
"""Of a cache."""


def load_json(path: Path) -> Any:
    """What a cache's file holds; None for one that is missing or damaged, for it can be made again."""
    try:
        return json.loads(bounded.read_bytes(path, MOST_BYTES))
    except (OSError, ValueError, RecursionError):
        return None


def save_text(path: Path, text: str) -> None:
    """Replace a file, making its folder where there is none. Readers see the old text or the new one. OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with open(handle, "w", encoding="utf-8") as file:
            file.write(text)
        try:
            os.replace(temporary, path)
        except IsADirectoryError:  # no cache of ours is one
            os.rename(path, path.with_name(f".{path.name}.damaged-{uuid.uuid4().hex}"))
            os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
