"""Keeps one process of a job and all that it starts, and ends them together; run as a program of its own.

    python -I keeper.py DESCRIPTOR COMMAND

On Azure a job's container takes everything along. Here the keeper is who adopts what loses its parent (on Linux), so
that nothing gets away by a new session or a cleared environment. It ends with the code of the command. When the other
side of the pipe DESCRIPTOR is closed, by whoever wants it to stop or by that one's death, it ends the command first.
"""

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
import time

GRACE_SECONDS = 5.0
"""Between asking a process to end and making it end."""
PATIENCE_SECONDS = 10.0
"""How long a process may take to end that was killed."""
POLL_SECONDS = 0.05
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36


class Keeper:
    """The command, and whoever has lost its parent."""

    def __init__(self, command: str) -> None:
        libc = ctypes.CDLL(None) if sys.platform == "linux" else None
        if libc:
            libc.prctl(_PR_SET_CHILD_SUBREAPER, 1)

        def die_with_keeper() -> None:
            if libc:
                libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)

        # Kept as a whole: thrown away, it would look for the command's end and take its code away from us.
        self._process = subprocess.Popen(["bash", "-c", command], start_new_session=True, preexec_fn=die_with_keeper)
        self._command = self._process.pid
        self.code: int | None = None
        """The exit code of the command once it has ended; 128 and the signal when one ended it."""

    def wait(self, alive: int) -> None:
        """Until the command has ended, or the pipe is closed."""
        while self._reap() and self.code is None:
            if select.select([alive], [], [], POLL_SECONDS)[0]:
                return

    def end(self, number: signal.Signals, seconds: float) -> None:
        """Signal everything that is left; returns when it has ended, or after so many seconds."""
        until = time.monotonic() + seconds
        signaled: set[int] = set()
        while self._reap() and time.monotonic() < until:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                if self._command not in signaled:
                    os.killpg(self._command, number)
            for pid in {self._command, *_descendants()} - signaled:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, number)
                signaled.add(pid)
            time.sleep(POLL_SECONDS / 5)

    def _reap(self) -> bool:
        """Let everything go that has ended; whether anything is left."""
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if not pid:
                    return True
                if pid == self._command:
                    code = os.waitstatus_to_exitcode(status)
                    self.code = 128 - code if code < 0 else code
        return False


def _descendants() -> set[int]:
    import psutil  # only where something is left: jobs start faster without

    return {process.pid for process in psutil.Process().children(recursive=True)}


def main() -> int:
    """Keep the command that the arguments tell."""
    alive, command = int(sys.argv[1]), sys.argv[2]
    keeper = Keeper(command)
    keeper.wait(alive)
    if keeper.code is None:
        keeper.end(signal.SIGTERM, GRACE_SECONDS)
    keeper.end(signal.SIGKILL, PATIENCE_SECONDS)
    return keeper.code or 0


if __name__ == "__main__":
    sys.exit(main())
