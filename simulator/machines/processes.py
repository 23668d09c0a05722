"""The processes of one attempt at a job: started together, ended together, with all they have started."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

GRACE_SECONDS = 5.0
"""Between asking a process to end and making it end."""


@dataclass(frozen=True)
class Start:
    """What one process needs."""

    command: str
    folder: Path
    log: Path
    variables: Mapping[str, str]


class Group:
    """Running processes. Of one that fails the others do not outlive."""

    def __init__(self, starts: Iterable[Start]) -> None:
        self._processes: list[subprocess.Popen[bytes]] = []
        for start in starts:
            start.log.parent.mkdir(parents=True, exist_ok=True)
            with start.log.open("wb") as log:
                self._processes.append(
                    subprocess.Popen(
                        ["bash", "-c", start.command],
                        cwd=start.folder,
                        env=dict(start.variables),
                        stdin=subprocess.DEVNULL,
                        stdout=log,
                        stderr=subprocess.STDOUT,
                        start_new_session=True,
                    )
                )
        self.ended = threading.Event()
        """Set when all have ended, or one has failed."""
        self.code = 0
        """The exit code of the one that failed first, or 0."""
        self._lock = threading.Lock()
        self._left = len(self._processes)
        for process in self._processes:
            threading.Thread(target=self._watch, args=(process,), daemon=True).start()

    def stop(self) -> None:
        """End what still runs, and everything it has started."""
        family = [member for process in self._processes for member in _family(process.pid)]
        for member in family:
            with suppress(psutil.Error):
                member.send_signal(signal.SIGTERM)
        _, alive = psutil.wait_procs(family, GRACE_SECONDS)
        for member in alive:
            with suppress(psutil.Error):
                member.kill()
        for process in self._processes:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # what was started meanwhile
            process.wait()

    def _watch(self, process: "subprocess.Popen[bytes]") -> None:
        code = process.wait()
        with self._lock:
            self._left -= 1
            if not self.ended.is_set():
                self.code = code
            if code or not self._left:
                self.ended.set()


def _family(pid: int) -> list[psutil.Process]:
    try:
        parent = psutil.Process(pid)
        return [*parent.children(recursive=True), parent]
    except psutil.Error:
        return []


def lines(path: Path) -> int:
    """Lines of a log so far."""
    try:
        return path.read_bytes().count(b"\n")
    except FileNotFoundError:
        return 0


def wait_for_lines(path: Path, count: int, over: threading.Event) -> None:
    """Until a log has this many lines, or all is over."""
    while lines(path) < count and not over.is_set():
        time.sleep(0.01)
