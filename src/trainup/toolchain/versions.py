"""Versions: what is asked for, and what a tool says of itself. Set-up cannot use `packaging`, which it is to bring."""

import contextlib
import json
import re
import subprocess
from pathlib import Path

from trainup.core.disk import replace_file

PULUMI = (3, 245, 0)
"""The oldest CLI that works and the one that is built: later ones cannot be had as Go modules."""
GO = (1, 25, 8)
"""What the CLI's modules ask for; which one is brought to a machine without, `locked/go.txt` says."""
UV = (0, 8, 0)
"""The oldest uv that knows all the options used here; which one is brought, `locked/uv.txt` says."""
LOCKED = Path(__file__).resolve().parent / "locked"
"""What is brought from PyPI, by version and hash."""

Version = tuple[int, ...]


def locked(package: str) -> tuple[str, frozenset[str]]:
    """The only version of a package that is brought, and the SHA-256 of each of its files."""
    text = (LOCKED / f"{package}.txt").read_text(encoding="utf-8")
    (version,) = re.findall(r"^[a-z-]+==(\S+)", text, re.MULTILINE)
    return version, frozenset(re.findall(r"--hash=sha256:([0-9a-f]{64})", text))


def text_of(version: Version) -> str:
    return ".".join(map(str, version))


def cached_version_of(binary: Path, cache_file: Path, *words: str) -> Version | None:
    """As `version_of`, which is asked once for each state of the file: the Pulumi CLI takes 0.2 s to answer."""
    try:
        status = binary.stat()
    except OSError:
        return None
    state = f"{binary} {status.st_ino} {status.st_size} {status.st_mtime_ns}"
    try:
        cached = json.loads(cache_file.read_text())
        if cached.get(state):
            return tuple(map(int, cached[state]))
    except (OSError, ValueError, AttributeError, TypeError):
        cached = {}
    version = version_of(binary, *words)
    if version is not None:
        with contextlib.suppress(OSError):
            cache_file.parent.mkdir(parents=True, exist_ok=True)
            replace_file(cache_file, json.dumps({state: version}))
    return version


def version_of(*command: str | Path) -> Version | None:
    """The first version number a command prints, or None if it does not run."""
    try:
        process = subprocess.run(command, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired):
        return None
    # A line that begins with it: wrappers print warnings, with numbers in them.
    match = re.search(r"^(?:uv |v|go)?(\d+)\.(\d+)(?:\.(\d+))?", process.stdout, re.MULTILINE)
    if process.returncode or not match:
        return None
    return tuple(int(part or 0) for part in match.groups())
