"""The processes of one start of a job, which are started and ended together."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

_KEEPER = Path(__file__).with_name("keeper.py")


@dataclass(frozen=True)
class Start:
    """Arguments for the start of one process."""

    command: str
    folder: Path
    log: Path
    variables: Mapping[str, str]


class Group:
    """Running processes. `ended` is set as soon as one fails, so that the others can be stopped."""

    def __init__(self, starts: Iterable[Start]) -> None:
        self._processes: list[subprocess.Popen[bytes]] = []
        self._pipes: list[int] = []
        """Write ends of pipes. A keeper ends its process when its pipe is closed, also by the death of this process."""
        for start in starts:
            start.log.parent.mkdir(parents=True, exist_ok=True)
            alive, pipe = os.pipe()
            self._pipes.append(pipe)
            with start.log.open("wb") as log:
                self._processes.append(
                    subprocess.Popen(
                        [sys.executable, "-I", str(_KEEPER), str(alive), start.command],
                        cwd=start.folder,
                        env=dict(start.variables),
                        stdin=subprocess.DEVNULL,
                        stdout=log,
                        stderr=subprocess.STDOUT,
                        start_new_session=True,
                        pass_fds=(alive,),
                    )
                )
            os.close(alive)
        self.ended = threading.Event()
        """Set when all processes have ended or one has failed."""
        self.code = 0
        """Exit code of the process that failed first; 0 if none failed."""
        self._lock = threading.Lock()
        self._left = len(self._processes)
        for process in self._processes:
            threading.Thread(target=self._watch, args=(process,), daemon=True).start()

    def stop(self) -> None:
        """End the processes that still run, with their descendants."""
        while self._pipes:
            os.close(self._pipes.pop())
        for process in self._processes:
            process.wait()

    def _watch(self, process: "subprocess.Popen[bytes]") -> None:
        code = process.wait()
        with self._lock:
            self._left -= 1
            if not self.ended.is_set():
                self.code = code
            if code or not self._left:
                self.ended.set()


def lines(path: Path) -> int:
    """Number of complete lines in a log."""
    try:
        return path.read_bytes().count(b"\n")
    except FileNotFoundError:
        return 0


def wait_for_lines(path: Path, count: int, over: threading.Event) -> None:
    """Wait until a log has this many lines, or `over` is set."""
    while lines(path) < count and not over.is_set():
        time.sleep(0.01)
