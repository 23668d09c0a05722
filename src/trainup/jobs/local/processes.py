"""Starts, finds and ends the processes of a run on this machine.

A process may clear its environment (`env -i`), overwrite it (setproctitle), leave its session, or lose its parent. So
it is recognised by three things: the token among its variables, a resource limit that it inherited, and its ancestors.
"""

import contextlib
import ctypes
import os
import resource
import select
import signal
import subprocess
import sys
import time
from collections.abc import Collection, Sequence
from functools import lru_cache
from pathlib import Path

import psutil

from trainup.core.canonical import sha256
from trainup.jobs.local.files import is_held

TOKEN_VARIABLE = "TRAINUP_TOKEN"
POLL = 0.05
LOOK_SECONDS = 1.0
"""Between two looks at whether somebody has suspended what is to end."""
_PR_SET_CHILD_SUBREAPER = 36
_IS_LINUX = sys.platform == "linux"


def mark(token: str) -> None:
    """Mark this process, and all that it will start, as the token's; for a child between fork and exec.

    The mark is a soft limit of the resident set of two exbibytes and more, which Linux passes on to every child and has
    not acted upon since 2.4 (man 2 setrlimit). A hard limit in the way leaves the process with its token alone.
    """
    if _IS_LINUX:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_RSS, (_mark_of(token), resource.getrlimit(resource.RLIMIT_RSS)[1]))


def start(
    words: list[str], environment: dict[str, str], folder: Path, output: int, processors: tuple[int, ...] = ()
) -> "subprocess.Popen[bytes]":
    """Start the command in a session of its own, on these processors; on Linux the kernel ends it if we are killed."""
    libc = ctypes.CDLL(None) if _IS_LINUX else None
    parent = os.getpid()

    def prepare() -> None:
        for number in (signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)  # ignoring them is our affair, not the command's
        if processors and hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, processors)
        mark(environment[TOKEN_VARIABLE])
        if libc is not None:
            libc.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
            if os.getppid() != parent:
                os._exit(1)

    # A relative program is looked up in the run's own PATH, not in ours.
    return subprocess.Popen(
        words,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=prepare,
    )


def await_end(pid: int, seconds: float) -> bool:
    """Wait for a process to end, for so long at most. False at once where that cannot be waited for."""
    try:
        process = os.pidfd_open(pid)
    except (AttributeError, OSError, OverflowError):  # not on Linux, too many open files, or there is no such process
        return False
    try:
        waiting = select.poll()
        waiting.register(process, select.POLLIN)
        waiting.poll(seconds * 1000)
    finally:
        os.close(process)
    return True


def processes_of(token: str) -> list[psutil.Process]:
    """The living processes of a run: those that carry its token or its mark, and all that they have started."""
    if not any(_carries(pid, token) for pid in psutil.pids() if pid != os.getpid()):
        return []  # the usual case; asking psutil for all processes takes ten times as long
    everybody = [process for process in psutil.process_iter() if process.pid != os.getpid()]
    pids = {process.pid for process in everybody if _carries(process.pid, token)}
    parents = _parents(everybody)
    while more := {pid for pid, parent in parents.items() if parent in pids} - pids:
        pids |= more
    return [process for process in everybody if process.pid in pids and not _has_ended(process)]


def kill_all_of(token: str, *, deadline: float = 10.0) -> None:
    """End every process of a run for good. Returns when none is left; `deadline` in seconds bounds the wait."""
    end = time.monotonic() + deadline
    while (remaining := processes_of(token)) and time.monotonic() < end:
        _kill(remaining)


def called(*words: str) -> list[psutil.Process]:
    """The processes whose command line has all of these words."""
    processes = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            processes += [process] if set(words) <= set(process.cmdline()) else []
    return processes


