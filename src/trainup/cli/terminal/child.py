"""Runs the Pulumi CLI as a child, with its events in a pipe and its signals passed on.

The child gets a process group of its own, so that a signal reaches it once: from this process, whether the terminal
sent it to the whole group or somebody to this process alone. It ends when this process is killed, as it would if this
process had become the CLI; only Linux can do that (PR_SET_PDEATHSIG). Elsewhere it goes on to its end by itself.
"""

import contextlib
import ctypes
import os
import queue
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO

PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
PR_SET_PDEATHSIG = 1
EVENTS = {"PULUMI_DEBUG_COMMANDS": "true"}
"""Variables with which the CLI knows the option `--event-log`."""
END = "\0"
"""A line that no event has: the child has ended."""
PULUMI_OPTIONS = ("--non-interactive", "--color", "never", "--suppress-progress")


@dataclass
class Ended:
    """How the child ended."""

    code: int
    """The exit code; the negative number of a signal."""
    interrupted: int = 0
    """The signal that was passed on; 0 if there was none."""
    printed: str = ""
    """What the CLI printed beside its events: its own errors."""


class Child:
    """The CLI at work. Raises OSError where no process or pipe can be made."""

    def __init__(
        self,
        become: Callable[[Sequence[str], Mapping[str, str]], object],
        command: Sequence[str],
        variables: Mapping[str, str],
    ) -> None:
        """Fork, and replace the fork by `command` through `become`. No other thread may run yet."""
        self._folder = tempfile.TemporaryDirectory(prefix="trainup-")
        self._fifo = Path(self._folder.name) / "events"
        os.mkfifo(self._fifo, 0o600)
        # Open for writing here as well: otherwise this would wait for a CLI that may fail before it opens the pipe.
        self._events = os.fdopen(os.open(self._fifo, os.O_RDWR), "r", encoding="utf-8", errors="replace")
        self._printed = (Path(self._folder.name) / "printed").open("w+b")
        words = [*command, "--event-log", str(self._fifo), *PULUMI_OPTIONS]
        sys.stdout.flush()
        sys.stderr.flush()
        parent = os.getpid()
        self._id = os.fork()
        if not self._id:
            _become_child(parent, lambda: become(words, {**variables, **EVENTS}), self._printed)

    def follow(self, heard: Callable[[str], None], idle: Callable[[], None], pause: float) -> Ended:
        """Wait for its end. `heard` gets each line of its events, and `idle` is called after each `pause` s without."""
        ended = Ended(0)
        with self._folder, self._events, self._printed, self._passing_on(ended):
            lines: queue.SimpleQueue[str] = queue.SimpleQueue()
            threading.Thread(target=_read, args=(self._events, lines), daemon=True).start()
            threading.Thread(target=self._wait, args=(ended,), daemon=True).start()
            while True:
                try:
                    line = lines.get(timeout=pause)
                except queue.Empty:
                    idle()
                    continue
                if line == END:
                    break
                heard(line)
            self._printed.seek(0)
            ended.printed = self._printed.read().decode(errors="replace")
        return ended

    def _wait(self, ended: Ended) -> None:
        ended.code = os.waitstatus_to_exitcode(os.waitpid(self._id, 0)[1])
        # All that the child wrote is in the pipe before this.
        with contextlib.suppress(OSError), self._fifo.open("w") as events:
            events.write(f"{END}\n")

    @contextmanager
    def _passing_on(self, ended: Ended) -> Iterator[None]:
        def pass_on(number: int, frame: FrameType | None) -> None:
            ended.interrupted = number
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._id, number)

        before = {}
        for number in PASSED_ON:
            # What whoever started us ignores, such as `nohup`, stays ignored.
            if (handler := signal.getsignal(number)) is not signal.SIG_IGN:
                before[number] = handler
                signal.signal(number, pass_on)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _become_child(parent: int, become: Callable[[], object], printed: IO[bytes]) -> None:
    """In the fork: become the CLI. It never returns."""
    try:
        os.setpgid(0, 0)
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)  # the parent was killed before this could ask to be told
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(printed.fileno(), 1)
        os.dup2(printed.fileno(), 2)
        become()
    except BaseException as error:
        os.write(2, f"error: {error}\n".encode())
    finally:
        os._exit(1)


def _read(events: IO[str], lines: "queue.SimpleQueue[str]") -> None:
    with contextlib.suppress(ValueError, OSError):
        for line in events:
            lines.put(line.rstrip("\n"))
            if line.startswith(END):
                lines.put(END)
                return
