"""Asks git about the project of a run."""

import os
import shutil
import subprocess
import threading
import time
from pathlib import Path

from trainup.core.git_state import GitState, without_credentials

SECONDS = 10.0
"""How long git is asked; a run does not wait longer for what is only information."""
FRESH = 5.0
"""Seconds for which an answer holds for other runs, which start with the code that the same preview has read."""
LEFT_OUT = ":(exclude).trainup"
"""What trainup writes itself makes no project dirty."""
QUIET = {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
"""Git then writes nothing, not even its index, and asks nobody."""


def state_of(folder: Path) -> GitState:
    """The state of the repository that holds the folder; an empty one without git, a repository or a commit."""
    status = _git(folder, "status", "--porcelain=v2", "--branch", "--untracked-files=normal", "--", ".", LEFT_OUT)
    if status is None:
        return GitState()
    heads = dict(line.removeprefix("# branch.").split(" ", 1) for line in status if line.startswith("# branch."))
    commit, branch = heads.get("oid", ""), heads.get("head", "")
    if not commit or commit.startswith("("):
        return GitState()
    address = (_git(folder, "ls-remote", "--get-url") or [""])[0]
    return GitState(
        commit,
        "" if branch.startswith("(") else branch,
        "" if address in ("", "origin") else without_credentials(address),  # without a remote, git prints `origin`
        any(not line.startswith("# ") for line in status),
    )


class GitStates:
    """What git says of projects, asked once for runs that start together. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._told: dict[Path, tuple[float, GitState]] = {}
        """Folder → when git answered, and its answer."""

    def state_of(self, folder: Path) -> GitState:
        """As the function of this name; an answer of the last `FRESH` seconds is given again."""
        with self._lock:  # who comes meanwhile waits for the same answer
            if folder not in self._told or time.monotonic() - self._told[folder][0] > FRESH:
                state = state_of(folder)
                self._told[folder] = time.monotonic(), state
            return self._told[folder][1]


def _git(folder: Path, *words: str) -> list[str] | None:
    """The lines that git prints; None where it fails, is missing or takes too long."""
    if (git := shutil.which("git")) is None:
        return None
    try:
        done = subprocess.run(
            [git, "-C", str(folder), *words],
            env={**os.environ, **QUIET},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode("utf-8", "replace").splitlines() if done.returncode == 0 else None
