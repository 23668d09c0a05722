"""Runs a process of a job, and ends it together with all its descendants. It is a program of its own:

    python -I keeper.py DESCRIPTOR COMMAND

On Azure, the end of a job's container ends all its processes. Here, the keeper adopts orphaned descendants (on Linux),
so that none escapes by a new session or a cleared environment. It exits with the code of the command. When the other
end of the pipe DESCRIPTOR is closed, deliberately or by the death of the parent, it first ends the command.
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
"""Time between SIGTERM and SIGKILL."""
PATIENCE_SECONDS = 10.0
"""Longest wait for a killed process."""
POLL_SECONDS = 0.05
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36


class Keeper:
    """The command and its orphaned descendants."""

    def __init__(self, command: str) -> None:
        libc = ctypes.CDLL(None) if sys.platform == "linux" else None
        if libc:
            libc.prctl(_PR_SET_CHILD_SUBREAPER, 1)

        def die_with_keeper() -> None:
            if libc:
                libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)

        # Keep a reference: the destructor of Popen would wait for the command, and its exit code would be lost here.
        self._process = subprocess.Popen(["bash", "-c", command], start_new_session=True, preexec_fn=die_with_keeper)
        self._command = self._process.pid
        self.code: int | None = None
        """Exit code of the ended command, or 128 plus the signal that ended it; None while it runs."""

    def wait(self, alive: int) -> None:
        """Wait until the command has ended or the pipe is closed."""
        while self._reap() and self.code is None:
            if select.select([alive], [], [], POLL_SECONDS)[0]:
                return

    def end(self, number: signal.Signals, seconds: float) -> None:
        """Signal all remaining processes, and wait up to this many seconds for their end."""
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
        """Reap ended children; returns whether any child is left."""
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
    import psutil  # imported only if processes are left, so that jobs start faster

    return {process.pid for process in psutil.Process().children(recursive=True)}


def main() -> int:
    """Run the command from the arguments; returns its exit code."""
    alive, command = int(sys.argv[1]), sys.argv[2]
    keeper = Keeper(command)
    keeper.wait(alive)
    if keeper.code is None:
        keeper.end(signal.SIGTERM, GRACE_SECONDS)
    keeper.end(signal.SIGKILL, PATIENCE_SECONDS)
    return keeper.code or 0


if __name__ == "__main__":
    sys.exit(main())