def let_go_on(*words: str) -> None:
    """Resume the processes of this user whose command line has all of these words, whether or not they are suspended.

    One that was suspended a moment ago may still be said to be at work; SIGCONT reaches it all the same (man 7 signal).
    """
    for process in called(*words):
        with contextlib.suppress(psutil.Error):
            process.resume()


def end_keeper(module: str, folder: Path, lock: Path, stop: Path, seconds: float) -> bool:
    """Ask the process that holds a lock to end by a file, and wait until it has; False where it does not in time.

    `module` and `folder` are words of its command line, by which it is found where it is suspended.
    """
    end, look_at = time.monotonic() + seconds, 0.0
    while is_held(lock):
        stop.touch()
        if time.monotonic() > look_at:
            let_go_on(module, str(folder))
            look_at = time.monotonic() + LOOK_SECONDS
        if time.monotonic() > end:
            return False
        time.sleep(POLL)
    stop.unlink(missing_ok=True)
    return True


def adopt_orphans() -> None:
    """On Linux, become the parent of every descendant whose parent ends."""
    if _IS_LINUX:
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)


def children() -> list[psutil.Process]:
    """The children of this process."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return []  # psutil would read all processes of the machine
    return psutil.Process().children()


def reap_orphans(command: int) -> None:
    """Reap adopted children that have ended, except `command`, whose parent waits for it."""
    with contextlib.suppress(ChildProcessError):
        while child := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            if child.si_pid == command:
                return
            os.waitpid(child.si_pid, 0)


def kill_children(spared: Collection[psutil.Process], *, deadline: float = 10.0) -> None:
    """End all children except these, with their descendants; `deadline` in seconds bounds the wait."""
    end = time.monotonic() + deadline
    while time.monotonic() < end:
        remaining = [child for child in children() if child not in spared]
        if not remaining:
            return
        _kill([*remaining, *(other for child in remaining for other in _descendants(child))])


def _kill(processes: list[psutil.Process]) -> None:
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.send_signal(signal.SIGKILL)
    psutil.wait_procs(processes, timeout=0.5)


def _descendants(process: psutil.Process) -> list[psutil.Process]:
    with contextlib.suppress(psutil.Error):
        return process.children(recursive=True)
    return []


@lru_cache(maxsize=1)  # it is asked for each process of the machine
def _mark_of(token: str) -> int:
    return 1 << 61 | int(sha256(token)[:15], 16)


def _carries(pid: int, token: str) -> bool:
    """Whether a process has the token or the mark of a run."""
    if not _IS_LINUX:
        with contextlib.suppress(psutil.Error, OSError):
            return bool(psutil.Process(pid).environ().get(TOKEN_VARIABLE) == token)
        return False
    with contextlib.suppress(OSError):  # it has ended, or is somebody else's
        if resource.prlimit(pid, resource.RLIMIT_RSS)[0] == _mark_of(token):
            return True
    return f"\0{TOKEN_VARIABLE}={token}\0".encode() in b"\0" + _environment(pid)


def _environment(pid: int) -> bytes:
    """The variables that a process was started with; empty if it has ended or belongs to another user."""
    try:
        descriptor = os.open(f"/proc/{pid}/environ", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return b"".join(iter(lambda: os.read(descriptor, 1 << 16), b""))
    except OSError:
        return b""
    finally:
        os.close(descriptor)


def _parents(processes: list[psutil.Process]) -> dict[int, int]:
    parents = {}
    for process in processes:
        with contextlib.suppress(psutil.Error):
            parents[process.pid] = process.ppid()
    return parents


def _has_ended(process: psutil.Process) -> bool:
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return True


def retitle(words: Sequence[str]) -> None:
    """Show these words as this process's command line, as far as the old one leaves room. Linux alone."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
        start, end = int(fields[45]), int(fields[46])  # arg_start and arg_end of proc(5), counted from the third field
        text = b"\0".join(os.fsencode(word) for word in words)[: end - start - 1]
        if start:
            ctypes.memmove(start, text.ljust(end - start, b"\0"), end - start)
