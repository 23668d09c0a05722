"""Texts that commands print, kept in files: a test compares, and `TRAINUP_GOLDEN=write` rewrites them."""

import os
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "unit" / "cli" / "golden"
WRITE = os.environ.get("TRAINUP_GOLDEN") == "write"


def matches(name: str, text: str) -> None:
    """Fail unless the text is that of the file."""
    file = FOLDER / name
    if WRITE:
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    assert text == file.read_text(), f"{file} differs: if that is meant, run the test with TRAINUP_GOLDEN=write"
