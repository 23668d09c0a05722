"""Runs a long command and reports its progress."""

import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from trainup.toolchain.paths import SetupError, say

LINES_KEPT = 40


def run(
    command: Sequence[str | Path], *, what: str, env: Mapping[str, str], cwd: Path, total: int | None = None
) -> None:
    """Run a command and report how many lines it has printed. Raises SetupError with the last lines if it fails."""
    started = reported = time.monotonic()
    every = 1.0 if sys.stderr.isatty() else 15.0
    last: list[str] = []
    count = 0
    say(f"{what} …")
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=env,
        cwd=cwd,
    ) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                count += 1
                last = [*last[1 - LINES_KEPT :], line.rstrip()]
                if time.monotonic() - reported >= every:
                    reported = time.monotonic()
                    _report(what, count, total, reported - started)
        except BaseException:
            process.kill()
            raise
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K")
    if process.returncode:
        raise SetupError("\n".join([f"{what}: failed with exit code {process.returncode}. Its last lines:", *last]))
    say(f"{what}: done in {time.monotonic() - started:.0f} s")


def _report(what: str, count: int, total: int | None, seconds: float) -> None:
    reached = f"{count} of {total}" if total and count <= total else f"{count} steps"
    line = f"{what}: {reached}, {seconds:.0f} s"
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{line}")
        sys.stderr.flush()
    else:
        say(line)
