"""Versions: what is asked for, and what a tool says of itself."""

import re
import subprocess
from pathlib import Path

PULUMI = (3, 245, 0)
"""The oldest CLI that works and the one that is built: later ones cannot be had as Go modules."""
GO = (1, 25, 8)
"""What the CLI's modules ask for."""
UV = (0, 8, 0)
"""The oldest uv that knows all the options used here."""

Version = tuple[int, ...]


def text_of(version: Version) -> str:
    return ".".join(map(str, version))


def version_of(*command: str | Path) -> Version | None:
    """The first version number a command prints, or None if it does not run."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?", done.stdout)
    if done.returncode or not found:
        return None
    return tuple(int(part or 0) for part in found.groups())
