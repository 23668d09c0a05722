"""The versions that trainup needs, and those of installed tools. Set-up runs before `packaging` is installed."""

import contextlib
import json
import re
import subprocess
from pathlib import Path

from trainup.core.disk import replace_file

PULUMI = (3, 245, 0)
"""The oldest CLI that works, and the one that is built: later ones are not published as Go modules."""
GO = (1, 25, 8)
"""The oldest Go that builds the CLI; `locked/go.txt` has the one that is downloaded."""
UV = (0, 8, 0)
"""The oldest uv with all the options that are used here; `locked/uv.txt` has the one that is downloaded."""
LOCKED = Path(__file__).resolve().parent / "locked"
"""Version and hashes of the packages that are downloaded from PyPI."""

Version = tuple[int, ...]


def locked(package: str) -> tuple[str, frozenset[str]]:
    """The version of a package that may be downloaded, and the SHA-256 of each of its files."""
    text = (LOCKED / f"{package}.txt").read_text(encoding="utf-8")
    (version,) = re.findall(r"^[a-z-]+==(\S+)", text, re.MULTILINE)
    return version, frozenset(re.findall(r"--hash=sha256:([0-9a-f]{64})", text))


def text_of(version: Version) -> str:
    return ".".join(map(str, version))


def cached_version_of(binary: Path, cache_file: Path, *words: str) -> Version | None:
    """As `version_of`, but runs the binary only after it has changed: the Pulumi CLI takes 0.2 s to answer."""
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
    # Only at the start of a line: wrappers print warnings that contain other numbers.
    match = re.search(r"^(?:uv |v|go)?(\d+)\.(\d+)(?:\.(\d+))?", process.stdout, re.MULTILINE)
    if process.returncode or not match:
        return None
    return tuple(int(part or 0) for part in match.groups())
