"""How the caches get to disk: whole, or not at all."""

import os
import tempfile
from pathlib import Path


def save_text(path: Path, text: str) -> None:
    """Replace a file, making its folder where there is none. Readers see the old text or the new one. OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with open(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
